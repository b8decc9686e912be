"""Run the two small TFLite networks: with LiteRT where it has a wheel, else with OpenCV, at half the speed."""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Protocol, runtime_checkable

import cv2
import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from maskgen.errors import MissingError

Blob = Float32[ndarray, "1 h w 3"]


@runtime_checkable
class Network(Protocol):
    """A loaded network on one thread. Not to be shared between threads or sent to another process."""

    runtime: str

    def __call__(self, blob: Blob) -> list[ndarray]:
        """Outputs, in the order of the names the network was loaded with, flattened."""


def load_network(path: Path, outputs: Sequence[str], runtime: str = "auto") -> Network:
    """Load a TFLite file.

    Args:
        path: the model.
        outputs: names of the outputs wanted.
        runtime: "litert", "opencv", or "auto" for the first that is installed.

    Raises:
        MissingError: the runtime is not installed.
    """
    if runtime in ("auto", "litert"):
        try:
            return LiteRtNetwork(path, outputs)
        except ImportError as error:
            if runtime == "litert":
                raise MissingError(
                    f"ai-edge-litert cannot be loaded ({error}). pip install ai-edge-litert"
                ) from error
    return OpenCvNetwork(path, outputs)


class LiteRtNetwork:
    """A network run by `ai-edge-litert`."""

    def __init__(self, path: Path, outputs: Sequence[str]) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self.runtime = "litert-" + metadata.version("ai-edge-litert")
        with _quiet_stderr():
            self._interpreter = Interpreter(str(path), num_threads=1)
            self._interpreter.allocate_tensors()
        self._input = self._interpreter.get_input_details()[0]["index"]
        index = {detail["name"]: detail["index"] for detail in self._interpreter.get_output_details()}
        self._outputs = [index[name] for name in outputs]

    def __call__(self, blob: Blob) -> list[ndarray]:
        """See `Network`."""
        self._interpreter.set_tensor(self._input, blob)
        self._interpreter.invoke()
        return [self._interpreter.get_tensor(index).ravel() for index in self._outputs]


class OpenCvNetwork:
    """A network run by OpenCV's own importer."""

    def __init__(self, path: Path, outputs: Sequence[str]) -> None:
        self.runtime = "opencv-" + cv2.__version__
        engine = getattr(cv2.dnn, "ENGINE_CLASSIC", None)  # OpenCV 5's new engine gives only the first output
        self._net = cv2.dnn.readNetFromTFLite(str(path), *(() if engine is None else (engine,)))
        self._outputs = list(outputs)

    def __call__(self, blob: Blob) -> list[ndarray]:
        """See `Network`."""
        self._net.setInput(np.ascontiguousarray(blob.transpose(0, 3, 1, 2)))
        return [np.asarray(output).ravel() for output in self._net.forward(self._outputs)]


@contextmanager
def _quiet_stderr() -> Iterator[None]:
    """Hold back LiteRT's greeting, which its C++ side writes to file descriptor 2 and cannot be told not to."""
    sys.stderr.flush()
    kept = os.dup(2)
    sink = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(sink, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(sink)
