"""Device of the tensors, and precision of the arithmetic."""

import os
from contextlib import AbstractContextManager, nullcontext
from typing import TypeVar

import torch
from torch import nn

from maskgen.errors import MissingError, UsageError

Net = TypeVar("Net", bound=nn.Module)
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
    """Enables mixed precision if requested: bf16 for convolutions, fp32 for operations that need it."""
    wanted = precision == "bf16" or (
        precision == "auto"
        and device.type == "cuda"
        and torch.cuda.is_bf16_supported(including_emulation=False)
    )
    return torch.autocast(device.type, torch.bfloat16) if wanted else nullcontext()


def placed(net: Net, device: torch.device) -> Net:
    """Moves the network to a device, with its weights in `channels_last`, the fastest layout for convolutions."""
    return net.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
