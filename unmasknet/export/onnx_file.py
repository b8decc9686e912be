"""Export of a pipeline as one ONNX graph with standard operators only.

Names of nodes and values start with `find/` or `fill/`, so that a reader can cut either network out of the file, as
`restore/runtimes/onnx_reader.py` does.
"""

import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np
import onnx
import torch
from onnx import compose, helper, numpy_helper
from torch import Tensor, nn

from unmasknet.export.pipeline import FILLED, FOUND, Pipeline

OPSET = 20
AXES = {0: "batch", 2: "height", 3: "width"}
CHANNELS = {"photo": 3, "map": 1, "probability": 1, "restored": 3, "composited": 3}
HALVED_FROM = 1024  # values; smaller tensors keep 32 bits
EXAMPLE = (2, 120, 136)  # batch, height, width; all different, so that the exporter cannot confuse them


def to_onnx(pipeline: Pipeline, facts: Mapping[str, str], *, half: bool = False) -> onnx.ModelProto:
    """Builds the graph of an exportable pipeline.

    Args:
        pipeline: without Fourier transforms.
        facts: metadata of the file, text by name.
        half: store large weights in 16 bits.
    """
    parts = []
    photo, map = _example("photo"), _example("map")
    if pipeline.find:
        parts.append(_part("find", pipeline.find, {"photo": photo}, FOUND))
    if pipeline.fill:
        parts.append(_part("fill", pipeline.fill, {"photo": photo, "map": map}, FILLED))
    model = _joined(parts, ("photo",) if pipeline.find else ("photo", "map"), pipeline.outputs)
    if half:
        halve(model.graph)
    helper.set_model_props(model, dict(facts))
    onnx.checker.check_model(model, full_check=True)
    return model


def _example(name: str) -> Tensor:
    count, height, width = EXAMPLE
    return torch.zeros(count, CHANNELS[name], height, width)


def _part(
    name: str, module: nn.Module, inputs: Mapping[str, Tensor], outputs: Sequence[str]
) -> onnx.ModelProto:
    """Builds one network's graph; all names but those of inputs and outputs get the prefix `name/`."""
    sizes = {axis: torch.export.Dim(label) for axis, label in AXES.items()}
    with _quiet(), torch.no_grad():
        program = torch.onnx.export(
            module,
            tuple(inputs.values()),
            dynamo=True,
            opset_version=OPSET,
            dynamic_shapes=dict.fromkeys(inputs, sizes),
            input_names=list(inputs),
            output_names=list(outputs),
            verbose=False,
        )
    assert program is not None
    model = compose.add_prefix(program.model_proto, f"{name}/")
    public = {f"{name}/{key}": key for key in (*inputs, *outputs)}
    for node in model.graph.node:
        node.input[:] = [public.get(key, key) for key in node.input]
        node.output[:] = [public.get(key, key) for key in node.output]
        del node.metadata_props[:]  # source lines from which the nodes were made
    return model


@contextmanager
def _quiet() -> Iterator[None]:
    """Silences the exporter's reports on optional packages and on its own deprecated calls."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _joined(
    parts: Sequence[onnx.ModelProto], inputs: Sequence[str], outputs: Sequence[str]
) -> onnx.ModelProto:
    graph = helper.make_graph(
        [node for part in parts for node in part.graph.node],
        "unmask",
        [_port(name) for name in inputs],
        [_port(name) for name in outputs],
        [tensor for part in parts for tensor in part.graph.initializer],
        "A masked face in, a map and an invented face out; see the metadata.",
    )
    return helper.make_model(
        graph,
        producer_name="unmask",
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=parts[0].ir_version,
    )


def _port(name: str) -> onnx.ValueInfoProto:
    shape: list[str | int | None] = ["batch", CHANNELS[name], "height", "width"]
    return helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)


def halve(graph: onnx.GraphProto) -> None:
    """Stores large weights in 16 bits, each followed by a cast to 32 bits that runtimes evaluate at load time."""
    kept, casts = [], []
    for tensor in graph.initializer:
        values = numpy_helper.to_array(tensor)
        if tensor.data_type != onnx.TensorProto.FLOAT or values.size < HALVED_FROM:
            kept.append(tensor)
            continue
        stored = f"{tensor.name}/half"
        kept.append(numpy_helper.from_array(values.astype(np.float16), stored))
        casts.append(
            helper.make_node(
                "Cast", [stored], [tensor.name], name=f"{tensor.name}/cast", to=onnx.TensorProto.FLOAT
            )
        )
    nodes = [*casts, *graph.node]
    del graph.initializer[:], graph.node[:]
    graph.initializer.extend(kept)
    graph.node.extend(nodes)
