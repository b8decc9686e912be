"""`maskgen.mask_photo`: one photo in memory."""

import io
import re
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from threading import Barrier

import numpy as np
import pytest
from PIL import Image

import maskgen
from maskgen import api
from maskgen.errors import InputError, Skip, UsageError
from maskgen.faces.arcface import TEMPLATE, five_points
from maskgen.images.codecs import encode_lossless
from tests.helpers.faces import astronaut


def test_the_mask_lies_on_the_face():
    triplet = maskgen.mask_photo(astronaut(), masks="surgical-#0473e2")
    assert (triplet.gt == astronaut()).all()
    assert triplet.parts[141, 224] == 3
    assert (triplet.masked != triplet.gt).any(-1)[triplet.map == 0].sum() == 0
    assert triplet.faces[0].mask.family == "surgical"


def test_arrays_pillow_images_paths_bytes_and_open_files_give_the_same_result(tmp_path):
    data = encode_lossless(astronaut(), "png")
    (tmp_path / "a.png").write_bytes(data)
    given = [
        astronaut(),
        Image.fromarray(astronaut()),
        tmp_path / "a.png",
        str(tmp_path / "a.png"),
        data,
        bytearray(data),
        memoryview(data),
        io.BytesIO(data),
    ]
    made = [maskgen.mask_photo(image, seed=3).masked for image in given]
    assert all((one == made[0]).all() for one in made)


def test_the_result_depends_on_seed_masks_and_size():
    one = maskgen.mask_photo(astronaut(), "cloth,n95", size=128, seed=1)
    assert one.masked.shape == (128, 128, 3)
    assert (one.masked == maskgen.mask_photo(astronaut(), "cloth,n95", size=128, seed=1).masked).all()
    assert (one.masked != maskgen.mask_photo(astronaut(), "cloth,n95", size=128, seed=2).masked).any()


def test_a_crop_can_be_aligned_as_recognisers_need_it():
    usual, aligned = (
        maskgen.mask_photo(astronaut(), size=112, align=align, seed=1) for align in ("ffhq", "arcface")
    )
    points = five_points(aligned.faces[0].face.mesh)
    assert abs(points - TEMPLATE).max() < 0.06 * 112
    assert (usual.gt != aligned.gt).any()
    with pytest.raises(UsageError, match=r"mask_photo: crop\.align .* give 112"):
        maskgen.mask_photo(astronaut(), align="arcface")


def test_two_seeds_share_one_detector(monkeypatch):
    built = []
    build = api.build_tools
    monkeypatch.setattr(api, "build_tools", lambda settings: built.append(settings) or build(settings))
    api._tools.cache_clear()
    one, two = (maskgen.mask_photo(astronaut(), "cloth", size=64, seed=seed) for seed in (1, 2))
    assert len(built) == 1
    assert one.seed != two.seed


def small_photo():
    return np.ascontiguousarray(astronaut()[20:220, 120:320])


def contents(made):
    """Returns everything that a triplet holds, as bytes and text."""
    assert not isinstance(made, Skip), made
    arrays = [made.masked, made.gt, made.map, made.parts]
    arrays += [array for face in made.faces for array in (face.face.mesh, face.face.landmarks)]
    labels = made.seed, made.valid, made.main, [(face.pose, face.mask, face.face.box) for face in made.faces]
    return [(array.shape, array.dtype, array.tobytes()) for array in arrays], repr(labels)


def test_another_seed_for_the_same_photo_does_not_search_for_its_faces_again(monkeypatch):
    searched = []
    search = api._SharedDetector._search
    monkeypatch.setattr(
        api._SharedDetector, "_search", lambda self, pixels: searched.append(1) or search(self, pixels)
    )
    api._tools.cache_clear()
    for seed in range(3):
        maskgen.mask_photo(small_photo(), seed=seed)
    assert len(searched) == 1
    monkeypatch.setattr(api, "KEPT_BYTES", 0)
    maskgen.mask_photo(small_photo())
    maskgen.mask_photo(small_photo())
    assert len(searched) == 3


def test_kept_faces_belong_to_the_same_pixels_and_cannot_be_changed_from_outside():
    photo = small_photo()
    mirrored = np.ascontiguousarray(photo[:, ::-1])
    api._tools.cache_clear()
    first, other = contents(maskgen.mask_photo(photo)), contents(maskgen.mask_photo(mirrored))
    assert first != other
    buffer = photo.copy()
    for _ in range(2):
        buffer[:] = photo
        made = maskgen.mask_photo(buffer)
        assert contents(made) == first
        made.faces[0].face.mesh[:] = 0
        made.faces[0].face.landmarks[:] = 0
        assert contents(maskgen.mask_photo(buffer)) == first
        buffer[:] = mirrored  # in place: the same array object, another photo
        assert contents(maskgen.mask_photo(buffer)) == other


@pytest.mark.parametrize("size", [0, 96])
def test_a_triplet_does_not_change_with_the_array_it_was_made_of(size):
    photo = small_photo()
    made = maskgen.mask_photo(photo, size=size)
    expected = contents(made)
    photo[:] = 0
    assert contents(made) == expected


def test_kept_faces_belong_to_photos_of_the_same_shape():
    blank = np.zeros((100, 200, 3), np.uint8)
    found = [maskgen.mask_photo(photo) for photo in (small_photo(), blank, blank.reshape(200, 100, 3))]
    assert found[1:] == [Skip("no_face")] * 2


def test_eight_threads_give_the_same_bytes_as_one():
    mirrored = np.ascontiguousarray(small_photo()[:, ::-1])
    choices = [
        (photo, {"masks": masks, "wear": wear, "size": size, "faces": faces})
        for photo in (small_photo(), mirrored)
        for masks, wear in (("surgical", "correct"), ("cloth,n95", "correct:.5,nose:.5"))
        for size, faces in ((0, "largest"), (96, "largest"), (0, "all"))
    ]

    def calls(thread):
        for nth in range(len(choices)):
            photo, options = choices[(nth + 5 * thread) % len(choices)]
            yield photo, options | {"seed": thread}

    api._tools.cache_clear()
    expected = [
        [contents(maskgen.mask_photo(photo, **options)) for photo, options in calls(thread)]
        for thread in range(8)
    ]
    api._tools.cache_clear()
    start = Barrier(8)

    def run(thread):
        start.wait()
        return [contents(maskgen.mask_photo(photo, **options)) for photo, options in calls(thread)]

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(run, range(8))) == expected


def test_threads_that_start_together_build_one_detector(monkeypatch):
    built = []
    build = api.build_tools
    monkeypatch.setattr(api, "build_tools", lambda settings: built.append(settings) or build(settings))
    api._tools.cache_clear()
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda seed: maskgen.mask_photo(small_photo(), seed=seed), range(8)))
    assert len(built) == 1
    assert len({triplet.seed for triplet in made}) == 8


def test_grey_photos_are_accepted():
    grey = astronaut().mean(-1).astype(np.uint8)
    assert maskgen.mask_photo(grey).map.any()


def test_with_faces_all_every_face_wears_a_mask():
    double = np.hstack([astronaut()[:300, 60:380], astronaut()[:300, 60:380]])
    assert len(maskgen.mask_photo(double, faces="all").faces) == 2


def test_a_photo_without_a_face_gives_a_skip_with_the_reason():
    assert maskgen.mask_photo(np.full((100, 100, 3), 90, np.uint8)) == Skip("no_face")
    assert maskgen.mask_photo(b"nothing").reason == "unreadable"


def test_invalid_images_and_arguments_are_refused(tmp_path):
    for image in (
        astronaut() / 255,
        astronaut()[..., 0, 0],
        np.zeros((0, 5, 3), np.uint8),
        tmp_path / "none.jpg",
    ):
        with pytest.raises(InputError):
            maskgen.mask_photo(image)
    with pytest.raises(InputError, match="nosuch"):
        maskgen.mask_photo(astronaut(), "nosuch")
    for wrong in (
        {"size": 7},
        {"faces": "some"},
        {"landmarks": "eyes"},
        {"seed": -1},
        {"align": "eyes"},
    ):
        with pytest.raises(UsageError) as error:
            maskgen.mask_photo(astronaut(), **wrong)
        assert str(error.value).startswith(f"mask_photo: {next(iter(wrong))}: ")
        assert "pydantic" not in str(error.value)


def test_the_api_page_imports_from_the_public_packages_only():
    page = (Path(__file__).parents[2] / "docs/api.md").read_text("utf-8")
    imports = re.findall(r"^from (\S+) import (.+)$", page, re.M)
    assert imports
    for package, names in imports:
        assert package in ("maskgen", "maskgen.transforms", "unmasknet")
        assert set(names.split(", ")) <= set(import_module(package).__all__)
    for name in re.findall(r"`maskgen\.(\w+)", page):
        assert hasattr(maskgen, name)
