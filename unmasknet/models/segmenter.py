"""Segmenter: computes the logit of "mask" for each pixel of a photo; and the opening that cleans its map."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from unmasknet.models.blocks import Kind, start_normal
from unmasknet.models.unet import UNet
from unmasknet.settings import REFERENCE_SIDE, SegmenterSettings


class Segmenter(nn.Module):
    """U-Net on the photo.

    Args:
        unet: U-Net with 3 inputs and 1 output.
        opening: radius of the opening in `clean`, in pixels at a side of 256.
    """

    def __init__(self, unet: UNet, opening: int):
        super().__init__()
        self.unet = unet
        self.opening = opening

    def forward(self, photo: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 1 h w"]:
        """Computes the logits of the mask and its straps. `photo`: RGB in [0, 1]."""
        return self.unet(photo * 2 - 1)

    def clean(self, logits: Float[Tensor, "b 1 h w"], threshold: float = 0.5) -> Float[Tensor, "b 1 h w"]:
        """Computes the map: 1 where the probability exceeds `threshold`; an opening removes isolated pixels."""
        found = (torch.sigmoid(logits) > threshold).to(logits.dtype)
        return open_map(found, round(self.opening * logits.shape[-1] / REFERENCE_SIDE))


def build_segmenter(settings: SegmenterSettings) -> Segmenter:
    """Builds the segmenter, with weights drawn from torch's global random generator."""
    unet = UNet(
        3,
        1,
        Kind(settings.norm, settings.activation),
        width=settings.width,
        max_width=settings.max_width,
        depth=settings.depth,
        convs=settings.convs,
        attention=settings.attention,
        patch=settings.patch,
    )
    if settings.init == "normal":
        start_normal(unet)
    return Segmenter(unet, settings.opening)


def open_map(plane: Float[Tensor, "b 1 h w"], radius: int) -> Float[Tensor, "b 1 h w"]:
    """Erodes, then dilates, by a square of 2 radius + 1 pixels, which removes thinner parts."""
    return grow(shrink(plane, radius), radius)


def grow(plane: Float[Tensor, "b 1 h w"], radius: int) -> Float[Tensor, "b 1 h w"]:
    """Dilates by a square of 2 radius + 1 pixels."""
    return functional.max_pool2d(plane, 2 * radius + 1, 1, radius) if radius else plane


def shrink(plane: Float[Tensor, "b 1 h w"], radius: int) -> Float[Tensor, "b 1 h w"]:
    """Erodes by a square of 2 radius + 1 pixels; pixels beyond the border count as hidden."""
    return 1 - grow(1 - plane, radius)
