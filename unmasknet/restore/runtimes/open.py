"""Opens the networks in one of the runtimes.

Imports neither torch nor ONNX Runtime; the chosen runtime is imported when it is opened.
"""

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from numbers import Integral

from maskgen.errors import UsageError
from unmasknet.models.released import RELEASED, is_exported
from unmasknet.restore.runtimes.base import Networks

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
    """Loads the networks.

    Args:
        weights: run folders or files, at most one of each network; `released`: the included weights.
        runtime: a key of `RUNTIMES`, or "auto", see `choose_runtime`.
        device: as in `device.choose_device`.
        threads: number of CPU threads; 0 leaves the choice to the runtime.

    Raises:
        UsageError: the runtime or device is unknown, the number of threads is negative, there are no weights, or two
            networks of one kind.
        InputError: weights cannot be read.
        MissingError: the runtime or the released weights are missing.
    """
    _check_arguments(weights, device, threads)
    if runtime not in (AUTO, *RUNTIMES):
        raise UsageError(f"--runtime {runtime}: unknown; choose from {', '.join((AUTO, *RUNTIMES))}")
    return RUNTIMES[choose_runtime(weights, runtime, device)](weights, device, threads)


def _check_arguments(weights: Sequence[str], device: object, threads: object) -> None:
    if not weights or not all(weights):
        raise UsageError(
            f"--weights {' '.join(weights)}: is empty; name runs or files of weights, or: {RELEASED}"
        )
    if isinstance(threads, bool) or not isinstance(threads, Integral) or threads < 0:
        raise UsageError(
            f"--threads {threads}: give a whole number from 1 on, or 0 for the runtime's own choice"
        )
    if not isinstance(device, str) or not device:
        raise UsageError(f"--device {device}: give auto, cpu, or a device as the runtime names it")


def choose_runtime(weights: Sequence[str], runtime: str = AUTO, device: str = "auto") -> str:
    """Chooses the runtime for `auto`: the first installed one that can read these weights.

    Only torch reads runs, and only the others read an exported file; each can read the released weights. Devices other
    than the CPU need torch.
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
    """Tells whether the packages of a runtime are installed."""
    return all(find_spec(package) for package in BRINGS[name])
