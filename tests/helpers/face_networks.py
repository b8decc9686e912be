"""Small ONNX face recognition network for tests, with every operator that supports gradients."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIDE = 16


def write_face_net(
    path: Path, *, side: int | str = SIDE, last: str = "Flatten", pad: str = "NOTSET", outputs: int = 1
) -> Path:
    """Writes the network with fixed weights, inputs of `side` pixels and 5 outputs per face.

    Args:
        path: file to write.
        side: pixels, or a name for a dynamic size.
        last: operator in front of the last layer.
        pad: `auto_pad` of the second convolution.
        outputs: number of outputs of the graph, 1 or 2.
    """
    rng = np.random.default_rng(3)
    shapes = {
        "k1": (6, 3, 3, 3), "b1": (6,), "k2": (6, 1, 3, 3), "slope": (6, 1, 1),
        "scale": (6,), "offset": (6,), "mean": (6,), "weight": (5, 6), "bias": (5,),
    }  # fmt: skip
    arrays = {name: rng.normal(0, 0.5, shape) for name, shape in shapes.items()}
    arrays |= {
        "variance": rng.uniform(0.5, 2, 6),
        "half": np.array(0.5),
        "low": np.array(-1),
        "high": np.array(1),
    }
    nodes = [
        helper.make_node("Sub", ["image", "half"], ["n1"]),
        helper.make_node("Mul", ["n1", "half"], ["n2"]),
        helper.make_node("Conv", ["n2", "k1", "b1"], ["n3"], strides=[2, 2], pads=[0, 0, 1, 1]),
        helper.make_node("PRelu", ["n3", "slope"], ["n4"]),
        helper.make_node("BatchNormalization", ["n4", "scale", "offset", "mean", "variance"], ["n5"], epsilon=1e-3),
        helper.make_node("Conv", ["n5", "k2"], ["n6"], pads=[1, 1, 1, 1], group=6, auto_pad=pad),
        helper.make_node("Add", ["n6", "n5"], ["n7"]),
        helper.make_node("Clip", ["n7", "low", "high"], ["n8"]),
        helper.make_node("Relu", ["n8"], ["n9"]),
        helper.make_node("GlobalAveragePool", ["n9"], ["n10"]),
        helper.make_node("Identity", ["n10"], ["n11"]),
        helper.make_node("Dropout", ["n11"], ["n12"]),
        helper.make_node(last, ["n12"], ["n13"]),
        helper.make_node("Gemm", ["n13", "weight", "bias"], ["embedding"], transB=1, alpha=0.7, beta=1.3),
    ]  # fmt: skip
    graph = helper.make_graph(
        nodes,
        "toy",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 3, side, side])],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, None)
            for name in ("embedding", "n1")[:outputs]
        ],
        [numpy_helper.from_array(array.astype(np.float32), name) for name, array in arrays.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    onnx.save(model, path)
    return path
