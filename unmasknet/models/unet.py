"""U-Net used by both stages: an encoder, blocks at the lowest level, a decoder with skip connections."""

from jaxtyping import Float
from torch import Tensor, cat, nn

from unmasknet.models.blocks import AttentionGate, Conv, Kind, SqueezeExcite


class UNet(nn.Module):
    """U-Net with configurable parts.

    Args:
        inputs: input channels.
        outputs: output channels, without activation.
        kind: kind of its convolutions.
        width: channels of the first level; doubled at each further level, up to `max_width`.
        max_width: maximum number of channels of a level.
        depth: number of times that the image is halved; its sides must be divisible by `patch * 2**depth`.
        convs: convolutions per level.
        squeeze_excite: number of encoder levels, from the first, that end in squeeze-and-excitation.
        attention: whether the skip connections have attention gates.
        middle: module at the lowest level, which keeps its number of channels (the last of `level_channels`).
        patch: side of the pixel squares that are folded into channels before the first level and unfolded after the
            last (Shi et al. 2016, "sub-pixel convolution"), because the finest level takes most of the time.
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
        x, skips = self.fold(x), []
        for down in self.down:
            x = down(x)
            skips.append(x)
        x = self.middle(skips.pop())
        for gate, up in zip(self.gates, self.up, strict=True):
            x, skip = self.enlarge(x), skips.pop()
            skip = gate(skip, x) if isinstance(gate, AttentionGate) else skip
            x = up(cat([x, skip], dim=1))
        return self.unfold(self.last(x))


def level_channels(width: int, max_width: int, depth: int) -> list[int]:
    """Returns the channels of each level, the finest first."""
    return [min(width * 2**level, max_width) for level in range(depth + 1)]
