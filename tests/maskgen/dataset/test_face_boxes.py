"""Boxes of faces as detectors have them."""

import numpy as np
import pytest
from skimage.data import astronaut

from maskgen.dataset.unpack.face_boxes import detector_box, face_boxes
from maskgen.faces.landmarks import build_detector
from maskgen.settings import FaceSettings
from tests.helpers.faces import mean_face, turned

# Found by MTCNN of facenet-pytorch 2.6.0, trained on WIDER FACE, in the photo `skimage.data.astronaut()`.
MTCNN = (181.08, 62.06, 267.84, 172.07)


def labels(face):
    return {
        "box": [float(side) for side in face.box],
        "landmarks": face.landmarks.tolist(),
        "scheme": face.scheme,
    }


def overlap(one, other):
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return width * height / (sum(areas) - width * height)


@pytest.mark.parametrize("backend", ["mesh", "dlib"])
def test_the_box_of_a_real_face_is_that_of_another_detector(backend):
    face, *_ = build_detector(FaceSettings(landmarks=backend)).detect(astronaut())
    assert overlap(detector_box(labels(face)), MTCNN) > 0.84


def test_the_forehead_is_raised_along_the_face():
    upright, lying = (labels(mean_face(turned(roll=angle))) for angle in (0, 90))
    x0, y0, x1, y1 = detector_box(upright)
    assert (x0, x1, y1) == pytest.approx(np.array(upright["box"])[[0, 2, 3]] + 0.5, abs=0.01)
    raised = upright["box"][1] + 0.5 - y0
    assert raised == pytest.approx(0.107 * (y1 - y0 - raised), rel=0.03)
    left, top, right, bottom = detector_box(lying)  # clockwise by a quarter: the forehead is at the right
    assert (left, top, bottom) == pytest.approx(np.array(lying["box"])[[0, 1, 3]] + 0.5, abs=0.01)
    assert right - lying["box"][2] - 0.5 == pytest.approx(raised, rel=0.03)


def test_boxes_are_clipped_and_say_so():
    face = labels(mean_face(centre=(10.0, 100.0)))
    x0, _, x1, _ = detector_box(face)
    assert x0 < 0 < -x0 < x1
    (found,), left_out = face_boxes([face], 400, 400, 8.0)
    assert (found.box[0], found.truncated, left_out) == (0.0, True, 0)
    (whole,), _ = face_boxes([labels(mean_face())], 400, 400, 8.0)
    assert not whole.truncated


@pytest.mark.parametrize(("centre", "kept"), [((8.0, 180.0), 1), ((-8.0, 180.0), 0), ((200.0, -60.0), 0)])
def test_a_face_with_less_than_half_of_its_box_inside_is_left_out(centre, kept):
    boxes, left_out = face_boxes([labels(mean_face(centre=centre))], 400, 400, 8.0)
    assert (len(boxes), left_out) == (kept, 1 - kept)
