"""Training on several processes (ranks): this process's rank, and the messages between ranks.

Uses torch.distributed as `torchrun` sets it up, without DistributedDataParallel: gradients are averaged in one call
after the backward pass. So the networks stay plain modules, the two updates of a GAN need no special case, and every
rank has the same gradients when it decides whether they are finite. Losses are means over samples, and all ranks have
the same number of samples, so the mean over ranks is the mean over the whole batch.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor, nn

from maskgen.errors import UnmaskError, UsageError

TIMEOUT_SECONDS = 300.0  # silence after which a rank counts as dead


@dataclass(frozen=True)
class Ranks:
    """Place of this process among those that train together.

    Attributes:
        rank: its number among all processes, from 0.
        world: number of processes.
        local: its number on this machine, from 0.
    """

    rank: int = 0
    world: int = 1
    local: int = 0

    @property
    def first(self) -> bool:
        """Whether this is rank 0, the only one that writes files."""
        return self.rank == 0


@contextmanager
def joined(device: torch.device) -> Iterator[Ranks]:
    """Joins the process group that `torchrun` started, if any, and leaves it at the end.

    Raises:
        UnmaskError: another rank ended, or did not join in time.
    """
    ranks = environment_ranks()
    if ranks.world == 1:
        yield ranks
        return
    backend = "nccl" if device.type == "cuda" else "gloo"
    seconds = float(os.environ.get("UNMASK_RANK_TIMEOUT", TIMEOUT_SECONDS))
    try:
        dist.init_process_group(backend, timeout=timedelta(seconds=seconds))
        yield ranks
    except (dist.DistError, RuntimeError) as error:
        if not _is_of_group(error):
            raise
        raise UnmaskError(
            f"rank {ranks.rank} of {ranks.world}: another rank ended or fell silent for {seconds:.0f} s "
            f"({str(error).splitlines()[0][:120]}); see its output, then train on with --resume"
        ) from error
    finally:
        if dist.is_initialized():
            dist.destroy_process_group()


def _is_of_group(error: Exception) -> bool:
    """Tells whether an error comes from the process group; others come from memory, a shape or a bug."""
    words = ("gloo", "nccl", "connection", "timed out", "timeout", "process group", "store", "peer", "socket")
    return isinstance(error, dist.DistError) or any(word in str(error).lower() for word in words)


def environment_ranks() -> Ranks:
    """Reads the ranks from the environment variables of `torchrun`; without them there is a single process.

    Raises:
        UsageError: the variables are not numbers or do not fit together.
    """
    names = ("RANK", "WORLD_SIZE", "LOCAL_RANK")
    texts = [os.environ.get(name, default) for name, default in zip(names, ("0", "1", "0"), strict=True)]
    if all(text.isdecimal() for text in texts):
        rank, world, local = (int(text) for text in texts)
        if rank < world:
            return Ranks(rank, world, local)
    found = ", ".join(f"{name}={text}" for name, text in zip(names, texts, strict=True))
    raise UsageError(f"{found}: cannot be ranks of one run; start it with torchrun, or unset them")


def share_weights(nets: Iterable[nn.Module]) -> None:
    """Copies the weights and buffers of rank 0 to all ranks."""
    if not dist.is_initialized():
        return
    for net in nets:
        for tensor in (*net.parameters(), *net.buffers()):
            dist.broadcast(tensor.detach(), src=0)


def average_gradients(net: nn.Module) -> None:
    """Replaces the gradients by their means over ranks, in one message."""
    if not dist.is_initialized():
        return
    gradients = [parameter.grad for parameter in net.parameters() if parameter.grad is not None]
    if gradients:
        _average(gradients)


def average_buffers(net: nn.Module) -> None:
    """Replaces running statistics by their means over ranks: BatchNorm updates them from each rank's own samples."""
    if not dist.is_initialized():
        return
    buffers = [buffer for buffer in net.buffers() if buffer.is_floating_point()]
    if buffers:
        _average(buffers)


@torch.no_grad()
def _average(tensors: list[Tensor]) -> None:
    flat = torch.cat([tensor.detach().reshape(-1).float() for tensor in tensors])
    dist.all_reduce(flat)
    flat /= dist.get_world_size()
    start = 0
    for tensor in tensors:
        tensor.detach().copy_(flat[start : start + tensor.numel()].view_as(tensor))
        start += tensor.numel()


def summed(values: Mapping[str, float], device: torch.device) -> dict[str, float]:
    """Sums values over ranks; all ranks must give the same names."""
    if not dist.is_initialized():
        return dict(values)
    flat = torch.tensor([values[name] for name in sorted(values)], dtype=_wide(device), device=device)
    dist.all_reduce(flat)
    return dict(zip(sorted(values), flat.tolist(), strict=True))


def largest(value: float, device: torch.device) -> float:
    """Returns the maximum of a value over ranks."""
    if not dist.is_initialized():
        return value
    flat = torch.tensor([value], dtype=_wide(device), device=device)
    dist.all_reduce(flat, op=dist.ReduceOp.MAX)
    return float(flat.item())


def _wide(device: torch.device) -> torch.dtype:
    return torch.float32 if device.type == "mps" else torch.float64
