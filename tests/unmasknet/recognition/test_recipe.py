"""The commands of docs/recipes/evaluate-a-recogniser.md, run on four photos of one face that count as two people."""

import json
import re
import shlex
from pathlib import Path

import cv2
import numpy as np
import pytest

from maskgen.dataset.assign import hash_split
from maskgen.dataset.pairs import Pair, lfw_photo, pairs_text
from maskgen.images.codecs import encode_jpeg
from maskgen.settings import SourceSettings
from maskgen.types import PhotoRef
from tests.helpers.face_networks import write_face_net
from tests.helpers.faces import astronaut
from tests.helpers.program import ROOT, program

RECIPE = ROOT / "docs/recipes/evaluate-a-recogniser.md"


def names_of_the_test_split(count):
    settings = SourceSettings()
    names = (f"Person_{number}" for number in range(1000))
    return [name for name in names if hash_split(PhotoRef(name, name), settings) == "test"][:count]


def variant(person, photo):
    """Turns and tones the face: small, so that finding it is fast."""
    image = np.ascontiguousarray(astronaut()[:256, 96:352])
    matrix = cv2.getRotationMatrix2D((128, 120), 3.0 * photo - 6, 0.9 + 0.05 * photo)
    image = cv2.warpAffine(image, matrix, (256, 256), borderMode=cv2.BORDER_REFLECT)
    tone = np.array([(1, 0.85, 0.7), (0.6, 0.7, 0.9)][person])
    image = (image * tone).astype(np.uint8)
    return image[:, ::-1].copy() if person % 2 else image


def commands():
    return re.findall(r"(?m)^ {4}unmask (.*)", RECIPE.read_text("utf-8"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recipe")
    people = names_of_the_test_split(2)
    for number, person in enumerate(people):
        for photo in (1, 2, 3)[: 3 - 2 * number]:  # a pair of one person and a reference; a stranger
            path = folder / "lfw" / lfw_photo(person, photo)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(encode_jpeg(variant(number, photo), 95))
    first, second = people[:2]
    pairs = [
        Pair(lfw_photo(first, 1), lfw_photo(first, 2), True),
        Pair(lfw_photo(first, 1), lfw_photo(second, 1), False),
    ]
    (folder / "pairs.txt").write_text(pairs_text(pairs, "lfw"))
    write_face_net(folder / "my-network.onnx")
    return folder


def test_the_recipe_runs(folder, monkeypatch):
    monkeypatch.chdir(folder)
    evaluations = [command for command in commands() if command.startswith("eval")]
    for command in commands():
        quick = ["--set", "bootstrap=10"] if command in evaluations else []
        if command in evaluations[1:] and "--weights" not in command:
            quick += ["--rows", "plain-plain", "--rows", "plain-masked"]  # only the first one restores
        answer = program(*shlex.split(command), *quick, "--json")
        assert answer.returncode == 0, f"{command}\n{answer.stderr}"
        found = json.loads(answer.stdout)
        if command.startswith("eval"):
            (page,) = re.findall(r"--html (\S+)", command)
            assert Path(page).read_text("utf-8").startswith("<!doctype html>")
            assert found["people"] == 2
            assert len(found["rows"]) == (2 if "--rows" in quick else 3 if "--weights none" in command else 6)
    assert (folder / "pairs.csv").stat().st_size > 100
    assert len(commands()) == 5
