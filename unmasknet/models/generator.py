"""Generator: computes an image without the mask from a photo and a map."""

import torch
from torch import nn

from unmasknet.maps import ImageBatch, MapBatch, brightness
from unmasknet.models.blocks import Conv, FourierBlock, Kind, start_normal
from unmasknet.models.unet import UNet, level_channels
from unmasknet.settings import GeneratorSettings


class Generator(nn.Module):
    """U-Net on photo and map.

    Args:
        unet: U-Net with 4 inputs and 3 outputs.
        sees: input in the hole: "zeroed": medium grey; "photo": the mask; "grey": only the brightness of the mask,
            whose folds carry information about the face, while its colour does not.
        output: activation of the last layer, "sigmoid" or "tanh".
    """

    def __init__(self, unet: UNet, *, sees: str, output: str):
        super().__init__()
        self.unet = unet
        self.sees = sees
        self.output = output

    def forward(self, photo: ImageBatch, map: MapBatch) -> ImageBatch:
        """Computes a whole image in [0, 1]; `composite` uses only the pixels in the hole.

        Args:
            photo: photo with the mask, RGB in [0, 1].
            map: map, 1 where the face is hidden.
        """
        levels = photo * 2 - 1
        seen = levels if self.sees == "photo" else levels * (1 - map)
        if self.sees == "grey":
            seen = seen + map * brightness(levels)
        result = self.unet(torch.cat([seen, map], dim=1))
        return torch.sigmoid(result) if self.output == "sigmoid" else (torch.tanh(result) + 1) / 2


def build_generator(settings: GeneratorSettings) -> Generator:
    """Builds the generator, with weights drawn from torch's global random generator."""
    kind = Kind(settings.norm, settings.activation, settings.gated)
    lowest = level_channels(settings.width, settings.max_width, settings.depth)[-1]
    unet = UNet(
        4,
        3,
        kind,
        width=settings.width,
        max_width=settings.max_width,
        depth=settings.depth,
        convs=settings.convs,
        squeeze_excite=settings.squeeze_excite,
        attention=settings.attention,
        patch=settings.patch,
        middle=_middle(settings, lowest, kind),
    )
    if settings.init == "normal":
        start_normal(unet)
    return Generator(unet, sees=settings.input, output=settings.output)


def _middle(settings: GeneratorSettings, channels: int, kind: Kind) -> nn.Module | None:
    if settings.middle == "dilated":
        return nn.Sequential(*(Conv(channels, channels, kind, dilation=rate) for rate in settings.dilations))
    if settings.middle == "ffc":
        return nn.Sequential(*(FourierBlock(channels, kind) for _ in range(settings.ffc_blocks)))
    return None
