"""Scores of images and of maps, one number per sample; pure functions of tensors.

Images are RGB in [0, 1], `b 3 h w`; maps `b 1 h w`, 1 where the face is hidden. A score that is undefined for a sample,
such as one over an empty hole, is NaN; the PSNR of identical pixels is infinite. `statistics` aggregates them.
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import conv2d, pad

from unmasknet.maps import ImageBatch, MapBatch, grown, outline

Scores = Float[Tensor, " b"]

WINDOW, SIGMA = 11, 1.5  # pixels of SSIM's Gaussian, as in Wang et al. (2004)
C1, C2 = 0.01**2, 0.03**2
BOUNDARY = 0.0075  # tolerance between two outlines, as a fraction of the image's diagonal (DAVIS uses .008)


def over(values: Float[Tensor, "b c h w"], where: MapBatch) -> Scores:
    """Computes the mean of `values` over channels and the pixels of `where`; NaN if `where` is empty."""
    where = where.to(values.device)
    area = where.sum((1, 2, 3))
    return (values.mean(1, keepdim=True) * where).sum((1, 2, 3)) / torch.where(area > 0, area, torch.nan)


def doubles(tensor: Tensor) -> Tensor:
    """Converts to double precision; tensors on Apple's GPUs, which lack it, move to the CPU."""
    return tensor.cpu().double() if tensor.device.type == "mps" else tensor.double()


def l1(fake: ImageBatch, real: ImageBatch, where: MapBatch) -> Scores:
    """Computes the mean absolute difference over `where`, in [0, 1]."""
    return over((fake - real).abs(), where)


def psnr(fake: ImageBatch, real: ImageBatch, where: MapBatch) -> Scores:
    """Computes the PSNR in dB: -10 log10 of the mean squared difference over `where`."""
    return -10 * torch.log10(over((doubles(fake) - doubles(real)) ** 2, doubles(where)))


def ssim_map(fake: ImageBatch, real: ImageBatch) -> ImageBatch:
    """Computes the SSIM of the window around each pixel, per channel, in [-1, 1] (Wang et al. 2004).

    The window is a Gaussian of sigma 1.5 over 11 pixels; borders are mirrored. Computed in doubles: in floats, the
    variance of a flat patch is lost in the rounding of its mean. Tested against torchmetrics, whose import takes
    seconds, and scikit-image.
    """
    one, other = doubles(fake), doubles(real)
    mean, other_mean = _blurred(one), _blurred(other)
    spread, other_spread = _blurred(one**2) - mean**2, _blurred(other**2) - other_mean**2
    together = _blurred(one * other) - mean * other_mean
    light = (2 * mean * other_mean + C1) / (mean**2 + other_mean**2 + C1)
    return (light * (2 * together + C2) / (spread + other_spread + C2)).float()


def _blurred(images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 3 h w"]:
    steps = torch.arange(WINDOW, dtype=images.dtype, device=images.device) - WINDOW // 2
    weights = torch.exp(-(steps**2) / (2 * SIGMA**2))
    row = (weights / weights.sum()).expand(3, 1, 1, WINDOW)
    wide = pad(images, [WINDOW // 2] * 4, mode="reflect")
    return conv2d(conv2d(wide, row, groups=3), row.transpose(2, 3), groups=3)


def ssim(fake: ImageBatch, real: ImageBatch, where: MapBatch) -> Scores:
    """Computes the mean of `ssim_map` over `where`; windows at its rim include pixels outside it."""
    return over(ssim_map(fake, real), where)


def overlap(found: MapBatch, truth: MapBatch, counted: MapBatch | None = None) -> tuple[Scores, Scores]:
    """Computes Dice and IoU of two maps of 0 and 1; both are 1 where both maps are empty.

    Args:
        found: the predicted map.
        truth: the true map.
        counted: 1 for pixels that are scored; None scores all.
    """
    counted = torch.ones_like(truth) if counted is None else counted
    both = (found * truth * counted).sum((1, 2, 3))
    total = ((found + truth) * counted).sum((1, 2, 3))
    dice = torch.where(total > 0, 2 * both / total.clamp(min=1), 1.0)
    iou = torch.where(total > 0, both / (total - both).clamp(min=1), 1.0)
    return dice, iou


def boundary_f(found: MapBatch, truth: MapBatch, counted: MapBatch | None = None) -> Scores:
    """Computes the F-measure of two maps' outlines, from the fraction of each that lies near the other.

    Near is within `BOUNDARY` of the image's diagonal, at least one pixel. The result is 1 where neither map has an
    outline. Arguments are those of `overlap`.
    """
    height, width = truth.shape[2:]
    reach = max(1, round(BOUNDARY * float(height**2 + width**2) ** 0.5))
    counted = torch.ones_like(truth) if counted is None else counted
    one, other = outline(found) * counted, outline(truth) * counted
    precision = _fraction(one, grown(outline(truth), reach))
    recall = _fraction(other, grown(outline(found), reach))
    score = 2 * precision * recall / (precision + recall).clamp(min=1e-9)
    return torch.where((one.sum((1, 2, 3)) + other.sum((1, 2, 3))) > 0, score, 1.0)


def _fraction(part: MapBatch, whole: MapBatch) -> Scores:
    """Computes the fraction of `part` that lies in `whole`; 0 if `part` is empty."""
    return (part * whole).sum((1, 2, 3)) / part.sum((1, 2, 3)).clamp(min=1)
