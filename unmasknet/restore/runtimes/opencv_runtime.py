"""Networks in OpenCV, from a file that `unmask export` wrote. Needs no package beyond the base install."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy import ndarray

from maskgen.errors import InputError
from unmasknet.models.released import exported_file
from unmasknet.restore.runtimes.base import Networks, on_cpu
from unmasknet.restore.runtimes.exported import ExportedNetworks


def open_opencv(weights: Sequence[str], device: str, threads: int) -> Networks:
    """Loads an exported file with OpenCV. See `open_networks`."""
    on_cpu("opencv", device)
    return OpencvNetworks(exported_file(weights, "opencv"), threads)


class OpencvNetworks(ExportedNetworks):
    """Networks of an exported file, in OpenCV; see `Networks`. `threads` applies to all of OpenCV in this process."""

    _errors = cv2.error

    def __init__(self, path: Path, threads: int = 0) -> None:
        if threads:
            cv2.setNumThreads(threads)
        super().__init__(path, f"opencv-{cv2.__version__}")

    def _open(self, path: Path, model: bytes) -> Any:
        reason = "it does not support all of their operators"
        try:
            # the classic engine does not support dynamic sizes
            net = cv2.dnn.readNetFromONNX(np.frombuffer(model, np.uint8), cv2.dnn.ENGINE_NEW)
            if not net.empty():
                return net
        except cv2.error as error:
            reason = error.err
        raise InputError(
            f"{path}: OpenCV {cv2.__version__} cannot read its networks ({reason}); try --runtime onnx, or export it "
            "again"
        )

    def _run(self, net: Any, inputs: dict[str, ndarray]) -> Any:
        for name, values in inputs.items():
            net.setInput(values, name)
        return net.forward()
