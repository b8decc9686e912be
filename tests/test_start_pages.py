"""The pages of docs/start: their commands and programs run as they stand, and show the output that the pages show.

Input is small: crops of the built-in photo.
"""

import csv
import json

import pytest
from PIL import Image

from maskgen.assets import asset
from tests.helpers.pages import Reader
from tests.helpers.program import ROOT

DETECTOR = "python -m benchmarks.mask_detector"
NOT_RUN = dict.fromkeys(("pip", "git", "python3", "."))  # the installation: the tests run in one


def variant(number, side=224):
    """Returns a crop of the built-in photo around the face; no two numbers give the same one."""
    with Image.open(asset("demo/astronaut.jpg")) as demo:
        photo = demo.crop((70 + number % 25, number % 9, 390 - number // 2, 320 - number // 2)).resize(
            (side, side)
        )
    return photo.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if number % 2 else photo


def photos(folder, count):
    """Writes photos; with 24 of them, each split gets some: it is a hash of the name."""
    folder.mkdir()
    for number in range(count):
        variant(number).save(folder / f"f{number}.jpg")


@pytest.fixture
def clone(tmp_path):
    """Folder with the part of a clone that the pages use."""
    (tmp_path / "assets").symlink_to(ROOT / "assets")
    return tmp_path


def sizes(folder):
    found = {}
    for path in folder.rglob("*.[jp][pn]g"):
        with Image.open(path) as image:
            found[path.name] = image.size
    return found


def test_a_folder_is_masked(clone):
    photos(clone / "people", 2)
    reader = Reader(clone)
    reader.follow("start/mask-a-folder.md")
    assert reader.shown == 7
    assert sizes(clone / "people-masked") == sizes(clone / "people")
    assert len(sizes(clone / "people-blue")) == 2 * len(sizes(clone / "people-maps")) == 6
    with (clone / "people-blue/.unmask-faces.csv").open(newline="") as file:
        assert {(row["family"], row["colour"]) for row in csv.DictReader(file)} == {("surgical", "#5e96ce")}


def test_a_detector_learns_from_photos(clone):
    pytest.importorskip("torch")
    photos(clone / "photos", 24)
    reader = Reader(clone, added={DETECTOR: ["--photos", "8"]}, stand_ins=NOT_RUN)
    reader.follow("start/train-a-mask-detector.md")
    assert reader.shown == 8
    assert (clone / "shards/preview.png").exists()
    assert (clone / "detector/state.pt").exists()
    found = json.loads((clone / "detector/result.json").read_text())
    assert found["test"]["photos"] > 0
    assert 0 <= found["test"]["mean"]["AP50"] <= 1
    boxes = json.loads((clone / "masks-coco/annotations/instances_train.json").read_text())
    assert {one["category_id"] for one in boxes["annotations"]} == {1, 2, 3}


def test_a_recogniser_learns_without_and_with_masks(clone):
    pytest.importorskip("torch")
    for person in range(12):
        (clone / f"photos/Person {person}").mkdir(parents=True)
        for number in range(3):
            variant(3 * person + number).save(clone / f"photos/Person {person}/{number}.jpg")
    reader = Reader(
        clone, saved={1: "recogniser.py"}, added={"python recogniser.py": ["2"]}, stand_ins=NOT_RUN
    )
    reader.follow("start/train-a-recogniser.md")
    assert reader.shown == 7
    assert set(sizes(clone / "crops").values()) == {(112, 112)}


def test_a_mask_is_taken_off(clone):
    reader = Reader(clone)
    reader.follow("start/take-a-mask-off.md")
    assert reader.shown == 4
    assert {path.name for path in (clone / "unmasked").iterdir()} == {
        "masked.jpg", "masked-strip.png", "masked-map.png",
    }  # fmt: skip
    assert (clone / "unmasked-by-photo/masked.jpg").exists()


def test_faces_are_taken_from_a_video(clone):
    pytest.importorskip("av")
    from tests.helpers.clips import moving, write_clip

    write_clip(clone / "clip.mp4", moving(30), rate=10)
    reader = Reader(clone)
    reader.follow("start/frames-from-video.md")
    assert reader.shown == 6
    assert (clone / "frames/sheet.png").exists()
    (person,) = (clone / "frames").glob("clip-*/p0")
    assert set(sizes(person).values()) == {(512, 512)}
    assert (clone / "shards/preview.png").exists()


def test_the_page_of_all_jobs_names_each_of_them():
    text = (ROOT / "docs/start/index.md").read_text("utf-8")
    for page in (ROOT / "docs/start").glob("*.md"):
        assert page.name == "index.md" or f"]({page.name})" in text
