"""Patch discriminators, which classify each patch as real or fake: one on the whole image, one around the hole."""

from itertools import pairwise
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm

from unmasknet.maps import ImageBatch, MapBatch, composite, window_over_hole
from unmasknet.models.blocks import NORMS, SLOPE, start_normal
from unmasknet.settings import DiscriminatorSettings

CHANCES = 8  # random numbers per sample that determine its augmentation
CROP_MARGIN = 1.25  # side of the region's crop relative to the longer side of the hole's bounding box
SHIFT, CUT = 0.125, 0.3  # largest shift and side of the cut-out square, as fractions of the image's side
HIGH_PASS_GAIN = 4.0  # brings the detail of photos to about the spread of their colours
Sight = Literal["result", "composite", "crop", "window"]
Chance = Float[Tensor, "b 8"]
Judgement = tuple[Float[Tensor, "b 1 p q"], list[Tensor]]


class Discriminator(nn.Module):
    """PatchGAN discriminator.

    Args:
        sees: "result": the network's image; "composite": that image composited into the photo; "crop": the square
            around the hole of the composite, scaled; "window": the window over its hole, not resampled.
        with_map: whether the map is a fourth input channel.
        augment: whether images are augmented by the sample's `chance` before they are classified.
        width: channels of the first layer; doubled at each further layer, up to 8 times.
        layers: number of layers with stride 2, the first one with `first_stride`.
        kernel: side of the convolutions.
        first_stride: stride of the first layer.
        high_pass: side of the mean filter whose result is subtracted from the image's colours; 0: none.
        norm: normalisation after each convolution except the first.
        spectral: whether weights are spectrally normalised.
    """

    def __init__(
        self,
        *,
        sees: Sight,
        with_map: bool,
        augment: bool,
        width: int,
        layers: int,
        kernel: int = 4,
        first_stride: int = 2,
        high_pass: int = 0,
        norm: str,
        spectral: bool,
    ):
        super().__init__()
        self.sees, self.with_map, self.augment, self.high_pass = sees, with_map, augment, high_pass
        channels = [4 if with_map else 3, *(min(width * 2**i, width * 8) for i in range(layers + 1))]
        self.body = nn.ModuleList()
        for i, (inner, outer) in enumerate(pairwise(channels)):
            normed = norm if i else "none"
            stride = first_stride if i == 0 else 2 if i < layers else 1
            conv = nn.Conv2d(inner, outer, kernel, stride, 1, bias=normed == "none")
            self.body.append(nn.Sequential(conv, NORMS[normed](outer), nn.LeakyReLU(SLOPE)))
        self.last = nn.Conv2d(channels[-1], 1, kernel, 1, 1)
        if spectral:
            for module in [m for m in self.modules() if isinstance(m, nn.Conv2d)]:
                spectral_norm(module)

    def forward(
        self, picture: ImageBatch, photo: ImageBatch, map: MapBatch, chance: Chance | None = None
    ) -> Judgement:
        """Classifies images; real ones are `(truth, truth, hole)`, fake ones `(result, photo, hole)`.

        Args:
            picture: image to classify, RGB in [0, 1].
            photo: image outside the hole.
            map: map, 1 where the face is hidden.
            chance: random numbers in [0, 1) per sample, the same for its real and fake image; None: no augmentation.

        Returns:
            Logits of "real", one per patch, and the features of all layers before, for feature matching.
        """
        x = self._prepare(picture, photo, map, chance)
        features = []
        for layer in self.body:
            x = layer(x)
            features.append(x)
        return self.last(x), features

    def _prepare(
        self, picture: ImageBatch, photo: ImageBatch, map: MapBatch, chance: Chance | None
    ) -> Tensor:
        x = picture if self.sees == "result" else composite(picture, photo, map)
        x = torch.cat([x * 2 - 1, map], dim=1) if self.with_map else x * 2 - 1
        if self.sees == "crop":
            x = crop_around_map(x, map, max(map.shape[-1] // 2, 32))
        if self.sees == "window":
            x = window_over_hole(x, map)
        if self.high_pass:
            x = torch.cat([high_passed(x[:, :3], self.high_pass), x[:, 3:]], dim=1)
        return diff_augment(x, chance) if self.augment and chance is not None else x


def build_discriminators(settings: DiscriminatorSettings) -> dict[str, Discriminator]:
    """Builds both discriminators, "whole" and "region", with weights drawn from torch's global generator."""

    def build(sees: Sight, with_map: bool, high_pass: int = 0) -> Discriminator:
        model = Discriminator(
            sees=sees,
            with_map=with_map,
            augment=settings.augment,
            width=settings.width,
            layers=settings.layers,
            kernel=settings.kernel,
            first_stride=settings.first_stride,
            high_pass=high_pass,
            norm=settings.norm,
            spectral=settings.spectral,
        )
        if settings.init == "normal":
            start_normal(model)
        return model

    return {
        "whole": build(settings.whole_sees, with_map=False),
        "region": build(settings.region_sees, settings.region_map, settings.region_high_pass),
    }


def high_passed(x: ImageBatch, side: int) -> ImageBatch:
    """Subtracts the mean of the `side` x `side` pixels around each pixel, and scales the rest by `HIGH_PASS_GAIN`.

    What is left is detail: a discriminator that sees only that cannot shift the generator's colours.
    """
    reach = side // 2
    padded = functional.pad(x, (reach, reach, reach, reach), mode="reflect")
    return HIGH_PASS_GAIN * (x - functional.avg_pool2d(padded, side, 1))


def crop_around_map(x: Float[Tensor, "b c h w"], map: MapBatch, side: int) -> Float[Tensor, "b c s s"]:
    """Crops the square around each sample's hole, with a margin, and scales it to `side`.

    A sample without a hole gives the whole image.
    """
    height, width = map.shape[-2:]
    left, right = _extent(map.amax(dim=(1, 2)), width)
    top, bottom = _extent(map.amax(dim=(1, 3)), height)
    # In grid_sample's units the image spans -1 to 1.
    half = CROP_MARGIN * torch.maximum((right - left) / width, (bottom - top) / height)
    half = half.clamp(0.1, 1.0)
    centre_x = ((left + right) / width - 1).clamp(half - 1, 1 - half)
    centre_y = ((top + bottom) / height - 1).clamp(half - 1, 1 - half)
    zero = torch.zeros_like(half)
    theta = torch.stack([half, zero, centre_x, zero, half, centre_y], dim=1).view(-1, 2, 3)
    grid = functional.affine_grid(theta, [len(x), x.shape[1], side, side], align_corners=False)
    return functional.grid_sample(
        x, grid.to(x.dtype), mode="bilinear", padding_mode="border", align_corners=False
    )


def _extent(hidden: Float[Tensor, "b n"], length: int) -> tuple[Float[Tensor, " b"], Float[Tensor, " b"]]:
    """Finds the first hidden position and the position after the last; the full range if nothing is hidden."""
    places = torch.arange(length, device=hidden.device, dtype=torch.float32)
    some = hidden.amax(dim=1) > 0
    first = torch.where(hidden > 0, places, float(length)).amin(dim=1)
    after = torch.where(hidden > 0, places + 1, 0.0).amax(dim=1)
    return torch.where(some, first, 0.0), torch.where(some, after, float(length))


def diff_augment(x: Float[Tensor, "b c h w"], chance: Chance) -> Float[Tensor, "b c h w"]:
    """Changes brightness, saturation and contrast, shifts and cuts (DiffAugment, Zhao et al. 2020); differentiable.

    Args:
        x: RGB in [-1, 1], optionally with a map, which is shifted and cut in the same way.
        chance: random numbers in [0, 1) per sample.
    """
    bright, saturate, contrast, right, down, cut_x, cut_y, _ = (
        chance.to(x.dtype).view(len(x), 8, 1, 1, 1).unbind(1)
    )
    colours, rest = x[:, :3], x[:, 3:]
    colours = colours + (bright - 0.5)
    grey = colours.mean(dim=1, keepdim=True)
    colours = (colours - grey) * (2 * saturate) + grey
    mean = colours.mean(dim=(1, 2, 3), keepdim=True)
    colours = (colours - mean) * (contrast + 0.5) + mean
    height, width = x.shape[-2:]
    theta = torch.eye(2, 3, device=x.device, dtype=x.dtype).repeat(len(x), 1, 1)
    # Shifts are whole pixels, so that nothing is blurred.
    theta[:, 0, 2] = torch.round((right.flatten() * 2 - 1) * SHIFT * width) * 2 / width
    theta[:, 1, 2] = torch.round((down.flatten() * 2 - 1) * SHIFT * height) * 2 / height
    grid = functional.affine_grid(theta, list(x.shape), align_corners=False)
    moved = functional.grid_sample(torch.cat([colours, rest], dim=1), grid, align_corners=False)
    across = torch.arange(width, device=x.device).view(1, 1, 1, width) / width
    along = torch.arange(height, device=x.device).view(1, 1, height, 1) / height
    cut = ((across - cut_x).abs() < CUT / 2) & ((along - cut_y).abs() < CUT / 2)
    return moved.masked_fill(cut, 0.0)
