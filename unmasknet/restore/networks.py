"""What the two networks are to everything that restores: arrays in, arrays out, whatever computes them.

Loads neither torch nor ONNX Runtime; the runtime that is asked for does, when it is opened.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from jaxtyping import Float32, UInt8
from numpy import ndarray

from maskgen.errors import UsageError

Crops = UInt8[ndarray, "n side side 3"]
Maps = UInt8[ndarray, "n side side"]


@dataclass(frozen=True)
class Cleaning:
    """How probabilities become a map. `threshold`: from which a pixel is mask; `opening`: radius in pixels at a side
    of 256 below which lone pixels vanish.
    """

    threshold: float
    opening: int


@runtime_checkable
class Networks(Protocol):
    """A segmenter and a generator, either of which may be missing.

    Attributes:
        name: runtime and weights, for reports.
        segmenter_side: pixels of the crops that `hidden` is shown; None where there is no segmenter.
        generator_side: the same of `fill`.
        cleaning: how the segmenter's probabilities become a map.
    """

    name: str
    segmenter_side: int | None
    generator_side: int | None
    cleaning: Cleaning

    def hidden(self, crops: Crops) -> Float32[ndarray, "n side side"]:
        """How likely each pixel is mask or strap, 0-1. `crops`: RGB at `segmenter_side`."""

    def fill(self, crops: Crops, maps: Maps) -> Float32[ndarray, "n side side 3"]:
        """The generator's pictures: RGB, 0-255, not rounded, not composited.

        Args:
            crops: RGB with the mask, at `generator_side`.
            maps: 1 where the face is hidden, else 0.
        """


Open = Callable[[Sequence[str], str, int], Networks]


def _torch(weights: Sequence[str], device: str, threads: int) -> Networks:
    from unmasknet.restore.torch_networks import open_torch

    return open_torch(weights, device, threads)


def _onnx(weights: Sequence[str], device: str, threads: int) -> Networks:
    from unmasknet.restore.onnx_networks import open_onnx

    return open_onnx(weights, device, threads)


RUNTIMES: dict[str, Open] = {"torch": _torch, "onnx": _onnx}


def open_networks(
    weights: Sequence[str], runtime: str = "torch", device: str = "auto", threads: int = 0
) -> Networks:
    """Load the networks.

    Args:
        weights: run folders or files, at most one of each network; `released` are those that ship.
        runtime: a key of `RUNTIMES`.
        device: as `device.choose_device` names it.
        threads: cores to use; 0 is as many as the runtime sees fit.

    Raises:
        UsageError: an unknown runtime or device, or two networks of a kind.
        InputError: weights cannot be read. MissingError: the runtime, or released weights, are not there.
    """
    if runtime not in RUNTIMES:
        raise UsageError(f"--runtime {runtime}: unknown; choose from {', '.join(RUNTIMES)}")
    return RUNTIMES[runtime](weights, device, threads)
