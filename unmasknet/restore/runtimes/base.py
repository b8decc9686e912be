"""What the two networks are to everything that restores: arrays in, arrays out, whatever computes them.

Loads neither torch nor ONNX Runtime; the runtime that is asked for does, when it is opened.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32, UInt8
from numpy import ndarray

from maskgen.errors import UsageError
from unmasknet.models.released import RELEASED, is_exported

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
    from unmasknet.restore.runtimes.torch_runtime import open_torch

    return open_torch(weights, device, threads)


def _onnx(weights: Sequence[str], device: str, threads: int) -> Networks:
    from unmasknet.restore.runtimes.onnx_runtime import open_onnx

    return open_onnx(weights, device, threads)


def _opencv(weights: Sequence[str], device: str, threads: int) -> Networks:
    from unmasknet.restore.runtimes.opencv_runtime import open_opencv

    return open_opencv(weights, device, threads)


AUTO = "auto"
RUNTIMES: dict[str, Open] = {"torch": _torch, "onnx": _onnx, "opencv": _opencv}
BRINGS: dict[str, tuple[str, ...]] = {
    "torch": ("torch", "safetensors"),
    "onnx": ("onnxruntime",),
    "opencv": ("cv2",),
}


def open_networks(
    weights: Sequence[str], runtime: str = AUTO, device: str = "auto", threads: int = 0
) -> Networks:
    """Load the networks.

    Args:
        weights: run folders or files, at most one of each network; `released` are those that ship.
        runtime: a key of `RUNTIMES`, or "auto", see `choose_runtime`.
        device: as `device.choose_device` names it.
        threads: cores to use; 0 is as many as the runtime sees fit.

    Raises:
        UsageError: an unknown runtime or device, or two networks of a kind.
        InputError: weights cannot be read. MissingError: the runtime, or released weights, are not there.
    """
    if runtime not in (AUTO, *RUNTIMES):
        raise UsageError(f"--runtime {runtime}: unknown; choose from {', '.join((AUTO, *RUNTIMES))}")
    return RUNTIMES[choose_runtime(weights, runtime, device)](weights, device, threads)


def choose_runtime(weights: Sequence[str], runtime: str = AUTO, device: str = "auto") -> str:
    """The runtime that `auto` means: of those that can read these weights the first that is installed.

    Runs are read by torch alone, an exported file by all others; the released weights are there for each. What
    computes elsewhere than on the processor is torch.
    """
    if runtime != AUTO:
        return runtime
    able: tuple[str, ...] = ("torch", "onnx", "opencv") if list(weights) == [RELEASED] else ("torch",)
    if is_exported(weights):
        able = ("onnx", "opencv")
    elif device not in ("auto", "cpu"):
        able = ("torch",)
    return next((name for name in able if has_runtime(name)), able[0])


def has_runtime(name: str) -> bool:
    """Whether what a runtime needs is installed."""
    return all(find_spec(package) for package in BRINGS[name])


def on_cpu(runtime: str, device: str) -> None:
    """Raise UsageError where a runtime that computes on the processor is asked for another device."""
    if device not in ("auto", "cpu"):
        raise UsageError(f"--device {device}: --runtime {runtime} computes on the CPU; leave it out")


def planes(crops: Crops) -> Float32[ndarray, "n 3 side side"]:
    """Crops as exported files take them: 0 to 1."""
    return np.ascontiguousarray(crops.transpose(0, 3, 1, 2), np.float32) / np.float32(255)
