"""Optimiser step: gradients averaged over ranks and clipped; steps with non-finite gradients are skipped."""

from collections.abc import Sequence
from math import cos, isfinite, pi
from typing import Literal

import torch
from torch import Tensor, nn

from unmasknet.settings import OptimiserSettings
from unmasknet.training.distributed import average_gradients


class Optimiser:
    """AdamW optimiser of networks that are updated together."""

    def __init__(self, nets: Sequence[nn.Module], lr: float, settings: OptimiserSettings) -> None:
        self.nets = nn.ModuleList(nets)
        self.lr, self.clip = lr, settings.clip
        self.adam = torch.optim.AdamW(
            self.nets.parameters(),
            lr=lr,
            betas=(settings.beta1, settings.beta2),
            weight_decay=settings.weight_decay,
        )

    def begin(self, lr_scale: float) -> None:
        """Clears the gradients and sets the learning rate to the fraction `lr_scale` of the full one."""
        self.adam.zero_grad(set_to_none=True)
        for group in self.adam.param_groups:
            group["lr"] = self.lr * lr_scale

    def step(self) -> bool:
        """Updates the weights; returns False, without an update, if a gradient is non-finite."""
        average_gradients(self.nets)
        limit = self.clip or float("inf")
        norm = nn.utils.clip_grad_norm_(self.nets.parameters(), limit)
        if not isfinite(float(norm)):
            return False
        self.adam.step()
        return True


def lr_scale(step: int, steps: int, warmup: float, schedule: Literal["constant", "cosine"]) -> float:
    """Computes the learning rate at `step` (from 0) of `steps` as a fraction of the full one, in (0, 1]."""
    rise = min(1.0, (step + 1) / (warmup * steps)) if warmup > 0 else 1.0
    if schedule == "constant":
        return rise
    done = max(0.0, step - warmup * steps) / max(1.0, steps * (1 - warmup))
    return rise * (0.5 + 0.5 * cos(pi * min(done, 1.0)))


class BufferSnapshot:
    """Copy of the networks' running statistics from before a step, to undo a bad step."""

    def __init__(self, nets: Sequence[nn.Module]) -> None:
        self.buffers: list[Tensor] = [buffer for net in nets for buffer in net.buffers()]
        self.before = [buffer.clone() for buffer in self.buffers]

    @torch.no_grad()
    def restore(self) -> None:
        """Restores the copied statistics."""
        for buffer, old in zip(self.buffers, self.before, strict=True):
            buffer.copy_(old)
