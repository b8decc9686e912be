"""Fourier transforms as matrix products, which every runtime supports.

ONNX's DFT operator is slow in most runtimes and missing from many. Planes at the lowest level are 16 pixels wide; at
that size a product with a 16 x 9 matrix is faster than a fast Fourier transform.
"""

import copy
import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from unmasknet.models.blocks import Features, Spectral


class Waves(nn.Module):
    """`Spectral` for planes of one size, with its transforms as products with cosine and sine matrices."""

    cosine: Tensor
    sine: Tensor
    half_cosine: Tensor
    half_sine: Tensor
    weights: Tensor

    def __init__(self, spectral: Spectral, side: int):
        super().__init__()
        self.enter, self.mix, self.leave = spectral.enter, spectral.mix, spectral.leave
        steps = torch.arange(side, dtype=torch.float64)
        angles = 2 * math.pi / side * (steps[:, None] * steps[None] % side)
        half = side // 2 + 1
        # in the half spectrum of a real signal, each frequency but zero and Nyquist stands for two
        twice = torch.full((half,), 2.0, dtype=torch.float64)
        twice[0] = 1
        if side % 2 == 0:
            twice[-1] = 1
        scale = side**-0.5  # per axis: norm="ortho"
        self.register_buffer("cosine", (angles.cos() * scale).float())
        self.register_buffer("sine", (angles.sin() * scale).float())
        self.register_buffer("half_cosine", (angles.cos() * scale)[:, :half].float())
        self.register_buffer("half_sine", (angles.sin() * scale)[:, :half].float())
        self.register_buffer("weights", twice.float())

    def forward(self, x: Features) -> Features:
        """Computes features of the same shape."""
        x = self.enter(x)
        mixed = self.mix(torch.cat(self.transformed(x), dim=1))
        real, imaginary = mixed.chunk(2, dim=1)
        return self.leave(x + self.back(real, imaginary))

    def transformed(self, x: Features) -> tuple[Features, Features]:
        """Computes real and imaginary part of the half spectrum, as `torch.fft.rfft2` does."""
        across, minus = x @ self.half_cosine, x @ self.half_sine  # along rows: e^-i = cos - i sin
        real = self.cosine @ across - self.sine @ minus
        return real, -(self.cosine @ minus + self.sine @ across)

    def back(self, real: Features, imaginary: Features) -> Features:
        """Computes the planes of a half spectrum, as `torch.fft.irfft2` does."""
        down = self.cosine @ real - self.sine @ imaginary
        along = self.cosine @ imaginary + self.sine @ real
        return (down * self.weights) @ self.half_cosine.T - (along * self.weights) @ self.half_sine.T


def without_fft(net: nn.Module, *example: Float[Tensor, "1 _ h w"]) -> nn.Module:
    """Returns a copy of a network with its Fourier blocks as matrix products, for images of the example's size."""
    net = copy.deepcopy(net)
    sides: dict[str, int] = {}
    spectral = {name: part for name, part in net.named_modules() if isinstance(part, Spectral)}
    hooks = [
        part.register_forward_pre_hook(lambda _, args, name=name: sides.update({name: args[0].shape[-1]}))
        for name, part in spectral.items()
    ]
    with torch.no_grad():
        net(*example)
    for hook in hooks:
        hook.remove()
    for name, part in spectral.items():
        net.set_submodule(name, Waves(part, sides[name]))
    return net
