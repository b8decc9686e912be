# /// script
# requires-python = ">=3.11"
# dependencies = ["onnxruntime==1.31.1", "onnxruntime-extensions==0.15.2", "onnx==1.23.2", "numpy==2.4.6"]
# [tool.compat]
# reader = "ONNX Runtime Extensions"
# kind = "decoder"
# ///
"""The decoder that stands in ONNX files of mobile apps."""

import numpy as np
import onnxruntime
from onnx import TensorProto, helper
from onnxruntime_extensions import get_library_path
from reader_tools import IMAGES, decode_files, run

DOMAIN = "com.microsoft.extensions"


def session():
    graph = helper.make_graph(
        [helper.make_node("DecodeImage", ["data"], ["image"], domain=DOMAIN)],
        "decode",
        [helper.make_tensor_value_info("data", TensorProto.UINT8, ["bytes"])],
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["h", "w", 3])],
    )
    versions = [helper.make_opsetid("", 18), helper.make_opsetid(DOMAIN, 1)]
    options = onnxruntime.SessionOptions()
    options.register_custom_ops_library(get_library_path())
    model = helper.make_model(graph, opset_imports=versions, ir_version=8)
    return onnxruntime.InferenceSession(model.SerializeToString(), options)


decoder = session()


def decode(path):
    return decoder.run(None, {"data": np.frombuffer(path.read_bytes(), np.uint8)})[0]


THREE = {"map": "right, uint8 h w 3", "parts": "right, uint8 h w 3"}

WAYS = [
    decode_files("DecodeImage(data)", decode, THREE),
    decode_files(
        "DecodeImage(data)[:, :, ::-1]",
        lambda path: decode(path)[:, :, ::-1],
        {"images": "right, uint8 h w 3"},
        members=IMAGES,
    ),
]

if __name__ == "__main__":
    run(WAYS, "onnxruntime-extensions")
