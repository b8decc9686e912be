"""Networks in OpenCV, from a file that `unmask export` wrote. Needs no package beyond the base install."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from maskgen.errors import InputError
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


def open_opencv(weights: Sequence[str], device: str, threads: int) -> Networks:
    """Loads an exported file with OpenCV. See `open_networks`."""
    on_cpu("opencv", device)
    return OpencvNetworks(exported_file(weights, "opencv"), threads)


class OpencvNetworks:
    """Networks of an exported file, in OpenCV; see `Networks`. `threads` applies to all of OpenCV in this process."""

    def __init__(self, path: Path, threads: int = 0) -> None:
        if threads:
            cv2.setNumThreads(threads)
        exported = read_exported(path)
        self.name = f"opencv-{cv2.__version__} on cpu: {path}"
        self.segmenter_side, self.generator_side = exported.segmenter_side, exported.generator_side
        self.cleaning = exported.cleaning
        self._find = _net(path, exported.find) if exported.find else None
        self._fill = _net(path, exported.fill) if exported.fill else None

    def hidden(self, crops: Crops) -> Float32[ndarray, "n side side"]:
        """Implements `Networks`."""
        assert self._find is not None
        found = self._run(self._find, {"photo": planes(crops)})
        check_finite(found, "segmenter", self.name)
        return np.array(found[:, 0])  # a copy, because the net writes its next output into the same memory

    def fill(self, crops: Crops, maps: Maps) -> Float32[ndarray, "n side side 3"]:
        """Implements `Networks`."""
        assert self._fill is not None
        made = self._run(self._fill, {"photo": planes(crops), "map": maps[:, None].astype(np.float32)})
        check_finite(made, "generator", self.name)
        return pixels(made)

    def _run(self, net: Any, inputs: dict[str, ndarray]) -> Any:
        try:
            for name, values in inputs.items():
                net.setInput(values, name)
            return net.forward()
        except cv2.error as error:
            raise InputError(
                f"{self.name}: cannot be computed ({first_line(error)}); export it again"
            ) from error


def _net(path: Path, model: bytes) -> Any:
    reason = "it does not support all of their operators"
    try:
        # the classic engine does not support dynamic sizes
        net = cv2.dnn.readNetFromONNX(np.frombuffer(model, np.uint8), cv2.dnn.ENGINE_NEW)
        if not net.empty():
            return net
    except cv2.error as error:
        reason = error.err
    raise InputError(
        f"{path}: OpenCV {cv2.__version__} cannot read its networks ({reason}); try --runtime onnx, or export it again"
    )
