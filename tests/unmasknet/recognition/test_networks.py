"""Networks under evaluation: what they are given, and what is refused."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from maskgen.faces.arcface import TEMPLATE, arcface_matrix
from maskgen.images.resample import carry
from tests.helpers.faces import astronaut
from unmasknet.recognition.faces import build_point_finder, five_of_three, labelled_points
from unmasknet.recognition.networks import OnnxNetwork, build_network
from unmasknet.recognition.settings import RecognitionSettings

PLAIN = {"channels": "rgb", "mean": 127.5, "std": 127.5, "margin": 0.0, "flip": False}


def write_net(path, shape, *, kind=TensorProto.FLOAT, outputs=None):
    """Writes a network that returns its input as a flat vector, so that a test sees what it was given."""
    source, nodes = "image", []
    if kind != TensorProto.FLOAT:
        nodes.append(helper.make_node("Cast", [source], ["cast"], to=TensorProto.FLOAT))
        source = "cast"
    nodes.append(helper.make_node("Flatten", [source], ["embedding"]))
    graph = helper.make_graph(
        nodes,
        "toy",
        [helper.make_tensor_value_info("image", kind, shape)],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, outputs)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    onnx.save(model, path)
    return path


def crop(side):
    return np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8)


def unit(values):
    vector = np.asarray(values, float).ravel()
    return vector / np.linalg.norm(vector)


@pytest.mark.parametrize("shape", [[1, 3, 16, 16], ["n", 3, 16, 16], [None, 3, 16, 16]])
def test_the_input_is_rgb_from_minus_one_to_one_channels_first(tmp_path, shape):
    net = OnnxNetwork(write_net(tmp_path / "net.onnx", shape), **PLAIN)
    pixels = crop(16)
    assert net.side == 16
    assert net.embed_crop(pixels) == pytest.approx(
        unit((pixels.transpose(2, 0, 1) - 127.5) / 127.5), abs=1e-6
    )


def test_channels_mean_std_and_layout_follow_the_options(tmp_path):
    path = write_net(tmp_path / "net.onnx", [1, 16, 16, 3])
    net = OnnxNetwork(path, **{**PLAIN, "channels": "bgr", "mean": 10.0, "std": 2.0})
    pixels = crop(16)
    assert net.embed_crop(pixels) == pytest.approx(unit((pixels[..., ::-1] - 10.0) / 2), abs=1e-6)


def test_bytes_are_given_where_bytes_are_taken(tmp_path):
    net = OnnxNetwork(write_net(tmp_path / "net.onnx", [1, 3, 16, 16], kind=TensorProto.UINT8), **PLAIN)
    pixels = crop(16)
    assert net.embed_crop(pixels) == pytest.approx(unit(pixels.transpose(2, 0, 1)), abs=1e-6)


def test_an_open_size_is_arcfaces(tmp_path):
    assert OnnxNetwork(write_net(tmp_path / "net.onnx", ["n", 3, "h", "w"]), **PLAIN).side == 112


def test_faces_are_aligned_by_arcfaces_template(tmp_path):
    net = OnnxNetwork(write_net(tmp_path / "net.onnx", ["n", 3, 112, 112]), **PLAIN)
    points = (TEMPLATE * 2 + 20).astype(np.float32)
    assert carry(net.matrix(points), points) == pytest.approx(TEMPLATE, abs=1e-3)
    assert net.matrix(points) == pytest.approx(arcface_matrix(points), abs=1e-3)
    wide = OnnxNetwork(net.path, **{**PLAIN, "margin": 0.1})
    moved = carry(wide.matrix(points), points)
    centre = np.full(2, (112 - 1) / 2)
    assert (moved - centre) * 1.2 + centre == pytest.approx(TEMPLATE, abs=1e-2), (
        "smaller, around the same centre"
    )


def test_flip_adds_the_mirrored_face(tmp_path):
    path = write_net(tmp_path / "net.onnx", ["n", 3, 16, 16])
    net, both = (OnnxNetwork(path, **{**PLAIN, "flip": flip}) for flip in (False, True))
    image = crop(40)
    points = (TEMPLATE * 40 / 112).astype(np.float32)
    vector = both.embed(image, points)
    pixels = vector.reshape(3, 16, 16)
    assert pixels == pytest.approx(pixels[:, :, ::-1], abs=1e-6), "left and right are the same to it"
    assert net.embed(image, points) != pytest.approx(vector, abs=1e-3)


def test_dlibs_network_knows_a_mirrored_face_and_a_person():
    image = astronaut()
    points = build_point_finder()(image, (180.0, 60.0, 280.0, 180.0))
    assert points is not None
    plain, both = (build_network(RecognitionSettings(data="x", flip=flip)) for flip in (False, True))
    one, other = plain.embed(image, points), both.embed(image, points)
    assert np.linalg.norm(one) == pytest.approx(1)
    assert float(one @ other) > 0.95
    mirrored = np.ascontiguousarray(image[:, ::-1])
    back = points[[1, 0, 2, 4, 3]] * (-1, 1) + (image.shape[1] - 1, 0)
    assert both.embed(mirrored, back.astype(np.float32)) == pytest.approx(other, abs=1e-3)


def test_the_points_found_are_near_the_mesh():
    from maskgen.faces.arcface import five_points
    from maskgen.faces.landmarks import build_detector
    from maskgen.settings import FaceSettings

    image = astronaut()
    (face,) = build_detector(FaceSettings(cache="off")).detect(image)
    found = build_point_finder()(image, face.box)
    truth = five_points(face.mesh)
    eyes = float(np.hypot(*(truth[1] - truth[0])))
    assert np.abs(found - truth).max() < 0.25 * eyes
    assert build_point_finder()(image, (0.0, 400.0, 50.0, 450.0)) is None, "another place of the photo"


def test_three_points_on_the_template_give_the_template():
    three = np.stack([*TEMPLATE[:2], TEMPLATE[3:].mean(0)]).astype(np.float32)
    assert five_of_three(three * 3 + 7) == pytest.approx(TEMPLATE * 3 + 7, abs=1e-2)


@pytest.mark.parametrize(("scheme", "count"), [("mesh468", 468), ("dlib68", 68), ("celeba5", 5)])
def test_five_points_are_read_from_each_scheme(scheme, count):
    landmarks = [[float(i), 0.0] for i in range(count)]
    points = labelled_points({"faces": [{"scheme": scheme, "landmarks": landmarks}]})
    expected = {
        "mesh468": [83.0, 312.5, 4.0, 61.0, 291.0],
        "dlib68": [38.5, 44.5, 30.0, 48.0, 54.0],
        "celeba5": [0.0, 1.0, 2.0, 3.0, 4.0],
    }
    assert points[:, 0].tolist() == expected[scheme]
    assert labelled_points({"faces": [{"scheme": "toy", "landmarks": landmarks}]}) is None
