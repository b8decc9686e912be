"""The recipes for detectors and classifiers: their commands, run on a few crops of one photo.

Ultralytics' own command is left out, because its package is AGPL; `data.yaml` and the labels are checked in its place.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from PIL import Image

from maskgen.assets import asset

RECIPES = Path(__file__).parents[1] / "docs/recipes"
PHOTOS = 30


@pytest.fixture
def work(tmp_path):
    """Folder with photos: crops of the built-in photo, some mirrored."""
    (tmp_path / "photos").mkdir()
    with Image.open(asset("demo/astronaut.jpg")) as demo:
        for number in range(PHOTOS):
            photo = demo.crop((60 + number, 0, 400 - number, 340 - 2 * number)).resize((256, 256))
            photo = photo.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if number % 2 else photo
            photo.save(tmp_path / f"photos/{number}.jpg")
    return tmp_path


def commands(recipe):
    """The commands of a recipe, word by word."""
    text = re.sub(r"```.*?```", "", (RECIPES / recipe).read_text("utf-8"), flags=re.DOTALL)
    return [line.split() for line in re.findall(r"(?m)^ {4}(\w.+)$", text)]


def run(words, work):
    done = subprocess.run(words, cwd=work, capture_output=True, text=True)
    assert done.returncode == 0, (words, done.stderr)
    return done.stdout


def run_unmask(lines, work):
    for program, *words in lines:
        assert program == "unmask"
        run([sys.executable, "-m", "unmasknet", *words], work)


def test_the_recipe_for_a_mask_detector_makes_what_yolo_reads(work):
    *ours, last = commands("train-a-mask-detector.md")
    run_unmask(ours, work)
    assert (work / "shards/preview.png").exists()
    assert last[:3] == ["yolo", "detect", "train"]
    (path,) = [word.removeprefix("data=") for word in last if word.startswith("data=")]
    data = yaml.safe_load((work / path).read_text("utf-8"))
    seen = set()
    for split in ("train", "val", "test"):
        images = sorted(((work / path).parent / data[split]).iterdir())
        assert images
        for image in images:
            lines = (work / "masks-yolo/labels" / split / f"{image.stem}.txt").read_text().splitlines()
            assert len(lines) == 1
            number, *box = lines[0].split()
            assert all(0 < float(value) < 1 for value in box)
            seen.add(data["names"][int(number)])
    assert seen == {"with_mask", "without_mask", "mask_weared_incorrect"}


def test_the_recipe_for_a_classifier_of_wear_trains_one(work):
    run_unmask(commands("classify-wear.md"), work)
    classes = {path.name for path in (work / "wear/train").iterdir()}
    assert classes == {"correct", "nose", "chin", "below-mouth", "bare"}
    text = (RECIPES / "classify-wear.md").read_text("utf-8")
    code, cut = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    (work / "classify.py").write_text(code, "utf-8")
    answers = dict(line.split(": ") for line in run([sys.executable, "classify.py"], work).splitlines())
    assert float(answers["train"].partition("%")[0]) > 90
    assert "test" in answers
    shutil.copy(asset("demo/astronaut.jpg"), work / "photo.jpg")
    (work / "cut.py").write_text(cut, "utf-8")
    run([sys.executable, "cut.py"], work)
    with Image.open(work / "face-0.png") as face:
        assert face.size == (224, 224)
