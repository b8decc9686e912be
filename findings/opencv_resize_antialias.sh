#!/usr/bin/env bash
# OpenCV: dnn runs ONNX's Resize with antialias=1 as if antialias were 0, without an error or a warning.
#
# Guess before the run: Resize has the attribute `antialias` since opset 18. OpenCV 5 reads models of opset 18 and later,
# so it either computes the same as ONNX's own reference implementation and ONNX Runtime, or refuses the model.
# Seen with opencv-python-headless 5.0.0.93, onnx 1.23.2, onnxruntime 1.31.1: for noise reduced from 64 x 64 to 16 x 16,
# ONNX Runtime and the reference agree to 1e-6. OpenCV differs from them by up to .34 of 1, and agrees with the reference
# for antialias=0. Networks that were trained on reduced images see aliased ones there. A product with a matrix per axis
# gives the same image in both runtimes.
#
# Exits with 0 while this is so, with 1 when it has changed, with 2 if the packages cannot be installed.
set -euo pipefail
trap 'echo "not tried: the packages cannot be installed" >&2; exit 2' ERR
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --disable-pip-version-check -q \
    opencv-python-headless==5.0.0.93 onnx==1.23.2 onnxruntime==1.31.1
"$folder/venv/bin/python" -c "import cv2, numpy, onnxruntime, onnx, onnx.reference"
trap - ERR
"$folder/venv/bin/python" - <<'PYTHON'
import cv2
import numpy as np
import onnxruntime
from onnx import TensorProto, checker, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

BEFORE, AFTER = 64, 16


def model(antialias):
    node = helper.make_node(
        "Resize", ["x", "", "", "sizes"], ["y"], mode="linear", antialias=antialias,
        coordinate_transformation_mode="pytorch_half_pixel",
    )
    ports = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 1, side, side])
        for name, side in (("x", BEFORE), ("y", AFTER))
    ]
    sizes = numpy_helper.from_array(np.array([1, 1, AFTER, AFTER], np.int64), "sizes")
    graph = helper.make_graph([node], "resize", ports[:1], ports[1:], [sizes])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    checker.check_model(made, full_check=True)
    return made


image = np.random.default_rng(0).random((1, 1, BEFORE, BEFORE), np.float32)
data = model(1).SerializeToString()
reference = {flag: ReferenceEvaluator(model(flag)).run(None, {"x": image})[0] for flag in (0, 1)}
runtime = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"]).run(None, {"x": image})[0]
net = cv2.dnn.readNetFromONNX(np.frombuffer(data, np.uint8))
net.setInput(image, "x")
opencv = np.array(net.forward())


def apart(one, other):
    return float(np.abs(one - other).max())


print("OpenCV", cv2.__version__, "ONNX Runtime", onnxruntime.__version__)
print("largest difference from the reference with antialias=1")
print("    ONNX Runtime:", apart(runtime, reference[1]))
print("    OpenCV:      ", apart(opencv, reference[1]))
print("of OpenCV from the reference with antialias=0:", apart(opencv, reference[0]))
same = (
    apart(runtime, reference[1]) < 1e-5
    and apart(opencv, reference[1]) > 0.2
    and apart(opencv, reference[0]) < 1e-5
)
raise SystemExit(0 if same else 1)
PYTHON
