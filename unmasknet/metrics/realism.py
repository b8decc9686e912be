"""Scores of how real a restored region looks beside the truth: detail, tone, seam, colour of the mask.

Images are RGB in [0, 1], `b 3 h w`; maps `b 1 h w`, 1 where the face is hidden. A score that is undefined for a sample
is NaN. PSNR rewards blur; these scores show it.
"""

import cv2
import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray
from torch import Tensor
from torch.nn.functional import conv2d, pad

from unmasknet.maps import ImageBatch, MapBatch, brightness, grown, outline, shrunk
from unmasknet.metrics.image import Scores, over

BANDS = (
    (1.0, 2.0),
    (2.0, 4.0),
    (4.0, 8.0),
)  # sigmas in pixels of the two Gaussians whose difference is a band
RIM = 2  # pixels at the border of the hole that the detail leaves out: there, the photo outside weighs in
LEAST = 200  # pixels inside the rim below which the detail is undefined
CLOSE = 5.0  # CIELAB distance of mask and skin below which the mask's colour cannot be told from the skin's


def detail(fake: ImageBatch, real: ImageBatch, map: MapBatch, band: tuple[float, float]) -> Scores:
    """Computes the detail of an image in a band of scales, relative to that of the truth.

    Args:
        fake: image to score.
        real: truth.
        map: the hole.
        band: sigmas of the two Gaussians, in pixels.

    Returns:
        Ratio of the root mean squares of the band-passed luma inside the hole; 1 is right, less is blurred. NaN where
        the hole is smaller than `LEAST` or the truth has no detail.
    """
    inside = shrunk(map, RIM)
    powers = [over(_band_passed(brightness(images), band).square(), inside) for images in (fake, real)]
    ratio = (powers[0] / powers[1]).sqrt()
    valid = (inside.sum((1, 2, 3)) >= LEAST) & torch.isfinite(ratio)
    return torch.where(valid, ratio, torch.nan)


def seam(fake: ImageBatch, real: ImageBatch, map: MapBatch) -> Scores:
    """Computes how visible the border of the hole is, relative to the truth.

    Returns:
        Ratio of the mean gradients of the luma within a pixel of the border; 1 is right, more is a visible seam. NaN
        where there is no border, or the truth is flat there.
    """
    rim = grown(outline(map), 1)
    ratio = over(_gradient(brightness(fake)), rim) / over(_gradient(brightness(real)), rim)
    return torch.where(torch.isfinite(ratio), ratio, torch.nan)


def tone(fake: ImageBatch, real: ImageBatch, map: MapBatch) -> Scores:
    """Computes the CIELAB distance (CIE 1976) between the mean colours of image and truth over the hole; 0 is right."""
    colours = [mean_lab(images, map) for images in (fake, real)]
    return (colours[0] - colours[1]).norm(dim=1)


def leak(fake: ImageBatch, real: ImageBatch, masked: ImageBatch, map: MapBatch) -> Scores:
    """Computes how far the mean colour of the hole is moved from the truth's towards the mask's.

    Returns:
        0 if it is not moved, 1 if it is the mask's, below 0 if it is moved away. NaN where mask and skin have nearly
        the same colour.
    """
    found, wanted, mask = (mean_lab(images, map) for images in (fake, real, masked))
    way = mask - wanted
    length = way.square().sum(1)
    moved = ((found - wanted) * way).sum(1) / length
    return torch.where(length.sqrt() >= CLOSE, moved, torch.nan)


def mean_lab(images: ImageBatch, map: MapBatch) -> Float[Tensor, "b 3"]:
    """Computes the mean CIELAB colour (D65, L in [0, 100]) over the hole; NaN where it is empty."""
    pixels = images.detach().float().clamp(0, 1).permute(0, 2, 3, 1).cpu().numpy()
    holes = map[:, 0].cpu().numpy() > 0
    colours = [
        _mean(cv2.cvtColor(np.ascontiguousarray(one), cv2.COLOR_RGB2Lab)[hole])
        for one, hole in zip(pixels, holes, strict=True)
    ]
    return torch.from_numpy(np.stack(colours))


def _mean(colours: Float[ndarray, "n 3"]) -> Float[ndarray, " 3"]:
    return colours.mean(0, dtype=np.float64) if len(colours) else np.full(3, np.nan)


def _band_passed(x: MapBatch, band: tuple[float, float]) -> MapBatch:
    return _blurred(x, band[0]) - _blurred(x, band[1])


def _blurred(x: MapBatch, sigma: float) -> MapBatch:
    """Filters with a Gaussian of 3 sigma to each side; borders are replicated."""
    reach = int(np.ceil(3 * sigma))
    steps = torch.arange(-reach, reach + 1, dtype=x.dtype, device=x.device)
    weights = torch.exp(-(steps**2) / (2 * sigma**2))
    row = (weights / weights.sum()).view(1, 1, 1, -1)
    wide = pad(x, [reach] * 4, mode="replicate")
    return conv2d(conv2d(wide, row), row.transpose(2, 3))


def _gradient(x: MapBatch) -> MapBatch:
    """Computes the length of the gradient by central differences; borders are replicated."""
    wide = pad(x, [1, 1, 1, 1], mode="replicate")
    across = (wide[..., 1:-1, 2:] - wide[..., 1:-1, :-2]) / 2
    along = (wide[..., 2:, 1:-1] - wide[..., :-2, 1:-1]) / 2
    return (across**2 + along**2).sqrt()
