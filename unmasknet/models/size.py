"""Number of a network's parameters, and of its multiply-accumulates per image."""

import copy

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode


def count_parameters(model: nn.Module) -> dict[str, int]:
    """Counts the parameters: {"trainable": count, "fixed": count}."""
    counts = {"trainable": 0, "fixed": 0}
    for parameter in model.parameters():
        counts["trainable" if parameter.requires_grad else "fixed"] += parameter.numel()
    return counts


def count_gmac(model: nn.Module, *inputs: tuple[int, ...]) -> float:
    """Computes the billions of multiply-accumulates of a forward pass, for convolutions and matrix products.

    Fourier transforms are not counted.

    Args:
        model: network to measure.
        inputs: shapes of the model's arguments, such as (1, 3, 256, 256).
    """
    model = copy.deepcopy(model).cpu().eval()
    counter = FlopCounterMode(display=False)
    # Fake tensors have shapes but no values, so nothing is computed.
    with FakeTensorMode(allow_non_fake_inputs=True), counter, torch.no_grad():
        model(*(torch.empty(shape) for shape in inputs))
    return counter.get_total_flops() / 2 / 1e9
