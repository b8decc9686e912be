"""Averaged weights: what is validated, shown and released. They wander less than those that are being trained."""

import copy
from collections.abc import Mapping
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn

Net = TypeVar("Net", bound=nn.Module)
RAMP = 0.05  # of the images seen so far: an average must not remember the first random weights for long


class Ema(Generic[Net]):
    """An exponential moving average of a network's weights.

    `net` is the averaged network, in evaluation mode; its buffers are the last ones, not averages.
    """

    def __init__(self, net: Net, half_life: float) -> None:
        """`half_life`: images after which a set of weights counts half; 0: no average."""
        self.net: Net = copy.deepcopy(net).eval().requires_grad_(False)
        self.half_life = half_life

    @torch.no_grad()
    def update(self, net: nn.Module, batch: int, seen: int) -> None:
        """Takes in the weights after a step of `batch` images, the last of `seen`."""
        keep = ema_keep(self.half_life, batch, seen)
        torch._foreach_lerp_(list(self.net.parameters()), list(net.parameters()), 1 - keep)
        for mine, theirs in zip(self.net.buffers(), net.buffers(), strict=True):
            mine.copy_(theirs)

    def state_dict(self) -> dict[str, Tensor]:
        """Returns the averaged weights."""
        return self.net.state_dict()

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Restores the averaged weights."""
        self.net.load_state_dict(dict(state))


def ema_keep(half_life: float, batch: int, seen: int) -> float:
    """Computes the fraction of the old average that stays after a step, in [0, 1): .5 ** (batch / half-life in
    images).
    """
    span = min(half_life, RAMP * seen)
    return 0.5 ** (batch / span) if span > 0 else 0.0
