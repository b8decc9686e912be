"""The U-Net that both stages share: halve, look at the whole, double again with what was seen on the way down."""

from jaxtyping import Float
from torch import Tensor, cat, nn

from unmasknet.models.blocks import AttentionGate, Conv, Kind, SqueezeExcite


class UNet(nn.Module):
    """A U-Net of chosen parts.

    Args:
        inputs: channels that it takes.
        outputs: channels that it gives, as they come from the last convolution.
        kind: its convolutions.
        width: channels of the first level; doubled with each level, up to `max_width`.
        depth: times that the picture is halved; its sides must be divisible by `patch` times 2 to the power of it.
        convs: convolutions of a level.
        squeeze_excite: levels, from the first, that end in squeeze-and-excitation on the way down.
        attention: gates on the skip connections.
        middle: what stands at the lowest level, of `lowest_channels`.
        patch: side of the squares of pixels that are folded into channels before the first level and unfolded
            after the last (Shi et al. 2016, "sub-pixel convolution"): the finest level is where most time goes.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kind: Kind,
        *,
        width: int,
        max_width: int,
        depth: int,
        convs: int,
        squeeze_excite: int = 0,
        attention: bool = False,
        middle: nn.Module | None = None,
        patch: int = 1,
    ):
        super().__init__()
        channels = level_channels(width, max_width, depth)
        self.fold = nn.PixelUnshuffle(patch) if patch > 1 else nn.Identity()
        self.down = nn.ModuleList()
        for level, outer in enumerate(channels):
            inner = channels[level - 1] if level else inputs * patch**2
            parts: list[nn.Module] = [Conv(inner, outer, kind, stride=2 if level else 1)]
            parts += [Conv(outer, outer, kind) for _ in range(convs - 1)]
            if level < squeeze_excite:
                parts.append(SqueezeExcite(outer))
            self.down.append(nn.Sequential(*parts))
        self.middle = middle or nn.Identity()
        self.gates, self.up = nn.ModuleList(), nn.ModuleList()
        for outer, below in zip(channels[-2::-1], channels[:0:-1], strict=True):
            self.gates.append(AttentionGate(outer, below, kind.norm) if attention else nn.Identity())
            parts = [Conv(below + outer, outer, kind)]
            parts += [Conv(outer, outer, kind) for _ in range(convs - 1)]
            self.up.append(nn.Sequential(*parts))
        self.enlarge = nn.Upsample(scale_factor=2, mode="nearest")
        self.last = nn.Conv2d(channels[0], outputs * patch**2, 3, padding=1)
        self.unfold = nn.PixelShuffle(patch) if patch > 1 else nn.Identity()

    def forward(self, x: Float[Tensor, "b i h w"]) -> Float[Tensor, "b o h w"]:
        """Computes the output of the last convolution; unbounded."""
        x, seen = self.fold(x), []
        for down in self.down:
            x = down(x)
            seen.append(x)
        x = self.middle(seen.pop())
        for gate, up in zip(self.gates, self.up, strict=True):
            x, skip = self.enlarge(x), seen.pop()
            skip = gate(skip, x) if isinstance(gate, AttentionGate) else skip
            x = up(cat([x, skip], dim=1))
        return self.unfold(self.last(x))


def level_channels(width: int, max_width: int, depth: int) -> list[int]:
    """Channels of each level, the finest first."""
    return [min(width * 2**level, max_width) for level in range(depth + 1)]
