"""Face networks from ONNX files: agreement with ONNX Runtime, gradients, use as a training loss."""

import base64
import json
import shutil
import sys

import numpy as np
import onnxruntime
import pytest
import torch
from pydantic import ValidationError
from torch.nn.functional import conv2d, pad

from maskgen.errors import InputError, MissingError
from tests.helpers.face_networks import SIDE, write_face_net
from tests.helpers.training import LOOP, settings, train, write_data
from tools import hse_face_net
from unmasknet.metrics.identity import ARCFACE_POINTS, build_identity
from unmasknet.models.face_net import FaceNet, build_face_net, face_chips
from unmasknet.models.load import load_generator
from unmasknet.models.onnx_layers import OPERATORS, OnnxLayers
from unmasknet.settings import GanLossSettings


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return write_face_net(tmp_path_factory.mktemp("face") / "toy.onnx")


def pictures(count, side, seed=0):
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(seed))


def test_torch_and_onnx_runtime_agree_on_every_operator(file):
    import onnx

    assert {node.op_type for node in onnx.load(file).graph.node} == set(OPERATORS)
    given = pictures(4, SIDE)
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    (wanted,) = session.run(None, {"image": given.numpy()})
    np.testing.assert_allclose(OnnxLayers(file)(given).numpy(), wanted, rtol=1e-4, atol=1e-6)


def test_the_loss_is_zero_for_the_truth_and_falls_along_its_gradient(file):
    net, truth = FaceNet(file), pictures(2, 64)
    assert torch.allclose(net(truth, truth), torch.zeros(2), atol=1e-6)
    result = pictures(2, 64, seed=1).requires_grad_()
    before = net(result, truth)
    (gradient,) = torch.autograd.grad(before.sum(), result)
    assert (net(result.detach() - 20 * gradient, truth) < before).all()
    assert not list(net.parameters())


def test_pixels_outside_the_face_do_not_count(file):
    net, truth = FaceNet(file), pictures(1, 64)
    other = truth.clone()
    other[:, :, 60:] = 0
    other[:, :, :, :6] = 0
    assert torch.equal(net(other, truth), net(truth, truth))


@pytest.mark.parametrize(("size", "side"), [(128, 112), (256, 112), (64, 112)])
def test_eyes_and_mouth_of_a_crop_are_where_a_face_network_expects_them(size, side):
    where = np.array(
        [[0.373, 0.419], [0.619, 0.420], [0.391, 0.675], [0.602, 0.675]]
    )  # means of two data sets
    for point, target in zip(where * size, ARCFACE_POINTS, strict=True):
        x, y = (point - 0.5).round().astype(int)
        crop = torch.zeros(1, 3, size, size)
        crop[0, :, y - 1 : y + 2, x - 1 : x + 2] = 1
        chip = face_chips(crop, side)[0, 0]
        row, column = divmod(int(chip.argmax()), side)
        assert np.hypot(column + 0.5 - target[0], row + 0.5 - target[1]) < 4


def test_unsupported_network_files_are_refused(tmp_path, file):
    (tmp_path / "words.onnx").write_text("a face")
    for name in ("nowhere.onnx", "words.onnx"):
        with pytest.raises(InputError, match="not a readable ONNX network"):
            OnnxLayers(tmp_path / name)
    with pytest.raises(InputError, match="not a readable ONNX network of one image"):
        OnnxLayers(write_face_net(tmp_path / "two.onnx", outputs=2))
    with pytest.raises(InputError, match=r"cannot be computed .*auto_pad"):
        OnnxLayers(write_face_net(tmp_path / "pad.onnx", pad="SAME_LOWER"))
    with pytest.raises(InputError, match="cannot be computed"):
        OnnxLayers(write_face_net(tmp_path / "wide.onnx", last="Relu"))  # a matrix of four sides
    with pytest.raises(InputError, match="it has Sigmoid"):
        OnnxLayers(write_face_net(tmp_path / "x.onnx", last="Sigmoid"))
    with pytest.raises(InputError, match="side of its input is not fixed"):
        OnnxLayers(write_face_net(tmp_path / "y.onnx", side="s"))
    with pytest.raises(MissingError, match="not given"):
        build_face_net(GanLossSettings(identity=1))
    assert build_face_net(GanLossSettings(identity_net="nowhere.onnx")) is None


def test_eval_aligns_for_the_side_that_a_network_takes(file):
    face_recognition = build_identity(str(file))
    points = np.array(ARCFACE_POINTS) * 2
    embedded = face_recognition.embed(np.full((224, 224, 3), 90, np.uint8), points)
    assert embedded.shape == (5,)
    assert np.linalg.norm(embedded) == pytest.approx(1)


def test_the_identity_loss_refuses_crops_around_the_hole(tmp_path):
    with pytest.raises(ValidationError, match=r"loss\.identity: .* data\.fit"):
        settings("gan", tmp_path, data={"data": ["x"], "size": 32, "fit": "crop"}, loss={"identity": 1.0})


def test_a_generator_learns_from_it_in_full_precision(tmp_path, file, monkeypatch):
    shown = tmp_path / "shown.onnx"
    shutil.copy(file, shown)
    chosen = settings(
        "gan",
        write_data(tmp_path / "toys"),
        loss={"identity": 2.0, "identity_net": str(shown), "perceptual_net": "none"},
        loop={**LOOP, "precision": "bf16"},
    )
    precise = []
    compute = FaceNet.forward
    monkeypatch.setattr(
        FaceNet,
        "forward",
        lambda *given: precise.append(not torch.is_autocast_enabled("cpu")) or compute(*given),
    )
    train("gan", chosen, tmp_path / "run")
    assert precise
    assert all(precise)
    rows = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert all(0 <= row["identity"] <= 2 for row in rows if row["kind"] == "train")
    shown.unlink()
    assert (
        load_generator(tmp_path / "run").facts["identity"] == "shown.onnx"
    )  # used without it, not trained on
    more = chosen.model_copy(update={"loop": chosen.loop.model_copy(update={"steps": 7})})
    with pytest.raises(MissingError, match="there is no such file"):
        train("gan", more, tmp_path / "run", resume=True)


def test_a_tensorflow_js_model_converts_to_the_same_network(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    weights = {
        "k0": rng.normal(0, 0.02, (3, 3, 3, 4)), "o0": rng.normal(1, 1, 4), "k1": rng.normal(0, 0.3, (3, 3, 4, 1)),
        "s1": rng.uniform(0.5, 2, 4), "o1": rng.normal(0, 1, 4), "k2": rng.normal(0, 0.5, (1, 1, 4, 6)),
        "o2": rng.normal(0, 1, 6),
    }  # fmt: skip
    weights = {name: array.astype(np.float16).astype(np.float32) for name, array in weights.items()}

    def node(name, op, inputs, stride=1):
        strides = {"strides": {"list": {"i": ["1", str(stride), str(stride), "1"]}}}
        same = {"padding": {"s": base64.b64encode(b"SAME").decode()}}
        return {"name": name, "op": op, "input": inputs, "attr": strides | same}

    nodes = [
        node("c0", "Conv2D", ["input_1", "k0"], 2), node("a0", "Add", ["c0", "o0"]), node("r0", "Relu", ["a0"]),
        node("c1", "DepthwiseConv2dNative", ["r0", "k1"]), node("m1", "Mul", ["c1", "s1"]),
        node("a1", "Add", ["m1", "o1"]), node("c2", "Conv2D", ["a1", "k2"]), node("a2", "Add", ["c2", "o2"]),
    ]  # fmt: skip
    entries = [
        {"name": name, "shape": list(array.shape), "dtype": "float32", "quantization": {"dtype": "float16"}}
        for name, array in weights.items()
    ]
    (tmp_path / "w.bin").write_bytes(
        b"".join(array.astype(np.float16).tobytes() for array in weights.values())
    )
    model = {"modelTopology": {"node": nodes}, "weightsManifest": [{"paths": ["w.bin"], "weights": entries}]}
    (tmp_path / "m.json").write_text(json.dumps(model))
    monkeypatch.setattr(sys, "argv", ["-", str(tmp_path / "m.json"), "--to", str(tmp_path / "new/m.onnx")])
    hse_face_net.main()
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["m.onnx"]

    x = pictures(2, hse_face_net.SIDE)
    tensors = {name: torch.tensor(array) for name, array in weights.items()}
    y = 255 * x.flip(1) - torch.tensor(hse_face_net.BLUE_GREEN_RED, dtype=torch.float32).view(1, 3, 1, 1)
    y = conv2d(pad(y, (0, 1, 0, 1)), tensors["k0"].permute(3, 2, 0, 1), tensors["o0"], stride=2).clamp(0, 6)
    y = conv2d(y, tensors["k1"].permute(2, 3, 0, 1), padding=1, groups=4) * tensors["s1"].view(-1, 1, 1)
    y = (y + tensors["o1"].view(-1, 1, 1)).clamp(0, 6)
    y = conv2d(y, tensors["k2"].permute(3, 2, 0, 1), tensors["o2"]).clamp(0, 6).mean((2, 3))
    torch.testing.assert_close(OnnxLayers(tmp_path / "new/m.onnx")(2 * x - 1), y, rtol=1e-4, atol=1e-4)


def test_quantised_weights_are_refused(tmp_path):
    entry = {
        "name": "k",
        "shape": [4],
        "dtype": "float32",
        "quantization": {"dtype": "uint8", "scale": 0.1, "min": -1},
    }
    (tmp_path / "w.bin").write_bytes(bytes(4))
    model = {"modelTopology": {"node": []}, "weightsManifest": [{"paths": ["w.bin"], "weights": [entry]}]}
    (tmp_path / "m.json").write_text(json.dumps(model))
    with pytest.raises(AssertionError, match="k is quantised to uint8"):
        hse_face_net.read_graph_model(tmp_path / "m.json")
