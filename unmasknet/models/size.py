"""How large a network is, and how much work one picture is."""

import copy

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
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
    model = copy.deepcopy(model).cpu().eval()
    counter = FlopCounterMode(display=False)
    with (
        FakeTensorMode(allow_non_fake_inputs=True),
        counter,
        torch.no_grad(),
    ):  # shapes alone, nothing is computed
        model(*(torch.empty(shape) for shape in inputs))
    return counter.get_total_flops() / 2 / 1e9
