"""Networks in ONNX Runtime, from a file that `unmask export` wrote. Does not import torch."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from numpy import ndarray

from maskgen.errors import InputError
from maskgen.extras import require
from unmasknet.models.released import exported_file
from unmasknet.restore.runtimes.base import Networks, first_line, on_cpu
from unmasknet.restore.runtimes.exported import ExportedNetworks


def open_onnx(weights: Sequence[str], device: str, threads: int) -> Networks:
    """Loads an exported file with ONNX Runtime. See `open_networks`."""
    require("--runtime onnx", "onnx", "onnxruntime")
    on_cpu("onnx", device)
    return OnnxNetworks(exported_file(weights, "onnx"), threads)


class OnnxNetworks(ExportedNetworks):
    """Networks of an exported file, in ONNX Runtime; see `Networks`."""

    _errors = Exception  # its exception classes share no other base class

    def __init__(self, path: Path, threads: int = 0) -> None:
        import onnxruntime

        self._threads = threads
        super().__init__(path, f"onnxruntime-{onnxruntime.__version__}")

    def _open(self, path: Path, model: bytes) -> Any:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self._threads
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # threads that wait sleep
        options.enable_cpu_mem_arena = False  # the arena would never return its memory
        options.log_severity_level = 3  # errors only: warnings concern the nodes of other outputs
        try:
            return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        except self._errors as error:
            raise InputError(
                f"{path}: ONNX Runtime cannot read its networks ({first_line(error)}); export it again"
            ) from error

    def _run(self, net: Any, inputs: dict[str, ndarray]) -> Any:
        (output,) = net.run(None, inputs)
        return output
