"""The protocol of the two networks: arrays in, arrays out, whatever runtime computes them."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
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
        """Computes the probability of each pixel to be mask or strap, 0-1. `crops`: RGB at `segmenter_side`."""

    def fill(self, crops: Crops, maps: Maps) -> Float32[ndarray, "n side side 3"]:
        """Computes the generator's images: RGB, 0-255, not rounded, not composited.

        Args:
            crops: RGB with the mask, at `generator_side`.
            maps: 1 where the face is hidden, else 0.
        """


def on_cpu(runtime: str, device: str) -> None:
    """Raises UsageError where a runtime that computes on the processor is asked for another device."""
    if device not in ("auto", "cpu"):
        raise UsageError(f"--device {device}: --runtime {runtime} computes on the CPU; leave it out")


def planes(crops: Crops) -> Float32[ndarray, "n 3 side side"]:
    """Converts crops to the planes that exported files take, in [0, 1]."""
    return np.ascontiguousarray(crops.transpose(0, 3, 1, 2), np.float32) / np.float32(255)
