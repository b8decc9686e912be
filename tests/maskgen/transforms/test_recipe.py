"""The programs of docs/transforms.md and docs/recipes/train-a-recogniser.md."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.helpers.aligned import crops

pytest.importorskip("torch")
DOCS = Path(__file__).parents[3] / "docs"


def programs(page):
    return re.findall(r"```python\n(.*?)```", (DOCS / page).read_text("utf-8"), re.DOTALL)


@pytest.fixture
def faces(tmp_path):
    for nth, crop in enumerate(crops(12)):
        crop[..., nth % 3] //= 4  # each person has another colour
        folder = tmp_path / "faces" / ("Ada", "Grace", "Katherine")[nth % 3]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(crop).save(folder / f"{nth}.png")
    return tmp_path


def test_the_recogniser_of_the_recipe_learns_people_with_and_without_masks(faces):
    program, _ = programs("recipes/train-a-recogniser.md")
    (faces / "train_recogniser.py").write_text(program, "utf-8")
    done = subprocess.run(
        [sys.executable, "train_recogniser.py", "faces", "12"], cwd=faces, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    lines = re.findall(r"step (\d+) loss ([\d.]+) .*'masked': (\d+).*'unmasked': (\d+)", done.stdout)
    assert [int(line[0]) for line in lines] == [1, 10]
    masked, unmasked = map(int, lines[1][2:])
    assert 0.15 < masked / (masked + unmasked) < 0.45
    assert float(lines[1][1]) < float(lines[0][1])
    assert (faces / "recogniser.pt").stat().st_size > 1e6


def test_the_network_of_the_recipe_becomes_one_onnx_file(tmp_path):
    pytest.importorskip("onnxscript")
    runtime = pytest.importorskip("onnxruntime")
    program, export = programs("recipes/train-a-recogniser.md")
    (tmp_path / "train_recogniser.py").write_text(program, "utf-8")
    opening = (
        "import sys; sys.path.insert(0, '.')\n"
        "import tests.helpers.torchvision_operators, torch\n"
        "from train_recogniser import backbone\n"
        "torch.save(backbone().state_dict(), 'recogniser.pt')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", opening + export], cwd=tmp_path, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(DOCS.parent)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "recogniser.onnx.data").exists()
    session = runtime.InferenceSession(str(tmp_path / "recogniser.onnx"))
    crop = session.get_inputs()[0]
    assert crop.shape == [1, 3, 112, 112]
    (embedding,) = session.run(None, {crop.name: np.zeros(crop.shape, np.float32)})
    assert embedding.shape == (1, 128)


@pytest.mark.parametrize("nth", range(3))
def test_the_examples_of_the_page_of_transforms_run(nth):
    found = programs("transforms.md")
    assert len(found) == 3
    opening = (
        "import tests.helpers.torchvision_operators\n"  # a CPU build of torch beside the wheel of the index
    )
    done = subprocess.run(
        [sys.executable, "-c", opening + found[nth]], cwd=DOCS.parent, capture_output=True, text=True,
        env={**os.environ, "NO_ALBUMENTATIONS_UPDATE": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
