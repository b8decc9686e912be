"""Rows 630 to 635 of the fault matrix: odd options and data sets for the layouts of detectors and classifiers."""

import json
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from maskgen.command_settings import PackSettings
from maskgen.dataset import shards
from maskgen.dataset.reader import open_data_set
from maskgen.dataset.unpack import unpack
from maskgen.dataset.unpack.base import LayoutOptions
from maskgen.dataset.unpack.labelled import Labeller
from maskgen.errors import InputError, UsageError
from maskgen.generation.pack import pack
from tests.helpers.detection import DrawnFace, write_photos

pytestmark = pytest.mark.fault
LAYOUTS = ("yolo", "coco", "voc", "classes")
EVERY = (*LAYOUTS, "folders", "identities")
FACE = DrawnFace(80, 60)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(
    "names",
    ["a", "a,b", "a,b,c,d", ",b,c", "../a,b,c", "a/b,c,d", ".a,b,c", "a,b\nx,c", "a,<b>,c", "Mask,mask,c"],
)
def test_row630_names_of_classes_that_are_no_plain_names_are_refused(tmp_path, layout, names):
    folder = write_photos(tmp_path / "set", [[FACE]])
    with pytest.raises(UsageError, match="--classes"):
        unpack(folder, tmp_path / "to", layout=layout, classes=names)
    assert not (tmp_path / "to").exists()


def test_row631_samples_without_a_list_of_faces_are_left_out_and_counted(tmp_path):
    folder = write_photos(tmp_path / "set", [[FACE], [FACE]])
    unpack(folder, tmp_path / "flat")
    pack(PackSettings(dir=str(tmp_path / "flat"), to=str(tmp_path / "packed")))
    report = unpack(tmp_path / "packed", tmp_path / "to", layout="yolo")
    assert (report.samples, report.boxes["with_mask"]) == (0, 0)
    assert any("2 samples left out: their faces are unknown" in line for line in report.warnings)
    assert not list((tmp_path / "to").rglob("*.jpg"))


def change_labels(folder, change):
    """Rewrites the labels in the only shard of a data set."""
    (path,) = folder.glob("*.tar")
    samples = dict(shards.read_shard(path))
    for members in samples.values():
        labels = json.loads(members["json"])
        change(labels)
        members["json"] = json.dumps(labels).encode()
    with shards.ShardWriter(folder, folder, path.stem, len(samples)) as writer:
        writer.add_photo((key, dict(sorted(members.items()))) for key, members in sorted(samples.items()))
        writer.finish()


@pytest.mark.parametrize("layout", EVERY)
def test_row632_a_split_that_leads_out_of_the_target_is_refused(tmp_path, layout):
    folder = write_photos(tmp_path / "deep/set", [[FACE]])
    change_labels(folder, lambda labels: labels.update(split="../../evil", identity="Ann"))
    with pytest.raises(InputError, match="is no split"):
        unpack(folder, tmp_path / "deep/to", layout=layout)
    assert not list(tmp_path.rglob("*evil*"))


def test_row633_an_unknown_state_of_wear_is_refused_by_name(tmp_path):
    folder = write_photos(tmp_path / "set", [[FACE]])
    change_labels(folder, lambda labels: labels["faces"][0]["mask"].update(wear="ear"))
    with pytest.raises(InputError, match="state of wear 'ear'"):
        unpack(folder, tmp_path / "to", layout="coco")


@pytest.mark.parametrize("box", [[90.0, 80.0, 60.0, 40.0], [70.0, 50.0, 70.0, 50.0], [-9e9, -9e9, 9e9, 9e9]])
def test_row634_faces_whose_box_is_impossible_have_no_label(tmp_path, box):
    folder = write_photos(tmp_path / "set", [[FACE, DrawnFace(30, 60, wear="bare")]])

    def spoil(labels):
        labels["faces"][1].update(box=box, landmarks=[[1.0, 2.0]], scheme="dlib68")

    change_labels(folder, spoil)
    report = unpack(folder, tmp_path / "to", layout="coco")
    assert (sum(report.boxes.values()), report.faces_left_out) == (1, 1)


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\n", b"\x89PNG\r\n\x1a\n" + bytes(40)])
def test_row635_damaged_maps_and_parts_are_reported_with_the_sample(tmp_path, content):
    folder = write_photos(tmp_path / "set", [[FACE]])
    (sample,) = open_data_set(folder).samples()
    for member in ("map.png", "parts.png"):
        spoilt = replace(sample, members={**sample.members, member: content})
        with pytest.raises(InputError, match=rf"{sample.key}: .*unmask verify"):
            Labeller(LayoutOptions(), outlines=True).images(spoilt)


def test_row636_a_data_set_that_lists_no_bare_faces_gives_a_warning(tmp_path):
    with zipfile.ZipFile(Path(__file__).with_name("format-1.zip")) as packed:
        packed.extractall(tmp_path)
    (folder,) = {path.parent for path in tmp_path.rglob("dataset.json")}
    report = unpack(folder, tmp_path / "to", layout="yolo")
    assert any("made before bare faces were listed" in line for line in report.warnings)
    assert report.boxes["with_mask"] > 0
