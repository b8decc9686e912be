"""The layouts for detectors and classifiers as pycocotools and torchvision read them."""

import tests.helpers.torchvision_operators  # noqa: F401

# isort: split
import numpy as np
import pytest
from pycocotools.coco import COCO
from torchvision.datasets import CocoDetection, ImageFolder, VOCDetection, wrap_dataset_for_transforms_v2
from torchvision.transforms import v2

from maskgen.dataset.reader import open_data_set
from maskgen.dataset.unpack import unpack
from tests.helpers.detection import HEIGHT, WIDTH, DrawnFace, write_photos

# pycocotools 2.0.11 predates the keyword `copy` of NumPy 2's `__array__`.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

PHOTOS = [
    [DrawnFace(80, 60)],
    [DrawnFace(30, 60), DrawnFace(80, 60, wear="bare"), DrawnFace(130, 60, wear="nose")],
    [DrawnFace(80, 60, wear="bare")],
]


@pytest.fixture
def folder(tmp_path):
    return write_photos(tmp_path / "set", PHOTOS, encoding="png")


def masks_of(folder):
    """key -> pixels of all masks in the image, from `parts`."""
    return {sample.key: sample.decode()["parts"] == 3 for sample in open_data_set(folder).samples()}


@pytest.mark.parametrize("segments", ["rle", "polygon"])
def test_pycocotools_decodes_the_masks_to_the_pixels_of_parts(folder, tmp_path, segments):
    unpack(folder, tmp_path / "to", layout="coco", segments=segments)
    coco = COCO(tmp_path / "to/annotations/instances_train.json")
    parts = masks_of(folder)
    for image in coco.loadImgs(coco.getImgIds()):
        entries = coco.loadAnns(coco.getAnnIds(image["id"]))
        found = sum((coco.annToMask(entry) for entry in entries), np.zeros((HEIGHT, WIDTH), np.uint8)) > 0
        true = parts[image["file_name"].removesuffix(".png")]
        if segments == "rle":
            assert np.array_equal(found, true)
        elif true.any():
            assert (found & true).sum() / (found | true).sum() > 0.96
        bare = [entry for entry in entries if entry["category_id"] == 2]
        assert not any(coco.annToMask(entry).any() for entry in bare)
    assert len(coco.getAnnIds(catIds=coco.getCatIds(["without_mask"]))) == 2


@pytest.mark.parametrize("segments", ["rle", "polygon"])
def test_torchvision_reads_boxes_labels_and_masks(folder, tmp_path, segments):
    unpack(folder, tmp_path / "to", layout="coco", segments=segments)
    photos = CocoDetection(tmp_path / "to/train", tmp_path / "to/annotations/instances_train.json")
    photos = wrap_dataset_for_transforms_v2(photos, target_keys=("boxes", "labels", "masks"))
    image, target = photos[1]
    assert image.size == (WIDTH, HEIGHT)
    assert target["labels"].tolist() == [1, 2, 3]
    assert target["masks"].shape == (3, HEIGHT, WIDTH)
    assert [bool(mask.any()) for mask in target["masks"]] == [True, False, True]
    mirrored = v2.RandomHorizontalFlip(1.0)(image, target)[1]["boxes"]
    assert mirrored[0, 0] == pytest.approx(WIDTH - float(target["boxes"][0, 2]), abs=0.01)
    for box, mask in zip(target["boxes"].tolist(), target["masks"].numpy(), strict=True):
        y, x = np.nonzero(mask)
        assert not len(x) or (box[0] <= x.min() <= x.max() < box[2] and box[1] <= y.min())


def test_torchvision_reads_voc(folder, tmp_path):
    unpack(folder, tmp_path / "data/VOCdevkit/VOC2012", layout="voc")
    photos = VOCDetection(tmp_path / "data", year="2012", image_set="train")
    assert len(photos) == 3
    names = [[one["name"] for one in target["annotation"]["object"]] for _, target in photos]
    assert ["with_mask", "without_mask", "mask_weared_incorrect"] in names
    wrapped = wrap_dataset_for_transforms_v2(
        photos, target_keys=("boxes",)
    )  # it knows only VOC's own classes
    image, target = wrapped[names.index(max(names, key=len))]
    assert image.size == (WIDTH, HEIGHT)
    assert target["boxes"].shape == (3, 4)


def test_torchvision_reads_the_folders_of_classes(tmp_path):
    folder = write_photos(tmp_path / "set", [PHOTOS[0], PHOTOS[2]], size_setting=224)
    unpack(folder, tmp_path / "to", layout="classes", class_by="wear")
    photos = ImageFolder(tmp_path / "to/train")
    assert photos.classes == ["bare", "correct"]
    assert sorted(target for _, target in photos) == [0, 1]
