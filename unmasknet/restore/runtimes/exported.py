"""Networks of an exported file, for the runtimes that compute ONNX. Does not import torch."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from maskgen.errors import InputError
from unmasknet.restore.runtimes.base import Crops, Maps, check_finite, first_line, pixels, planes
from unmasknet.restore.runtimes.onnx_reader import read_exported


class ExportedNetworks(ABC):
    """Networks of an exported file; see `Networks`. A runtime says how a network is opened and run."""

    def __init__(self, path: Path, runtime: str) -> None:
        """Reads the file and opens its networks.

        Args:
            path: the exported file.
            runtime: name and version of the runtime, for reports.

        Raises:
            InputError: the file is damaged, or the runtime cannot read its networks.
        """
        exported = read_exported(path)
        self.name = f"{runtime} on cpu: {path}"
        self.segmenter_side, self.generator_side = exported.segmenter_side, exported.generator_side
        self.cleaning = exported.cleaning
        self._find = self._open(path, exported.find) if exported.find else None
        self._fill = self._open(path, exported.fill) if exported.fill else None

    def hidden(self, crops: Crops) -> Float32[ndarray, "n side side"]:
        """Implements `Networks`."""
        found = self._computed(self._find, {"photo": planes(crops)}, "segmenter")
        return np.array(found[:, 0])  # a copy: OpenCV writes its next output into the same memory

    def fill(self, crops: Crops, maps: Maps) -> Float32[ndarray, "n side side 3"]:
        """Implements `Networks`."""
        inputs = {"photo": planes(crops), "map": maps[:, None].astype(np.float32)}
        return pixels(self._computed(self._fill, inputs, "generator"))

    def _computed(self, net: Any, inputs: dict[str, ndarray], network: str) -> Any:
        """Runs a network and checks that its output is finite."""
        assert net is not None
        try:
            output = self._run(net, inputs)
        except self._errors as error:
            raise InputError(
                f"{self.name}: cannot be computed ({first_line(error)}); export it again"
            ) from error
        check_finite(output, network, self.name)
        return output

    _errors: type[Exception]

    @abstractmethod
    def _open(self, path: Path, model: bytes) -> Any:
        """Opens a network; raises InputError if the runtime cannot read it."""

    @abstractmethod
    def _run(self, net: Any, inputs: dict[str, ndarray]) -> Any:
        """Computes a network's output; raises `_errors` if it fails."""
