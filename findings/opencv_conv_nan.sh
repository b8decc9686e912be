#!/usr/bin/env bash
# OpenCV: dnn's Conv turns NaN into 3.4e38, and its Clip turns NaN into the lower bound; other layers pass NaN on.
#
# Guess before the run: NaN goes through a convolution, as IEEE 754 arithmetic and ONNX Runtime have it, so that a check
# of the output for NaN finds a network whose weights or inputs went wrong.
# Seen with opencv-python-headless 5.0.0.93: the output of Conv is the largest 32-bit float wherever a NaN took part, and
# that of Clip is its lower bound; Relu and Sigmoid return NaN. A network with one NaN in its first layer gives an
# image without NaN. Whoever wants to notice it must check the weights, not the output.
#
# Exits with 0 while this is so, with 1 when it has changed, with 2 if the packages cannot be installed.
set -euo pipefail
trap 'echo "not tried: the packages cannot be installed" >&2; exit 2' ERR
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --disable-pip-version-check -q \
    opencv-python-headless==5.0.0.93 onnx==1.23.2 onnxruntime==1.31.1
"$folder/venv/bin/python" -c "import cv2, numpy, onnxruntime, onnx"
trap - ERR
"$folder/venv/bin/python" - <<'PYTHON'
import cv2
import numpy as np
import onnxruntime
from onnx import TensorProto, checker, helper, numpy_helper

SHAPE = [1, 1, 8, 8]
CONSTANTS = {
    "w": np.ones((1, 1, 3, 3), np.float32), "low": np.float32(0), "high": np.float32(1),
}
LAYERS = {
    "Conv": (["x", "w"], {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}),
    "Clip": (["x", "low", "high"], {}),
    "Relu": (["x"], {}),
    "Sigmoid": (["x"], {}),
}


def outputs(kind):
    """Returns the values of one layer for an image of NaN: by ONNX Runtime, by OpenCV."""
    inputs, attributes = LAYERS[kind]
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, SHAPE) for name in "xy"]
    constants = [
        numpy_helper.from_array(np.asarray(CONSTANTS[name]), name) for name in inputs if name in CONSTANTS
    ]
    graph = helper.make_graph(
        [helper.make_node(kind, inputs, ["y"], **attributes)], "layer", ports[:1], ports[1:], constants
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    checker.check_model(model, full_check=True)
    data, image = model.SerializeToString(), np.full(SHAPE, np.nan, np.float32)
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    net = cv2.dnn.readNetFromONNX(np.frombuffer(data, np.uint8))
    net.setInput(image, "x")
    return session.run(None, {"x": image})[0], np.array(net.forward())


print("OpenCV", cv2.__version__, "ONNX Runtime", onnxruntime.__version__)
found = {kind: outputs(kind) for kind in LAYERS}
for kind, (runtime, opencv) in found.items():
    print(f"{kind:8} of NaN: ONNX Runtime {runtime.flat[0]}, OpenCV {opencv.flat[0]}")
passes = {kind: [bool(np.isnan(values).all()) for values in both] for kind, both in found.items()}
same = (
    all(runtime for runtime, _ in passes.values())
    and [kind for kind, (_, opencv) in passes.items() if not opencv] == ["Conv", "Clip"]
    and (found["Conv"][1] == np.finfo(np.float32).max).all()
    and (found["Clip"][1] == 0).all()
)
raise SystemExit(0 if same else 1)
PYTHON
