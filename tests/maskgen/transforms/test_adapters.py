"""The transform inside torchvision's and Albumentations' pipelines."""

import os
import pickle

import numpy as np
import pytest
from PIL import Image

from maskgen.errors import InputError, UsageError
from maskgen.transforms import RandomFaceMask
from tests.helpers import torchvision_operators
from tests.helpers.aligned import aligned, crops, five

torch = pytest.importorskip("torch")
torchvision_operators.import_torchvision()
tv_tensors = pytest.importorskip("torchvision.tv_tensors")
v2 = pytest.importorskip("torchvision.transforms.v2")
os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"  # its import asks the package index for a newer version
A = pytest.importorskip("albumentations")


def torchvision_masks(masks="surgical", **options):
    from maskgen.transforms import TorchvisionFaceMask

    return TorchvisionFaceMask(masks, **{"p": 1, "landmarks": "arcface", **options})


def albumentations_masks(masks="surgical", **options):
    from maskgen.transforms import AlbumentationsFaceMask

    return AlbumentationsFaceMask(masks, **{"p": 1, "landmarks": "arcface", **options})


def image_of(crop):
    return tv_tensors.Image(torch.from_numpy(crop.copy()).permute(2, 0, 1))


def sample(image):
    return {
        "image": image,
        "boxes": tv_tensors.BoundingBoxes([[10, 20, 100, 110]], format="XYXY", canvas_size=(112, 112)),
        "points": tv_tensors.KeyPoints(torch.from_numpy(five()), canvas_size=(112, 112)),
        "mask": tv_tensors.Mask(torch.ones(112, 112, dtype=torch.uint8)),
        "label": 3,
        "weights": torch.rand(7),
    }


def same(one, other):
    return type(one) is type(other) and np.array_equal(np.asarray(one), np.asarray(other))


@pytest.mark.parametrize("kind", ["tv image", "pillow", "tensor"])
def test_torchvision_masks_the_image_of_a_sample_and_nothing_else(kind):
    crop = aligned()[0]
    image = {
        "tv image": image_of(crop),
        "pillow": Image.fromarray(crop),
        "tensor": torch.Tensor(image_of(crop)) / 255,
    }
    given = sample(image[kind])
    transform = torchvision_masks()
    transform.set_epoch(0)
    made = v2.Compose([transform])(given)
    assert type(made["image"]) is type(image[kind])
    core = RandomFaceMask("surgical", p=1, landmarks="arcface")
    core.set_epoch(0)
    assert np.array_equal(np.asarray(made["image"]), np.asarray(core(image[kind])))
    assert not np.array_equal(np.asarray(made["image"]), np.asarray(image[kind]))
    for name in set(given) - {"image"}:
        assert same(made[name], given[name]), name


def test_torchvision_takes_key_points_as_landmarks_after_a_flip():
    pipeline = v2.Compose(
        [
            v2.RandomHorizontalFlip(1.0),
            torchvision_masks(landmarks="keypoints"),
            v2.ToDtype(torch.float32, scale=True),
        ]
    )
    given = sample(image_of(aligned()[0]))
    made = pipeline(given)
    flipped = v2.functional.horizontal_flip(given["image"])
    at = (made["image"] * 255 - flipped).abs().sum(0) > 12
    mouth = made["points"][3:].mean(0).int()
    assert at[mouth[1], mouth[0]]
    with pytest.raises(InputError, match="no key points"):
        torchvision_masks(landmarks="keypoints")(given["image"])


def test_torchvision_writes_a_label_into_the_segmentation_mask_if_asked():
    given = sample(image_of(aligned()[0]))
    made = torchvision_masks(mask_value=9)(given)
    changed = (made["image"] != given["image"]).any(0)
    assert set(made["mask"].unique().tolist()) == {1, 9}
    assert isinstance(made["mask"], tv_tensors.Mask)
    assert changed[made["mask"] == 9].float().mean() > 0.95
    assert (given["mask"] == 1).all()
    with pytest.raises(InputError, match="one label"):
        torchvision_masks(mask_value=9)(given | {"mask": tv_tensors.Mask(torch.ones(2, 112, 112))})
    with pytest.raises(UsageError, match="mask_value"):
        torchvision_masks(mask_value=-1)


def test_torchvision_pickles_counts_and_shows_its_settings():
    transform = torchvision_masks(p=0.5)
    transform.set_epoch(1)
    images = [image_of(crop) for crop in crops(20)]
    made = [transform(image) for image in images]
    copied = pickle.loads(pickle.dumps(transform))
    assert all(torch.equal(copied(image), one) for image, one in zip(images, made, strict=True))
    assert sum(transform.counts.values()) == 20
    assert set(transform.counts) == {"masked", "unmasked"}
    assert "surgical" in repr(v2.Compose([transform]))
    assert transform({"label": 3}) == {"label": 3}


def test_albumentations_masks_the_image_of_a_sample_and_nothing_else():
    pipeline = A.Compose(
        [albumentations_masks()],
        bbox_params=A.BboxParams("pascal_voc", label_fields=["labels"]),
        keypoint_params=A.KeypointParams("xy"),
        seed=1,
    )
    given = {"mask": np.ones((112, 112), np.uint8), "bboxes": np.array([[10.0, 20, 100, 110]]), "labels": [4]}
    made = pipeline(image=aligned()[0].copy(), keypoints=five(), name="one", **given)
    assert (made["image"] != aligned()[0]).any()
    assert np.allclose(made["keypoints"], five())
    assert np.allclose(made["bboxes"], given["bboxes"])
    assert (made["mask"] == 1).all()
    assert list(made["labels"]) == [4]
    assert made["name"] == "one"


def test_albumentations_draws_by_its_own_seed_and_probability():
    def made(seed):
        pipeline = A.Compose([albumentations_masks("cloth,surgical,n95", p=0.5)], seed=seed)
        return [pipeline(image=aligned()[0].copy())["image"].tobytes() for _ in range(20)]

    assert made(1) == made(1)
    assert made(1) != made(2)
    assert 3 < sum(one == aligned()[0].tobytes() for one in made(1)) < 17


def test_albumentations_draws_by_the_index_of_a_sample():
    core = RandomFaceMask("cloth,surgical,n95", p=1, landmarks="arcface")
    transform = albumentations_masks("cloth,surgical,n95")
    for each in (core, transform):
        each.set_epoch(2)
    made = A.Compose([transform], seed=8)(image=aligned()[0].copy(), index=5)
    assert (made["image"] == core(aligned()[0], index=5)).all()


def test_albumentations_takes_key_points_and_landmarks_and_float_images():
    crop = aligned()[0].copy()
    core = RandomFaceMask("surgical", p=1)
    expected = core(crop, landmarks=five(), index=0)
    by_points = A.Compose(
        [albumentations_masks(landmarks="keypoints")], keypoint_params=A.KeypointParams("xy")
    )
    assert (by_points(image=crop, keypoints=five(), index=0)["image"] == expected).all()
    given = A.Compose([albumentations_masks()])
    assert (given(image=crop, landmarks=five(), index=0)["image"] == expected).all()
    floats = given(image=(crop / 255).astype(np.float32), landmarks=five(), index=0)["image"]
    assert (np.rint(floats * 255) == expected).all()


def test_albumentations_writes_a_label_into_the_segmentation_mask_if_asked():
    transform = albumentations_masks(mask_value=2)
    made = A.Compose([transform])(image=aligned()[0].copy(), mask=np.zeros((112, 112), np.uint8))
    assert set(np.unique(made["mask"])) == {0, 2}
    assert (made["image"] != aligned()[0]).any(-1)[made["mask"] == 2].mean() > 0.95
    pickle.loads(pickle.dumps(transform))
    assert transform.counts == {"masked": 1}


@pytest.mark.fault
def test_row698_albumentations_searches_each_image_of_a_sample_for_its_own_face():
    first, second = crops(2)
    both = A.Compose([albumentations_masks("cloth")], additional_targets={"image0": "image"}, seed=3)
    made = both(image=first, image0=second)
    assert np.array_equal(
        made["image"], A.Compose([albumentations_masks("cloth")], seed=3)(image=first)["image"]
    )
    assert np.array_equal(
        made["image0"], A.Compose([albumentations_masks("cloth")], seed=3)(image=second)["image"]
    )


@pytest.mark.fault
def test_row698_albumentations_repeats_a_draw_on_another_image():
    first, second = crops(2)
    made = A.ReplayCompose([albumentations_masks("cloth")])(image=first)
    assert np.array_equal(A.ReplayCompose.replay(made["replay"], image=first)["image"], made["image"])
    again = A.ReplayCompose.replay(made["replay"], image=second)["image"]
    assert np.array_equal(again[:20], second[:20])
    assert not np.array_equal(again, second)


@pytest.mark.fault
def test_row698_albumentations_saves_all_arguments_of_a_transform():
    transform = albumentations_masks("surgical-plain-navy", wear="nose", seed=7, mask_value=3, faces="all")
    read = A.from_dict(A.to_dict(A.Compose([transform]))).transforms[0]
    assert A.to_dict(read) == A.to_dict(transform)
    assert repr(read._core) == repr(transform._core)
    made = [
        each(image=aligned()[0], index=1, mask=np.zeros((112, 112), np.uint8)) for each in (read, transform)
    ]
    assert all(np.array_equal(made[0][name], made[1][name]) for name in ("image", "mask"))
