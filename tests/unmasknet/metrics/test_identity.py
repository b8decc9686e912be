"""Alignment of faces, and the choice of a face recognition network."""

from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskgen.dataset.face_points import EYES_AND_MOUTH, FIVE_OF
from maskgen.errors import MissingError
from unmasknet.metrics import identity

POINTS = np.array([[20.0, 30.0], [44.0, 31.0], [24.0, 58.0], [41.0, 58.5]])


@given(st.floats(0.2, 5), st.floats(-3, 3), st.floats(-50, 50), st.floats(-50, 50))
def test_a_known_similarity_is_recovered(scale: float, rotation: float, x: float, y: float) -> None:
    linear = scale * np.array([[np.cos(rotation), -np.sin(rotation)], [np.sin(rotation), np.cos(rotation)]])
    found = identity.similarity(POINTS, POINTS @ linear.T + (x, y))
    assert np.allclose(found, np.column_stack([linear, (x, y)]), atol=1e-6)


def test_a_mirror_image_is_not_taken_for_a_rotation() -> None:
    mirrored = POINTS * (-1, 1)
    assert np.linalg.det(identity.similarity(POINTS, mirrored)[:, :2]) >= 0


def test_aligned_points_land_on_their_targets() -> None:
    image = np.zeros((80, 64, 3), np.uint8)
    for x, y in POINTS.round().astype(int):
        cv2.circle(image, (int(x), int(y)), 1, (255, 255, 255), -1)
    targets = np.array(identity.ARCFACE_POINTS)
    chip = identity.align(image, POINTS, targets, 112)
    matrix = identity.similarity(POINTS, targets)
    for x, y in POINTS @ matrix[:, :2].T + matrix[:, 2]:
        assert chip[round(y) - 2 : round(y) + 3, round(x) - 2 : round(x) + 3].max() > 128


@pytest.mark.parametrize(("scheme", "count"), [("mesh468", 468), ("dlib68", 68), ("celeba5", 5)])
def test_eyes_come_before_the_mouth_in_every_scheme(scheme: str, count: int) -> None:
    landmarks = np.zeros((count, 2))
    for number, point in zip(EYES_AND_MOUTH, POINTS, strict=True):
        landmarks[list(FIVE_OF[scheme][number])] = point
    found = identity.four_points(landmarks.tolist(), scheme)
    assert found is not None
    assert np.allclose(found, POINTS)


def test_an_unknown_scheme_has_no_points() -> None:
    assert identity.four_points([[1.0, 2.0]], "toy2") is None


def test_off_is_none_and_a_missing_file_is_an_error() -> None:
    assert identity.build_identity("off") is None
    with pytest.raises(MissingError, match="no such file"):
        identity.build_identity("nowhere.onnx")


@pytest.mark.skipif(not find_spec("onnx") or not find_spec("onnxruntime"), reason="needs the extra onnx")
def test_an_arcface_network_is_run_on_aligned_rgb(tmp_path: Path) -> None:
    from onnx import TensorProto, helper, save

    shape = [1, 3, 112, 112]
    graph = helper.make_graph(
        [helper.make_node("GlobalAveragePool", ["face"], ["mean"])],
        "toy",
        [helper.make_tensor_value_info("face", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("mean", TensorProto.FLOAT, [1, 3, 1, 1])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    save(model, tmp_path / "toy.onnx")
    network = identity.build_identity(str(tmp_path / "toy.onnx"))
    assert network is not None
    image = np.zeros((64, 64, 3), np.uint8)
    image[..., 0] = 255  # red: (1, -1, -1)
    vector = network.embed(image, POINTS)
    assert np.allclose(vector, np.array([1, -1, -1]) / np.sqrt(3), atol=1e-5)
    assert network.name == "ArcFace, toy.onnx"
