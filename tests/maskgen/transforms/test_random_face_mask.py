"""`RandomFaceMask`: kinds of images, landmarks, results, and what stays untouched."""

import copy
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from maskgen.faces.landmarks.given_points import MIRRORED_68
from maskgen.faces.landmarks.points5_to_mesh import fit_mesh_to_five
from maskgen.transforms import MaskedImage, RandomFaceMask
from tests.helpers.aligned import aligned, crops, five, sixty_eight
from tests.helpers.faces import astronaut, mean_face, turned

torch = pytest.importorskip("torch")
MIRRORED_FIVE = [1, 0, 2, 4, 3]


def on_crops(masks="surgical-#0473e2", **options):
    return RandomFaceMask(masks, p=options.pop("p", 1), landmarks="arcface", **options)


def test_a_mask_covers_mouth_and_chin_but_not_the_eyes():
    crop, mesh = aligned()
    made = on_crops(return_map=True)(crop, index=0)
    mouth, right_eye = mesh[13, :2].astype(int), mesh[159, :2].astype(int)
    assert made.parts[mouth[1], mouth[0]] == 3
    assert made.map[right_eye[1], right_eye[0]] == 0
    assert 0.2 < made.map.mean() < 0.6
    assert made.masks[0].family == "surgical"
    assert made.masks[0].colour == "#0473e2"


def test_nothing_changes_outside_the_map_and_the_image_given_never_does():
    crop = aligned()[0].copy()
    made = on_crops(return_map=True)(crop)
    assert (crop == aligned()[0]).all()
    assert (made.image[made.map == 0] == crop[made.map == 0]).all()
    assert (made.image[made.map == 1] != crop[made.map == 1]).any(-1).mean() > 0.9


def test_images_of_all_kinds_get_the_same_mask():
    crop = aligned()[0].copy()
    transform = on_crops()
    expected = transform(crop, index=5)
    tensor = torch.from_numpy(crop).permute(2, 0, 1)
    assert (np.asarray(transform(Image.fromarray(crop), index=5)) == expected).all()
    assert (transform(tensor, index=5).permute(1, 2, 0).numpy() == expected).all()
    for dtype, error in ((torch.float32, 0), (torch.float64, 0), (torch.float16, 0), (torch.bfloat16, 1)):
        made = transform((tensor.double() / 255).to(dtype), index=5)
        assert made.dtype == dtype
        away = (made.double() * 255).round().permute(1, 2, 0).numpy() - expected
        assert abs(away).max() <= error, dtype
    floats = transform((crop / 255).astype(np.float32), index=5)
    assert floats.dtype == np.float32
    assert (np.rint(floats * 255) == expected).all()


def test_floats_outside_the_map_keep_every_bit():
    tensor = torch.from_numpy(aligned()[0].copy()).permute(2, 0, 1) / 255 * 0.9 + 0.0123
    made = on_crops(return_map=True)(tensor)
    outside = (made.map == 0).expand(3, -1, -1)
    assert torch.equal(made.image[outside], tensor[outside])
    assert made.map.dtype == torch.uint8
    assert tuple(made.map.shape) == (112, 112)


def test_grey_images_stay_grey():
    grey = np.asarray(Image.fromarray(aligned()[0]).convert("L"))
    transform = on_crops()
    made = transform(grey, index=1)
    assert made.shape == grey.shape
    assert (made != grey).any()
    assert (transform(grey[..., None], index=1)[..., 0] == made).all()
    assert (transform(torch.from_numpy(grey.copy())[None], index=1)[0].numpy() == made).all()
    pillow = transform(Image.fromarray(grey), index=1)
    assert pillow.mode == "L"
    assert (np.asarray(pillow) == made).all()


def test_crops_of_another_size_lie_on_the_scaled_template():
    small, large = (on_crops(return_map=True)(aligned(size)[0], index=3).map for size in (112, 224))
    assert abs(large.mean() - small.mean()) < 0.03


@pytest.mark.parametrize("count", [5, 68, 468, 478])
def test_given_points_seat_the_mask_as_the_mesh_does(count):
    crop, mesh = aligned()
    points = {5: five(), 68: sixty_eight(), 468: mesh[:, :2], 478: np.vstack([mesh, mesh[:10]])}[count]
    transform = RandomFaceMask("surgical", p=1, return_map=True, cache="off")
    expected = transform(crop, landmarks=mesh, index=0).map
    for given in (points, points.tolist(), torch.from_numpy(np.array(points)), points[None]):
        found = transform(crop, landmarks=given, index=0).map
        overlap = (found & expected).sum() / (found | expected).sum()
        assert overlap > (0.999 if count == 478 else 0.9)


def test_points_of_a_mirrored_face_may_keep_their_order():
    crop = np.ascontiguousarray(aligned()[0][:, ::-1])
    mirrored = lambda points: points * [-1, 1] + [111, 0]  # noqa: E731
    transform = RandomFaceMask("surgical", p=1, cache="off")
    for points, order in ((five(), MIRRORED_FIVE), (sixty_eight(), MIRRORED_68)):
        kept = transform(crop, landmarks=mirrored(points), index=0)
        ordered = transform(crop, landmarks=mirrored(points)[order], index=0)
        assert (kept != crop).any()
        assert (kept == ordered).all()
    mesh = aligned()[1] * np.array([-1, 1, 1], np.float32) + np.array([111, 0, 0], np.float32)
    assert (transform(crop, landmarks=mesh, index=0) != crop).any()
    assert transform.counts == {"masked": 5}


@pytest.mark.parametrize("yaw", [-40, -20, 0, 20, 40])
@pytest.mark.parametrize("roll", [0, 30, 180])
def test_five_points_of_the_mean_face_give_its_mesh_in_any_pose(yaw, roll):
    face = mean_face(turned(yaw, -6, roll), eyes=35)
    points = np.array(
        [face.mesh[list(on), :2].mean(0) for on in ((33, 133), (263, 362), (4,), (61,), (291,))]
    )
    found, misfit = fit_mesh_to_five(points.astype(np.float64))
    assert misfit < 0.05
    assert np.linalg.norm((found - face.mesh)[:, :2], axis=1).max() < 0.12 * 35


def test_several_given_faces_wear_masks_of_their_own():
    crop, mesh = aligned()
    both = np.concatenate([crop, crop], axis=1)
    beside = mesh + np.array([112, 0, 0], np.float32)
    transform = RandomFaceMask("cloth,n95,kn95", p=1, faces="all", return_map=True, cache="off")
    made = transform(both, landmarks=[mesh, beside], index=1)
    assert len(made.masks) == 2
    assert made.map[:, :112].mean() > 0.2
    assert made.map[:, 112:].mean() > 0.2
    largest = RandomFaceMask("cloth", p=1, return_map=True, cache="off")(
        both, landmarks=[mesh, beside], index=1
    )
    assert len(largest.masks) == 1


def test_a_detector_finds_the_face_and_its_result_is_kept(tmp_path, monkeypatch):
    from maskgen.transforms import lazy_detector

    transform = RandomFaceMask("surgical", p=1, cache=str(tmp_path))
    first = transform(astronaut(), index=0)
    assert (first != astronaut())[110:200, 180:270].any()
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 1
    monkeypatch.setattr(lazy_detector.LazyDetector, "_networks", lambda self: pytest.fail("searched again"))
    assert (transform(astronaut().copy(), index=0) == first).all()
    other = RandomFaceMask("surgical", p=1, cache=str(tmp_path))
    assert (np.asarray(other(Image.fromarray(astronaut()), index=0)) == first).all()


def test_a_photo_without_a_face_is_returned_as_it_is_and_counted():
    noise = np.random.default_rng(0).integers(0, 255, (120, 120, 3), np.uint8)
    transform = RandomFaceMask(p=1, cache="off")
    assert transform(noise) is noise
    image = Image.fromarray(noise)
    assert transform(image) is image
    made = RandomFaceMask(p=1, cache="off", return_map=True)(noise)
    assert made.image is noise
    assert not made.map.any()
    assert made.masks == ()
    assert transform.counts == {"no_face": 2}


def test_refining_follows_a_turned_face(tmp_path):
    transform = on_crops(refine=True, cache=str(tmp_path), return_map=True)
    crop, mesh = aligned()
    exact = RandomFaceMask("surgical-#0473e2", p=1, cache="off", return_map=True)
    found, expected = transform(crop, index=0).map, exact(crop, landmarks=mesh, index=0).map
    assert (found & expected).sum() / (found | expected).sum() > 0.93
    assert any(path.is_file() for path in tmp_path.rglob("*"))


def test_the_fraction_of_masked_images_is_p():
    transform = on_crops(p=0.3)
    made = [transform(aligned()[0], index=nth) is not aligned()[0] for nth in range(300)]
    assert 0.22 < np.mean(made) < 0.38
    assert transform.counts == {"masked": sum(made), "unmasked": 300 - sum(made)}
    assert on_crops(p=0)(aligned()[0]) is aligned()[0]


def test_an_image_that_is_masked_at_a_small_p_is_masked_the_same_at_a_larger_one():
    rare, often = on_crops(p=0.2), on_crops(p=0.6)
    for nth in range(60):
        one, other = rare(aligned()[0], index=nth), often(aligned()[0], index=nth)
        assert one is aligned()[0] or (one == other).all()


def test_bare_in_a_spec_leaves_a_face_alone():
    transform = on_crops("bare:3,surgical:1", return_map=True)
    made = [transform(aligned()[0], index=nth) for nth in range(80)]
    bare = [one for one in made if one.masks[0].family == "bare"]
    assert 45 < len(bare) < 75
    assert all(one.image is aligned()[0] and not one.map.any() for one in bare)


def test_the_mask_depends_on_seed_epoch_and_index_alone():
    def made(seed, epoch, index, image=0):
        transform = on_crops("cloth,surgical,n95", seed=seed)
        transform.set_epoch(epoch)
        return transform(crops(2)[image], index=index)[8:]

    expected = made(1, 2, 3)
    assert (made(1, 2, 3) == expected).all()
    assert (made(1, 2, 3, image=1) == expected).all()
    for other in ((2, 2, 3), (1, 3, 3), (1, 2, 4)):
        assert (made(*other) != expected).any()


def test_without_an_index_the_mask_depends_on_seed_epoch_and_content():
    one, other = crops(2)
    transform = on_crops("cloth,surgical,n95")
    transform.set_epoch(1)
    first = transform(one)
    transform(other)
    assert (transform(one) == first).all()
    assert (transform(one.copy()) == first).all()
    assert (transform(other)[8:] != first[8:]).any()
    transform.set_epoch(2)
    assert (transform(one) != first).any()


def test_without_epoch_and_index_each_call_draws_anew_and_a_seed_repeats_them():
    one, other = on_crops("cloth,surgical,n95"), on_crops("cloth,surgical,n95")
    made = [one(aligned()[0]) for _ in range(4)]
    assert len({result.tobytes() for result in made}) == 4
    assert all((other(aligned()[0]) == result).all() for result in made)


def test_a_pickled_and_a_copied_transform_go_on_alike():
    transform = on_crops("cloth,surgical,n95", refine=True, cache="off")
    transform.set_epoch(3)
    transform(aligned()[0], index=0)
    expected = transform(aligned()[0], index=7)
    data = pickle.dumps(transform)
    assert len(data) < 20_000
    for other in (pickle.loads(data), copy.deepcopy(transform)):
        assert (other(aligned()[0], index=7) == expected).all()
        other.set_epoch(4)
    assert (transform(aligned()[0], index=7) == expected).all()


def test_threads_share_one_transform(tmp_path):
    transform = RandomFaceMask("cloth,surgical,n95", p=1, cache="off")
    photos = [np.ascontiguousarray(astronaut()[:, shift : 440 + shift]) for shift in range(6)]
    expected = [transform(photo, index=nth) for nth, photo in enumerate(photos)]
    fresh = RandomFaceMask("cloth,surgical,n95", p=1, cache="off")
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda nth: fresh(photos[nth % 6], index=nth % 6), range(24)))
    assert all((one == expected[nth % 6]).all() for nth, one in enumerate(made))
    assert fresh.counts == {"masked": 24}


def test_the_result_with_a_map_is_documented():
    made = on_crops(return_map=True)(aligned()[0])
    assert isinstance(made, MaskedImage)
    assert set(np.unique(made.parts)) <= {0, 1, 2, 3}
    assert ((made.parts > 0) == (made.map > 0)).all()


def test_masks_on_pillow_images_and_arrays_need_no_torch():
    program = (
        "import sys; import numpy as np; from maskgen.transforms import RandomFaceMask\n"
        "RandomFaceMask('surgical', p=1, landmarks='arcface')(np.full((112, 112, 3), 90, np.uint8))\n"
        "print([name for name in ('torch', 'torchvision', 'albumentations') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
