"""Building blocks of the networks: convolutions with norm and non-linearity, plain or gated, and blocks of them."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

Features = Float[Tensor, "b _ _ _"]  # channels and sides may differ between a layer's input and output

SLOPE = 0.2  # slope of the leaky ReLU, as in all earlier projects that use one
GROUPS = 8  # groups of a group norm, if they divide the channels
REDUCTION = 16  # channel reduction of squeeze-and-excitation
GLOBAL_SHARE = 0.75  # fraction of an FFC block's channels that are Fourier transformed, as in LaMa

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "leaky": lambda: nn.LeakyReLU(SLOPE),
    "elu": nn.ELU,
    "silu": nn.SiLU,
}
NORMS: dict[str, Callable[[int], nn.Module]] = {
    "none": lambda _: nn.Identity(),
    "batch": nn.BatchNorm2d,
    "instance": lambda channels: nn.InstanceNorm2d(channels, affine=True),
    "group": lambda channels: nn.GroupNorm(math.gcd(GROUPS, channels), channels),
}


@dataclass(frozen=True)
class Kind:
    """Kind of a network's convolutions: name of the norm, name of the non-linearity, whether they are gated."""

    norm: str
    activation: str
    gated: bool = False


class Conv(nn.Module):
    """Convolution, norm and non-linearity; if gated, multiplied by the sigmoid of a second convolution's output."""

    def __init__(
        self, inner: int, outer: int, kind: Kind, *, kernel: int = 3, stride: int = 1, dilation: int = 1
    ):
        super().__init__()
        padding = dilation * (kernel - 1) // 2
        channels = 2 * outer if kind.gated else outer
        self.gated = kind.gated
        self.conv = nn.Conv2d(
            inner, channels, kernel, stride, padding, dilation, bias=kind.norm == "none" or kind.gated
        )
        self.norm = NORMS[kind.norm](outer)
        self.activation = ACTIVATIONS[kind.activation]()

    def forward(self, x: Features) -> Features:
        """Computes features with `outer` channels."""
        x = self.conv(x)
        if not self.gated:
            return self.activation(self.norm(x))
        features, gate = x.chunk(2, dim=1)
        return self.activation(self.norm(features)) * torch.sigmoid(gate)


class SqueezeExcite(nn.Module):
    """Squeeze-and-excitation: multiplies each channel by a factor in (0, 1) computed from the means of all channels."""

    def __init__(self, channels: int):
        super().__init__()
        hidden = max(channels // REDUCTION, 4)
        self.factors = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(channels, hidden, 1),
            nn.ReLU(),
            nn.Conv2d(hidden, channels, 1),
            nn.Sigmoid(),
        )

    def forward(self, x: Features) -> Features:
        """Multiplies the channels by their factors."""
        return x * self.factors(x)


class AttentionGate(nn.Module):
    """Gate on a skip connection, controlled by the level below (Oktay et al. 2018)."""

    def __init__(self, skip: int, below: int, norm: str):
        super().__init__()
        hidden = max(skip // 2, 4)
        self.of_skip = nn.Sequential(nn.Conv2d(skip, hidden, 1), NORMS[norm](hidden))
        self.of_below = nn.Sequential(nn.Conv2d(below, hidden, 1), NORMS[norm](hidden))
        self.weight = nn.Sequential(nn.ReLU(), nn.Conv2d(hidden, 1, 1), nn.Sigmoid())

    def forward(
        self, skip: Float[Tensor, "b s h w"], below: Float[Tensor, "b l h w"]
    ) -> Float[Tensor, "b s h w"]:
        """Multiplies the skip's features by a weight in (0, 1) per position; `below` already has the skip's size."""
        return skip * self.weight(self.of_skip(skip) + self.of_below(below))


class Spectral(nn.Module):
    """1x1 convolution in the frequency domain: each output position sees the whole input (Chi et al. 2020)."""

    def __init__(self, channels: int, norm: str):
        super().__init__()
        half = max(channels // 2, 2)
        self.enter = nn.Sequential(nn.Conv2d(channels, half, 1, bias=False), NORMS[norm](half), nn.ReLU())
        self.mix = nn.Sequential(
            nn.Conv2d(2 * half, 2 * half, 1, bias=False), NORMS[norm](2 * half), nn.ReLU()
        )
        self.leave = nn.Conv2d(half, channels, 1, bias=False)

    def forward(self, x: Features) -> Features:
        """Computes features of the same shape."""
        x = self.enter(x)
        height, width = x.shape[-2:]
        with torch.autocast(x.device.type, enabled=False):  # half-precision FFTs do not support all sizes
            waves = torch.fft.rfft2(x.float(), norm="ortho")
            mixed = self.mix(torch.cat([waves.real, waves.imag], dim=1))
            real, imaginary = mixed.float().chunk(2, dim=1)
            back = torch.fft.irfft2(torch.complex(real, imaginary), s=(height, width), norm="ortho")
        return self.leave(x + back.to(x.dtype))


class FourierConv(nn.Module):
    """Convolution of local and global channels; the global ones are also convolved in the frequency domain."""

    def __init__(self, channels: int, kind: Kind):
        super().__init__()
        self.share = int(channels * GLOBAL_SHARE)
        local = channels - self.share
        norm = (
            "group" if kind.norm == "none" else kind.norm
        )  # without a norm, the sums of three branches grow
        self.local = nn.Conv2d(channels, local, 3, padding=1, bias=False)
        self.far = nn.Conv2d(local, self.share, 3, padding=1, bias=False)
        self.spectral = Spectral(self.share, norm)
        self.norm = NORMS[norm](channels)
        self.activation = ACTIVATIONS[kind.activation]()

    def forward(self, x: Features) -> Features:
        """Computes features of the same shape."""
        near, far = x[:, self.share :], x[:, : self.share]
        mixed = torch.cat([self.far(near) + self.spectral(far), self.local(x)], dim=1)
        return self.activation(self.norm(mixed))


class FourierBlock(nn.Module):
    """Two Fourier convolutions with a residual connection."""

    def __init__(self, channels: int, kind: Kind):
        super().__init__()
        self.body = nn.Sequential(FourierConv(channels, kind), FourierConv(channels, kind))

    def forward(self, x: Features) -> Features:
        """Computes features of the same shape."""
        return x + self.body(x)


def start_normal(model: nn.Module) -> None:
    """Draws weights from normal distributions with standard deviation .02: mean 0 for convolutions, 1 for norms.

    Biases are set to 0.
    """
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.normal_(module.weight, 0.0, 0.02)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif (
            isinstance(module, nn.BatchNorm2d | nn.InstanceNorm2d | nn.GroupNorm)
            and module.weight is not None
        ):
            nn.init.normal_(module.weight, 1.0, 0.02)
            nn.init.zeros_(module.bias)
