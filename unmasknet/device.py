"""Device of the tensors, and precision of the arithmetic."""

import os
import time
from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache
from typing import TypeVar

import torch
from torch import nn

from maskgen.errors import MissingError, UsageError

Net = TypeVar("Net", bound=nn.Module)
BF16_GAIN = 0.9  # fraction of the time in fp32 below which bf16 is chosen
TURNS = 9  # of the measured convolution, in turn
KINDS = ("cpu", "cuda", "mps")


def choose_device(name: str) -> torch.device:
    """Chooses the device by name: `auto`, `cpu`, `cuda`, `cuda:1`, `mps`. Under torchrun, each rank uses its own GPU.

    Raises:
        UsageError: the name is unknown.
        MissingError: this machine has no such device.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise UsageError(f"--device {name}: is not a device; use auto, cpu, cuda, cuda:1 or mps") from error
    if device.type not in KINDS:
        raise UsageError(f"--device {name}: is not supported; use auto, cpu, cuda, cuda:1 or mps")
    if device.type == "cuda":
        return _gpu(device)
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise MissingError("--device mps: this machine has no such device; use --device auto")
    return device


def _gpu(device: torch.device) -> torch.device:
    count = torch.cuda.device_count()
    number = int(os.environ.get("LOCAL_RANK", "0")) if device.index is None else device.index
    if number >= count:
        raise MissingError(
            f"--device {device}: torch finds {count} GPUs, needs number {number}; use --device auto or cpu, fewer "
            "processes, or install a torch with CUDA"
        )
    return torch.device("cuda", number)


def use_threads(count: int) -> None:
    """Sets the number of CPU threads of torch in this process; 0 leaves torch's default, one per core."""
    if count:
        torch.set_num_threads(count)


def autocast(device: torch.device, precision: str) -> AbstractContextManager[object]:
    """Enables mixed precision: bf16 for convolutions, fp32 for operations that need it.

    Args:
        device: device of the tensors.
        precision: "bf16" or "fp32"; "auto", which runs of earlier versions kept: bf16 on GPUs that have it.
    """
    wanted = precision == "bf16" or (
        precision == "auto" and device.type == "cuda" and choose_precision(device) == "bf16"
    )
    return torch.autocast(device.type, torch.bfloat16) if wanted else nullcontext()


@lru_cache
def choose_precision(device: torch.device) -> str:
    """Chooses the faster precision of a device, "bf16" or "fp32".

    A GPU tells whether it has the arithmetic. A processor is measured, because torch also emulates bf16 on those that
    lack it, many times slower.
    """
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    if device.type != "cpu":
        return "fp32"
    seconds = _conv_seconds(device)
    return "bf16" if seconds["bf16"] < BF16_GAIN * seconds["fp32"] else "fp32"


def _conv_seconds(device: torch.device) -> dict[str, float]:
    """Measures the processor time of a convolution and its gradients in each precision: the shortest of some turns."""
    with torch.random.fork_rng(devices=[]):
        net = placed(nn.Conv2d(96, 96, 3, padding=1), device)
        images = torch.rand(4, 96, 32, 32, device=device).to(memory_format=torch.channels_last)
    seconds: dict[str, list[float]] = {"fp32": [], "bf16": []}
    for _ in range(TURNS):
        for precision, found in seconds.items():
            began = time.process_time()
            with autocast(device, precision):
                torch.autograd.backward(net(images).float().mean())
            found.append(time.process_time() - began)
    return {precision: min(found) for precision, found in seconds.items()}


def placed(net: Net, device: torch.device) -> Net:
    """Moves the network to a device, with its weights in `channels_last`, the fastest layout for convolutions."""
    return net.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
