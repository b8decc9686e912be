"""Exponential moving average of the weights. The averages vary less between steps; they are validated and released."""

import copy
from collections.abc import Mapping
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn

Net = TypeVar("Net", bound=nn.Module)
RAMP = 0.05  # limit of the half-life, as a fraction of the images so far: forgets the random initial weights


class Ema(Generic[Net]):
    """Exponential moving average of a network's weights.

    Attributes:
        net: the averaged network, in evaluation mode; its buffers are the latest ones, not averages.
    """

    def __init__(self, net: Net, half_life: float) -> None:
        """Copies the network.

        Args:
            net: the network that is trained.
            half_life: images after which the weights of a step count half; 0 turns averaging off.
        """
        self.net: Net = copy.deepcopy(net).eval().requires_grad_(False)
        self.half_life = half_life

    @torch.no_grad()
    def update(self, net: nn.Module, batch: int, seen: int) -> None:
        """Adds the weights after a step.

        Args:
            net: the network that is trained.
            batch: images of the step.
            seen: images of all steps so far.
        """
        keep = ema_keep(self.half_life, batch, seen)
        torch._foreach_lerp_(list(self.net.parameters()), list(net.parameters()), 1 - keep)
        for average, trained in zip(self.net.buffers(), net.buffers(), strict=True):
            average.copy_(trained)

    def state_dict(self) -> dict[str, Tensor]:
        """Returns the averaged weights."""
        return self.net.state_dict()

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Restores the averaged weights."""
        self.net.load_state_dict(dict(state))


def ema_keep(half_life: float, batch: int, seen: int) -> float:
    """Computes the weight of the old average after a step, 0.5 ** (batch / half-life in images); in [0, 1)."""
    span = min(half_life, RAMP * seen)
    return 0.5 ** (batch / span) if span > 0 else 0.0
