"""How large a network is, and how much work one picture is."""

import copy

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode


def count_parameters(model: nn.Module) -> dict[str, int]:
    """Numbers in the weights: {"trainable", "fixed"}."""
    counts = {"trainable": 0, "fixed": 0}
    for parameter in model.parameters():
        counts["trainable" if parameter.requires_grad else "fixed"] += parameter.numel()
    return counts


def count_gmac(model: nn.Module, *inputs: tuple[int, ...]) -> float:
    """Billions of multiply-accumulates of a forward pass: convolutions and matrix products; Fourier transforms not.

    Args:
        inputs: shapes of the model's arguments, such as (1, 3, 256, 256).
    """
    ghost = copy.deepcopy(model).to("meta").eval()  # shapes alone: nothing is computed
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        arguments: list[Tensor] = [torch.empty(shape, device="meta") for shape in inputs]
        ghost(*arguments)
    return counter.get_total_flops() / 2 / 1e9
