"""Runtimes of the two small TFLite networks: LiteRT where it has a wheel, otherwise OpenCV, at half the speed."""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Protocol, runtime_checkable

import cv2
import numpy as np
from numpy import ndarray

from maskgen.errors import MissingError
from maskgen.faces.landmarks.network_input import Outside, Shown, Source, show
from maskgen.types import Affine


@runtime_checkable
class Network(Protocol):
    """Loaded network on one thread. Not to be shared between threads or sent to another process."""

    runtime: str

    def __call__(self, photo: Source, view: Affine) -> list[ndarray]:
        """Runs the network on a view of a photo; returns its outputs, flattened, in the order of `Model.outputs`."""


@dataclass(frozen=True)
class Model:
    """File of a network, and the format of its input.

    Attributes:
        path: the TFLite file.
        outputs: names of the outputs to return.
        side: side of the square input, in pixels.
        outside: fill of the input outside the photo.
        gain, offset: the input is `gain * level + offset` of levels 0-255.
    """

    path: Path
    outputs: Sequence[str]
    side: int
    outside: Outside
    gain: float
    offset: float = 0.0

    def show(self, photo: Source, view: Affine, shown: Shown) -> None:
        """Writes the network's input for a view of a photo."""
        show(photo, view, self.outside, self.gain, self.offset, shown)


def load_network(model: Model, runtime: str = "auto") -> Network:
    """Loads a TFLite file.

    Args:
        model: the file.
        runtime: "litert", "opencv", or "auto" for the first that is installed.

    Raises:
        MissingError: the runtime is not installed.
    """
    if runtime in ("auto", "litert"):
        try:
            return LiteRtNetwork(model)
        except ImportError as error:
            if runtime == "litert":
                raise MissingError(
                    f"ai-edge-litert cannot be loaded ({error}). pip install ai-edge-litert"
                ) from error
    return OpenCvNetwork(model)


class LiteRtNetwork:
    """Network run by `ai-edge-litert`."""

    def __init__(self, model: Model) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self.runtime = "litert-" + metadata.version("ai-edge-litert")
        with _quiet_stderr():
            self._interpreter = Interpreter(str(model.path), num_threads=1)
            self._interpreter.allocate_tensors()
        self._input = self._interpreter.get_input_details()[0]["index"]
        index = {detail["name"]: detail["index"] for detail in self._interpreter.get_output_details()}
        self._outputs = [index[name] for name in model.outputs]
        self._model = model

    def __call__(self, photo: Source, view: Affine) -> list[ndarray]:
        """See `Network`."""
        # Written directly into the network's memory; no reference to it may exist while the network runs.
        self._model.show(photo, view, self._interpreter.tensor(self._input)()[0])
        self._interpreter.invoke()
        return [self._interpreter.get_tensor(index).ravel() for index in self._outputs]


class OpenCvNetwork:
    """Network run by OpenCV's own importer."""

    def __init__(self, model: Model) -> None:
        self.runtime = "opencv-" + cv2.__version__
        engine = getattr(cv2.dnn, "ENGINE_CLASSIC", None)  # OpenCV 5's new engine gives only the first output
        self._net = cv2.dnn.readNetFromTFLite(str(model.path), *(() if engine is None else (engine,)))
        self._model = model

    def __call__(self, photo: Source, view: Affine) -> list[ndarray]:
        """See `Network`."""
        shown = np.empty((self._model.side, self._model.side, 3), np.float32)
        self._model.show(photo, view, shown)
        self._net.setInput(np.ascontiguousarray(shown.transpose(2, 0, 1)[None]))
        return [np.asarray(output).ravel() for output in self._net.forward(list(self._model.outputs))]


@contextmanager
def _quiet_stderr() -> Iterator[None]:
    """Suppresses LiteRT's greeting, which its C++ side always writes to file descriptor 2."""
    try:
        kept = os.dup(2)
    except OSError:  # stderr is closed, so there is nothing to suppress
        yield
        return
    with suppress(AttributeError, OSError):  # there is no stderr, or it is full
        sys.stderr.flush()
    sink = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(sink, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(sink)
