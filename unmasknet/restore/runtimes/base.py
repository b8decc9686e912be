"""Protocol of the two networks: arrays in, arrays out, in any runtime."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32, UInt8
from numpy import ndarray

from maskgen.errors import InputError, UsageError

Crops = UInt8[ndarray, "n side side 3"]
Maps = UInt8[ndarray, "n side side"]


@dataclass(frozen=True)
class Cleaning:
    """Parameters that turn probabilities into a map.

    Attributes:
        threshold: probability above which a pixel is mask.
        opening: radius of the morphological opening, in pixels at a side of 256.
    """

    threshold: float
    opening: int


@runtime_checkable
class Networks(Protocol):
    """Segmenter and generator; one of them may be missing.

    Attributes:
        name: runtime and weights, for reports.
        segmenter_side: side in pixels of the crops for `hidden`; None if there is no segmenter.
        generator_side: side in pixels of the crops for `fill`; None if there is no generator.
        cleaning: parameters that turn the segmenter's probabilities into a map.
    """

    name: str
    segmenter_side: int | None
    generator_side: int | None
    cleaning: Cleaning

    def hidden(self, crops: Crops) -> Float32[ndarray, "n side side"]:
        """Computes the probability that a pixel is mask or strap, 0-1. `crops`: RGB at `segmenter_side`."""

    def fill(self, crops: Crops, maps: Maps) -> Float32[ndarray, "n side side 3"]:
        """Computes the generator's images: RGB, 0-255, not rounded, not composited.

        Args:
            crops: RGB with the mask, at `generator_side`.
            maps: 1 where the face is hidden, else 0.
        """


def on_cpu(runtime: str, device: str) -> None:
    """Raises UsageError if `device` is not the CPU, for a runtime that computes only there."""
    if device not in ("auto", "cpu"):
        raise UsageError(f"--device {device}: --runtime {runtime} computes on the CPU; leave it out")


def planes(crops: Crops) -> Float32[ndarray, "n 3 side side"]:
    """Converts crops to the input of exported files: planes in [0, 1]."""
    return np.ascontiguousarray(crops.transpose(0, 3, 1, 2), np.float32) / np.float32(255)


def check_finite(values: Float32[ndarray, "..."], network: str, name: str) -> None:
    """Checks what a network computed, before clipping, comparing or rounding hides that it is no number.

    Args:
        values: the output of the network.
        network: "segmenter" or "generator".
        name: runtime and weights, for the message.

    Raises:
        InputError: a value is NaN or infinite.
    """
    if not np.isfinite(values).all():
        share = float(np.mean(~np.isfinite(values)))
        raise InputError(
            f"{name}: the {network} computed NaN or infinity for {share:.0%} of its output; its weights are damaged or "
            "its training failed. Copy them again, or take others"
        )


def pixels(made: Float32[ndarray, "n 3 side side"]) -> Float32[ndarray, "n side side 3"]:
    """Converts the generator's planes, nominally in [0, 1], to RGB in [0, 255]."""
    return np.ascontiguousarray(np.clip(made, 0, 1).transpose(0, 2, 3, 1)) * np.float32(255)


def first_line(error: BaseException) -> str:
    """Returns the first line of an error's text."""
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]
