"""The networks by ONNX Runtime, out of a file that `unmask export` wrote. Loads no torch."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from maskgen.errors import InputError, UsageError
from maskgen.extras import require
from unmasknet.restore.networks import Cleaning, Crops, Maps, Networks

if TYPE_CHECKING:
    from onnx import ModelProto

UNTRAINED = Cleaning(0.5, 0)  # where the file holds no segmenter


def open_onnx(weights: Sequence[str], device: str, threads: int) -> Networks:
    """Load an exported file with ONNX Runtime. See `open_networks`."""
    require("--runtime onnx", "onnx", "onnx", "onnxruntime")
    if device not in ("auto", "cpu"):
        raise UsageError(f"--device {device}: --runtime onnx computes on the CPU; leave it out")
    if len(weights) != 1 or Path(weights[0]).suffix != ".onnx":
        raise UsageError(
            f"--weights {' '.join(weights)}: --runtime onnx takes one .onnx file; make it by unmask export --weights "
            f"{' --weights '.join(weights)} --format onnx --out unmask.onnx"
        )
    return OnnxNetworks(Path(weights[0]), threads)


class OnnxNetworks:
    """See `Networks`."""

    def __init__(self, path: Path, threads: int = 0) -> None:
        import onnxruntime

        model, facts = _read(path)
        segmenter, generator = _about(facts, "segmenter"), _about(facts, "generator")
        self.name = f"onnxruntime-{onnxruntime.__version__} on cpu: {path}"
        self.segmenter_side = segmenter["side"] if segmenter else None
        self.generator_side = generator["side"] if generator else None
        self.cleaning = Cleaning(segmenter["threshold"], segmenter["opening"]) if segmenter else UNTRAINED
        find = cut(model, "find", ("photo",), "probability") if segmenter else b""
        fill = cut(model, "fill", ("photo", "map"), "restored") if generator else b""
        del model  # of the same weights three copies at once would be the most that this process ever needs
        self._find = _session(find, threads) if segmenter else None
        del find
        self._fill = _session(fill, threads) if generator else None

    def hidden(self, crops: Crops) -> Float32[ndarray, "n side side"]:
        """See `Networks`."""
        assert self._find is not None
        (found,) = self._find.run(None, {"photo": _planes(crops)})
        return found[:, 0]

    def fill(self, crops: Crops, maps: Maps) -> Float32[ndarray, "n side side 3"]:
        """See `Networks`."""
        assert self._fill is not None
        (made,) = self._fill.run(None, {"photo": _planes(crops), "map": maps[:, None].astype(np.float32)})
        return np.ascontiguousarray(made.transpose(0, 2, 3, 1)) * np.float32(255)


def cut(model: "ModelProto", part: str, inputs: tuple[str, ...], output: str) -> bytes:
    """One network of an exported file, itself a file: nodes and weights whose names begin with `part/`.

    What only leads to other outputs is left to the runtime, which drops it.
    """
    from onnx import helper

    ports = {port.name: port for port in (*model.graph.input, *model.graph.output)}
    graph = helper.make_graph(
        [node for node in model.graph.node if node.name.startswith(f"{part}/")],
        part,
        [ports[name] for name in inputs],
        [ports[output]],
        [tensor for tensor in model.graph.initializer if tensor.name.startswith(f"{part}/")],
    )
    return bytes(
        helper.make_model(
            graph, opset_imports=model.opset_import, ir_version=model.ir_version
        ).SerializeToString()
    )


def _read(path: Path) -> "tuple[ModelProto, Mapping[str, str]]":
    """An exported file, and what it says of itself.

    Raises:
        InputError: there is none, it is damaged, or of other origin.
    """
    import onnx
    from google.protobuf.message import DecodeError

    try:
        model = onnx.load(path, load_external_data=False)
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read: {error.strerror}. Name a file that unmask export wrote"
        ) from error
    except DecodeError as error:
        raise InputError(f"{path}: is damaged, or no ONNX file; export it again") from error
    facts = {fact.key: fact.value for fact in model.metadata_props}
    outside = any(tensor.data_location == onnx.TensorProto.EXTERNAL for tensor in model.graph.initializer)
    if "unmask" not in facts or outside:
        raise InputError(f"{path}: was not written by unmask export; export the networks with this version")
    return model, facts


def _about(facts: Mapping[str, str], name: str) -> dict[str, Any]:
    return dict(json.loads(facts.get(name, "{}")))


def _session(model: bytes, threads: int) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.enable_cpu_mem_arena = False  # it would keep for good what it once took
    options.log_severity_level = 3  # errors; warnings are about nodes of the other outputs
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _planes(crops: Crops) -> Float32[ndarray, "n 3 side side"]:
    return np.ascontiguousarray(crops.transpose(0, 3, 1, 2), np.float32) / np.float32(255)
