"""Networks in ONNX Runtime, from a file that `unmask export` wrote. Does not import torch."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from maskgen.errors import InputError
from maskgen.extras import require
from unmasknet.models.released import exported_file
from unmasknet.restore.runtimes.base import (
    Crops,
    Maps,
    Networks,
    check_finite,
    first_line,
    on_cpu,
    pixels,
    planes,
)
from unmasknet.restore.runtimes.onnx_reader import read_exported


def open_onnx(weights: Sequence[str], device: str, threads: int) -> Networks:
    """Loads an exported file with ONNX Runtime. See `open_networks`."""
    require("--runtime onnx", "onnx", "onnxruntime")
    on_cpu("onnx", device)
    return OnnxNetworks(exported_file(weights, "onnx"), threads)


class OnnxNetworks:
    """Networks of an exported file, in ONNX Runtime; see `Networks`."""

    def __init__(self, path: Path, threads: int = 0) -> None:
        import onnxruntime

        exported = read_exported(path)
        self.name = f"onnxruntime-{onnxruntime.__version__} on cpu: {path}"
        self.segmenter_side, self.generator_side = exported.segmenter_side, exported.generator_side
        self.cleaning = exported.cleaning
        self._find = _session(path, exported.find, threads) if exported.find else None
        self._fill = _session(path, exported.fill, threads) if exported.fill else None

    def hidden(self, crops: Crops) -> Float32[ndarray, "n side side"]:
        """Implements `Networks`."""
        assert self._find is not None
        found = self._run(self._find, {"photo": planes(crops)})
        check_finite(found, "segmenter", self.name)
        return found[:, 0]

    def fill(self, crops: Crops, maps: Maps) -> Float32[ndarray, "n side side 3"]:
        """Implements `Networks`."""
        assert self._fill is not None
        made = self._run(self._fill, {"photo": planes(crops), "map": maps[:, None].astype(np.float32)})
        check_finite(made, "generator", self.name)
        return pixels(made)

    def _run(self, session: Any, inputs: dict[str, ndarray]) -> Any:
        try:
            (output,) = session.run(None, inputs)
        except Exception as error:  # its exception classes share no other base class
            raise InputError(
                f"{self.name}: cannot be computed ({first_line(error)}); export it again"
            ) from error
        return output


def _session(path: Path, model: bytes, threads: int) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # threads that wait sleep
    options.enable_cpu_mem_arena = False  # the arena would never return its memory
    options.log_severity_level = 3  # errors only: warnings concern the nodes of other outputs
    try:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its exception classes share no other base class
        raise InputError(
            f"{path}: ONNX Runtime cannot read its networks ({first_line(error)}); export it again"
        ) from error
