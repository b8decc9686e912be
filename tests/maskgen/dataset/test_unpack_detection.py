"""Layouts for detectors and classifiers: `yolo`, `coco`, `voc`, `classes`."""

import json
from xml.etree import ElementTree

import numpy as np
import pytest
import yaml
from PIL import Image

from maskgen.cli.unpack import report_text
from maskgen.dataset.reader import open_data_set
from maskgen.dataset.unpack import unpack
from maskgen.dataset.unpack.face_boxes import FOREHEAD
from maskgen.errors import UsageError
from tests.helpers.detection import HEIGHT, WIDTH, DrawnFace, write_photos

ALONE = [DrawnFace(80, 60)]
THREE = [DrawnFace(30, 60), DrawnFace(80, 60, wear="bare"), DrawnFace(130, 60, wear="nose")]
BARE = [DrawnFace(80, 60, wear="bare")]
CLASSES = ["with_mask", "without_mask", "mask_weared_incorrect"]


@pytest.fixture
def folder(tmp_path):
    """Two photos to train on, one of three faces, and one photo to validate."""
    write_photos(tmp_path / "set", [ALONE, THREE])
    return write_photos(tmp_path / "set", [BARE], split="val")


def expected_box(face: DrawnFace) -> tuple[float, float, float, float]:
    """Bounds of the drawn ellipse with the raised forehead, in pixels whose edges are whole numbers."""
    top = face.y - 1.2 * face.half - FOREHEAD * 2.4 * face.half
    return face.x - face.half + 0.5, top + 0.5, face.x + face.half + 0.5, face.y + 1.2 * face.half + 0.5


def yolo_lines(to, split, nth=0):
    labels = sorted((to / "labels" / split).iterdir())[nth]
    return [[float(value) for value in line.split()] for line in labels.read_text().splitlines()]


def test_yolo_has_a_line_for_every_face_bare_ones_too(folder, tmp_path):
    report = unpack(folder, tmp_path / "to", layout="yolo")
    rows = yolo_lines(tmp_path / "to", "train", 1)
    assert [row[0] for row in rows] == [0, 1, 2]
    for face, (_, x, y, width, height) in zip(THREE, rows, strict=True):
        x, y, width, height = x * WIDTH, y * HEIGHT, width * WIDTH, height * HEIGHT
        found = x - width / 2, y - height / 2, x + width / 2, y + height / 2
        assert found == pytest.approx(expected_box(face), abs=0.05)
    assert report.boxes == {"with_mask": 2, "without_mask": 2, "mask_weared_incorrect": 1}
    assert "faces: with_mask 2, without_mask 2, mask_weared_incorrect 1" in report_text(report)
    assert (report.samples, report.files, report.faces_left_out) == (3, 6, 0)


def test_yolo_names_images_and_labels_alike_and_keeps_the_bytes(folder, tmp_path):
    unpack(folder, tmp_path / "to", layout="yolo")
    for sample in open_data_set(folder).samples():
        split = sample.labels["split"]
        image = tmp_path / f"to/images/{split}/{sample.key}.jpg"
        assert image.read_bytes() == sample.members["masked.jpg"]
        assert (tmp_path / f"to/labels/{split}/{sample.key}.txt").exists()


def test_data_yaml_names_splits_relative_to_itself_and_the_classes_by_id(folder, tmp_path):
    unpack(folder, tmp_path / "to", layout="yolo")
    data = yaml.safe_load((tmp_path / "to/data.yaml").read_text("utf-8"))
    assert data == {
        "train": "images/train",
        "val": "images/val",
        "nc": 3,
        "names": dict(enumerate(CLASSES)),
    }


def test_data_yaml_without_a_validation_split_names_the_training_split_and_warns(tmp_path):
    folder = write_photos(tmp_path / "set", [ALONE])
    report = unpack(folder, tmp_path / "to", layout="yolo")
    assert yaml.safe_load((tmp_path / "to/data.yaml").read_text("utf-8"))["val"] == "images/train"
    assert any("no photo is in the split val" in line for line in report.warnings)


def test_names_that_yaml_takes_for_other_types_stay_text(folder, tmp_path):
    unpack(folder, tmp_path / "to", layout="yolo", classes="yes,no,1")
    data = yaml.safe_load((tmp_path / "to/data.yaml").read_text("utf-8"))
    assert data["names"] == {0: "yes", 1: "no", 2: "1"}


def test_classes_are_renamed_and_merged(folder, tmp_path):
    report = unpack(folder, tmp_path / "to", layout="yolo", classes="mask,face,mask")
    assert report.boxes == {"mask": 3, "face": 2}
    assert [row[0] for row in yolo_lines(tmp_path / "to", "train", 1)] == [0, 1, 0]


def test_classes_by_wear_tell_each_state_apart(tmp_path):
    states = ["correct", "nose", "chin", "below-mouth", "bare"]
    folder = write_photos(tmp_path / "set", [[DrawnFace(80, 60, wear=wear)] for wear in states])
    report = unpack(folder, tmp_path / "to", layout="yolo", class_by="wear")
    assert report.boxes == dict.fromkeys(states, 1)
    assert [yolo_lines(tmp_path / "to", "train", nth)[0][0] for nth in range(5)] == [0, 1, 2, 3, 4]


def test_yolo_polygons_are_those_of_the_masks(folder, tmp_path):
    report = unpack(folder, tmp_path / "to", layout="yolo", segments="polygon")
    assert report.boxes == {"with_mask": 2, "without_mask": 0, "mask_weared_incorrect": 1}
    assert report.warnings == ()
    rows = yolo_lines(tmp_path / "to", "train", 1)
    assert [row[0] for row in rows] == [0, 2]
    for face, row in zip([THREE[0], THREE[2]], rows, strict=True):
        points = np.reshape(row[1:], (-1, 2)) * (WIDTH, HEIGHT)
        assert points.min(0) == pytest.approx(face.outline.min(0), abs=1.1)
        assert points.max(0) == pytest.approx(face.outline.max(0) + 1, abs=1.1)
    assert yolo_lines(tmp_path / "to", "val") == []


def test_boxes_are_clipped_at_the_border(tmp_path):
    folder = write_photos(tmp_path / "set", [[DrawnFace(12, 60)]])
    unpack(folder, tmp_path / "yolo", layout="yolo")
    ((_, x, _, width, _),) = yolo_lines(tmp_path / "yolo", "train")
    assert ((x - width / 2) * WIDTH, (x + width / 2) * WIDTH) == pytest.approx((0, 32.5), abs=0.01)
    unpack(folder, tmp_path / "voc", layout="voc")
    (path,) = (tmp_path / "voc/Annotations").iterdir()
    assert ElementTree.parse(path).findtext("object/truncated") == "1"


def test_a_face_mostly_outside_of_the_image_has_no_box_and_is_counted(tmp_path):
    folder = write_photos(tmp_path / "set", [[DrawnFace(80, 60), DrawnFace(-4, 60, wear="bare")]])
    report = unpack(folder, tmp_path / "to", layout="coco")
    assert (sum(report.boxes.values()), report.faces_left_out) == (1, 1)
    assert "1 face without a label" in report_text(report)


def test_small_faces_are_left_out_on_request(tmp_path):
    folder = write_photos(tmp_path / "set", [[DrawnFace(80, 60), DrawnFace(20, 20, half=6, wear="bare")]])
    assert sum(unpack(folder, tmp_path / "all", layout="yolo").boxes.values()) == 2
    report = unpack(folder, tmp_path / "large", layout="yolo", min_face=20.0)
    assert (sum(report.boxes.values()), report.faces_left_out) == (1, 1)


def index_of(to, split="train"):
    return json.loads((to / f"annotations/instances_{split}.json").read_text("utf-8"))


def test_coco_has_an_annotation_per_face_with_ids_from_1(folder, tmp_path):
    unpack(folder, tmp_path / "to", layout="coco")
    index = index_of(tmp_path / "to")
    assert [one["id"] for one in index["images"]] == [1, 2]
    assert all((tmp_path / "to/train" / one["file_name"]).exists() for one in index["images"])
    assert {(one["width"], one["height"]) for one in index["images"]} == {(WIDTH, HEIGHT)}
    assert [one["id"] for one in index["annotations"]] == [1, 2, 3, 4]
    assert [one["category_id"] for one in index["annotations"]] == [1, 1, 2, 3]
    assert [(one["id"], one["name"]) for one in index["categories"]] == list(enumerate(CLASSES, 1))
    for face, one in zip(THREE, index["annotations"][1:], strict=True):
        x, y, width, height = one["bbox"]
        assert (x, y, x + width, y + height) == pytest.approx(expected_box(face), abs=0.02)
        assert one["area"] == pytest.approx(width * height, abs=0.01)
        assert one["iscrowd"] == 0


def test_coco_without_segments_has_none(folder, tmp_path):
    unpack(folder, tmp_path / "to", layout="coco", segments="none")
    assert all("segmentation" not in one for one in index_of(tmp_path / "to")["annotations"])


def test_voc_counts_pixels_from_1_and_lists_the_images_of_each_split(folder, tmp_path):
    unpack(folder, tmp_path / "to", layout="voc")
    lists = {path.stem: path.read_text().split() for path in (tmp_path / "to/ImageSets/Main").iterdir()}
    assert set(lists) == {"train", "val", "trainval"}
    assert sorted(lists["train"] + lists["val"]) == sorted(lists["trainval"])
    names = [name for name in lists["train"] if name.startswith("train1")]
    root = ElementTree.parse(tmp_path / f"to/Annotations/{names[0]}.xml").getroot()
    assert root.findtext("filename") == f"{names[0]}.jpg"
    assert (tmp_path / f"to/JPEGImages/{names[0]}.jpg").exists()
    assert [root.findtext(f"size/{name}") for name in ("width", "height", "depth")] == [
        str(WIDTH),
        str(HEIGHT),
        "3",
    ]
    assert [one.findtext("name") for one in root.findall("object")] == [
        "with_mask",
        "without_mask",
        CLASSES[2],
    ]
    for face, one in zip(THREE, root.findall("object"), strict=True):
        found = [int(one.findtext(f"bndbox/{name}")) for name in ("xmin", "ymin", "xmax", "ymax")]
        x0, y0, x1, y1 = expected_box(face)
        assert found == [round(x0) + 1, round(y0) + 1, round(x1), round(y1)]


@pytest.mark.parametrize("encoding", ["png", "webp"])
def test_voc_writes_jpegs_whatever_the_data_set_holds(tmp_path, encoding):
    folder = write_photos(tmp_path / "set", [ALONE], encoding=encoding)
    unpack(folder, tmp_path / "to", layout="voc")
    (path,) = (tmp_path / "to/JPEGImages").iterdir()
    (sample,) = open_data_set(folder).samples()
    with Image.open(path) as image:
        assert (path.suffix, image.format) == (".jpg", "JPEG")
        assert np.abs(np.asarray(image, int) - sample.decode()["masked"]).mean() < 3


@pytest.mark.parametrize("layout", ["yolo", "coco"])
def test_other_layouts_keep_the_format_of_the_images(tmp_path, layout):
    folder = write_photos(tmp_path / "set", [ALONE], encoding="webp")
    unpack(folder, tmp_path / "to", layout=layout)
    assert len(list((tmp_path / "to").rglob("*.webp"))) == 1


@pytest.mark.parametrize("layout", ["yolo", "coco", "voc", "classes"])
def test_originals_are_images_of_bare_faces_once_per_photo(tmp_path, layout):
    folder = write_photos(tmp_path / "set", [ALONE, THREE, BARE], per_face=2)
    report = unpack(folder, tmp_path / "to", layout=layout, also_original=True)
    images = {path.stem: path.read_bytes() for path in (tmp_path / "to").rglob("*.jpg")}
    bare = {name for name in images if name.endswith("-bare")}
    assert bare == {"train0-00000000-f0-bare", "train1-00000001-f0-bare"}  # the third photo is bare as it is
    originals = {sample.key: sample.members["gt.jpg"] for sample in open_data_set(folder).samples()}
    assert all(images[name] == originals[name.replace("-bare", "-m0")] for name in bare)
    faces = 1 if layout == "classes" else 3
    assert report.boxes["without_mask"] == 2 * (faces // 3) + 2 + 1 + faces
    assert (report.samples, len(images)) == (6, 8)


def test_classes_are_folders_per_split(folder, tmp_path):
    write_photos(folder, [ALONE, BARE], size_setting=224)
    unpack(folder, tmp_path / "to", layout="classes")
    found = {path.relative_to(tmp_path / "to").parent.as_posix() for path in (tmp_path / "to").rglob("*.jpg")}
    assert found == {"train/with_mask", "train/without_mask", "val/without_mask"}


def test_classes_of_whole_photos_give_a_warning(folder, tmp_path):
    assert any("whole photos" in line for line in unpack(folder, tmp_path / "to", layout="classes").warnings)


def test_a_class_without_a_face_gives_a_warning_that_says_what_to_do(tmp_path):
    folder = write_photos(tmp_path / "set", [ALONE])
    warnings = "\n".join(unpack(folder, tmp_path / "to", layout="coco").warnings)
    assert "no face has the class without_mask; give --also-original" in warnings
    assert "no face has the class mask_weared_incorrect; give gen-data another --wear" in warnings


@pytest.mark.parametrize(
    ("layout", "options", "message"),
    [
        (
            "folders",
            {"classes": "a,b,c"},
            "no meaning for --layout folders; it belongs to yolo, coco, voc, classes",
        ),
        ("tree", {"also_original": True}, "--also-original"),
        ("yolo", {"names": "a,b,c"}, "--names: has no meaning for --layout yolo"),
        ("classes", {"segments": "rle"}, "--segments: has no meaning"),
        ("yolo", {"segments": "rle"}, "no run lengths"),
        ("voc", {"segments": "polygon"}, "boxes only"),
        ("darknet", {}, "unknown; choose one of folders"),
    ],
)
def test_options_without_meaning_for_a_layout_are_refused(folder, tmp_path, layout, options, message):
    with pytest.raises(UsageError, match=message):
        unpack(folder, tmp_path / "to", layout=layout, **options)
    assert not (tmp_path / "to").exists()
