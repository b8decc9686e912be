"""Lines in docs/onnx.md that use the ONNX file with onnxruntime, NumPy and Pillow alone."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from maskgen import mask_photo
from maskgen.assets import model_file
from maskgen.faces.align import frame_matrix
from maskgen.faces.landmarks import build_detector
from maskgen.faces.landmarks.topology import eye_centres, mouth_centre
from maskgen.settings import FaceSettings
from tests.helpers.faces import astronaut
from unmasknet import Unmasker

PAGE = Path(__file__).parents[3] / "docs/onnx.md"
POINTS = re.compile(r"np\.array\(\[\[\d+, \d+\], \[\d+, \d+\], \[\d+, \d+\]\]\)")
# Refuses every package that the page does not name, as an environment without them would.
ALONE = """
import sys

class Others:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("maskgen", "unmasknet", "cv2", "torch", "skimage", "scipy", "onnx"):
            raise ImportError(f"{name} is not named by the page")

sys.meta_path.insert(0, Others())
"""


def lines():
    """Returns the lines of the page that take a photo and write one."""
    (block,) = (
        part
        for part in re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.S)
        if "masked.jpg" in part
    )
    assert len(POINTS.findall(block)) == 1
    return block


def with_points(points):
    return POINTS.sub(f"np.array({np.asarray(points, float).tolist()})", lines())


@pytest.mark.parametrize("degrees", [0, 25, -70])
@pytest.mark.parametrize("stretch", [0.4, 1.0])
def test_the_frame_is_that_of_the_crops(degrees, stretch):
    upright = np.array([[-21.0 * stretch, 1.0], [22.0 * stretch, -2.0], [3.0, 38.0]])
    turn = np.deg2rad(degrees)
    points = upright @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]) + [
        183.2,
        117.9,
    ]
    known = {}
    code = (
        with_points(points)
        .partition("\ncrop = ")[0]
        .replace('Image.open("masked.jpg").convert("RGB")', "None")
    )
    exec(code, known)
    side = known["side"]
    a, b, x, c, d, y = known["to_crop"]
    spots = np.array([[0.0, 0.0], [300.0, 17.0], [55.0, 260.0]])
    by_page = (spots + 0.5) @ np.array([[a, c], [b, d]]) + [x, y] - 0.5
    matrix = frame_matrix(*points.astype(np.float32), side)
    exact = max(4 * np.hypot(*(points[1] - points[0])), 3.6 * np.hypot(*(points[2] - points[:2].mean(0))))
    assert abs(side - exact) <= 0.5
    by_crop = spots @ matrix[:, :2].T + matrix[:, 2]
    middle = (side - 1) / 2  # the page rounds the side to whole pixels of the photo, and does not scale
    assert np.allclose((by_page - middle) * side / exact, by_crop - middle, atol=0.02)


def test_the_lines_restore_a_face_as_unmask_run_does(tmp_path):
    pytest.importorskip("onnxruntime")
    photo = np.ascontiguousarray(astronaut()[:360, 40:420])
    worn = mask_photo(photo, masks="surgical", wear="correct", seed=3, size=0)
    Image.fromarray(worn.masked).save(tmp_path / "masked.jpg", quality=95)
    masked = np.asarray(Image.open(tmp_path / "masked.jpg"))
    (face,) = build_detector(FaceSettings(cache="off")).detect(photo)
    model = model_file("unmask").path
    (tmp_path / "unmask.onnx").write_bytes(model.read_bytes())
    (tmp_path / "lines.py").write_text(
        ALONE + with_points([*eye_centres(face.mesh), mouth_centre(face.mesh)]), "utf-8"
    )
    done = subprocess.run(
        [sys.executable, "-I", "lines.py"], cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    alone = np.asarray(Image.open(tmp_path / "unmasked.png")).astype(float)
    result = Unmasker.from_pretrained(str(model), runtime="onnx")(masked)
    hole = result.map > 0
    restored = result.picture.astype(float)
    assert np.abs(alone - masked)[~hole].mean() < 0.1
    assert np.abs(restored - masked)[hole].mean() > 30  # levels that the mask differs by
    assert np.abs(alone - restored)[hole].mean() < 8
