"""Losses: pure functions of tensors, each of one value a sample, each lower for a better picture.

A value a sample, not a mean over the batch: the trainer sums them and divides by the whole batch, so that parts of a
batch, and ranks, add up to the same numbers. Pictures are RGB in [0, 1], holes are maps, 1 where the face is hidden.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from unmasknet.maps import ImageBatch, MapBatch

Logits = Float[Tensor, "b 1 p q"]
PerSample = Float[Tensor, " b"]

SMOOTH = 1.0  # pixels; keeps Dice defined, and 1, where both maps are empty
WINDOW, SIGMA = 11, 1.5  # of SSIM's Gaussian, as Wang et al. 2004
C1, C2 = 0.01**2, 0.03**2  # the same, for pictures in [0, 1]


def bce(logits: MapBatch, target: MapBatch) -> PerSample:
    """Computes the binary cross-entropy of a map; in [0, inf), log 2 for an undecided one."""
    return functional.binary_cross_entropy_with_logits(logits, target, reduction="none").mean(dim=(1, 2, 3))


def dice(logits: MapBatch, target: MapBatch) -> PerSample:
    """Computes 1 - Dice of the probabilities and a map; in [0, 1), 0 for a perfect one."""
    probability = torch.sigmoid(logits.float())
    both = (probability * target).sum(dim=(1, 2, 3))
    sizes = probability.sum(dim=(1, 2, 3)) + target.sum(dim=(1, 2, 3))
    return 1 - (2 * both + SMOOTH) / (sizes + SMOOTH)


def l1_whole(picture: ImageBatch, truth: ImageBatch) -> PerSample:
    """Computes the mean absolute difference over the image; in [0, 1]."""
    return (picture - truth).abs().mean(dim=(1, 2, 3))


def l1_hole(picture: ImageBatch, truth: ImageBatch, map: MapBatch) -> PerSample:
    """Computes the mean absolute difference over the hole; in [0, 1], 0 if there is no hole."""
    hidden = ((picture - truth).abs() * map).sum(dim=(1, 2, 3))
    return hidden / (3 * map.sum(dim=(1, 2, 3))).clamp(min=1)


def ssim(picture: ImageBatch, truth: ImageBatch) -> PerSample:
    """Computes the structural similarity (Wang et al. 2004), no loss yet: in [-1, 1], 1 for equal images.

    Over places whose whole window lies inside the picture, mean over the three channels.
    """
    picture, truth = picture.float(), truth.float()
    mean_a, mean_b = _blur(picture), _blur(truth)
    variance_a = _blur(picture.square()) - mean_a.square()
    variance_b = _blur(truth.square()) - mean_b.square()
    covariance = _blur(picture * truth) - mean_a * mean_b
    light = (2 * mean_a * mean_b + C1) / (mean_a.square() + mean_b.square() + C1)
    structure = (2 * covariance + C2) / (variance_a + variance_b + C2)
    return (light * structure).mean(dim=(1, 2, 3))


def ssim_loss(picture: ImageBatch, truth: ImageBatch) -> PerSample:
    """Computes 1 - SSIM; in [0, 2], 0 for equal images."""
    return 1 - ssim(picture, truth)


def _blur(x: ImageBatch) -> Float[Tensor, "b 3 p q"]:
    """Averages by the Gaussian window, rows and columns one after the other."""
    places = torch.arange(WINDOW, device=x.device, dtype=x.dtype) - WINDOW // 2
    weights = torch.exp(-places.square() / (2 * SIGMA**2))
    weights = (weights / weights.sum()).repeat(3, 1)
    with torch.autocast(x.device.type, enabled=False):  # differences of squares need full precision
        x = functional.conv2d(x, weights.view(3, 1, 1, WINDOW), groups=3)
        return functional.conv2d(x, weights.view(3, 1, WINDOW, 1), groups=3)


def feature_matching(fake: Sequence[Tensor], real: Sequence[Tensor]) -> PerSample:
    """Computes the mean absolute difference of a discriminator's features of result and truth, over its layers; in [0,
    inf).

    The truth's features are what is aimed at: no gradient goes through them.
    """
    assert len(fake) == len(real)
    per_layer = [(f - r.detach()).abs().mean(dim=(1, 2, 3)) for f, r in zip(fake, real, strict=True)]
    return torch.stack(per_layer).mean(dim=0)


def hinge_d(real: Logits, fake: Logits) -> PerSample:
    """Computes the hinge loss of a discriminator; in [0, inf), 2 for an undecided one, 0 beyond the margins."""
    return functional.relu(1 - real).mean(dim=(1, 2, 3)) + functional.relu(1 + fake).mean(dim=(1, 2, 3))


def hinge_g(fake: Logits) -> PerSample:
    """Computes the hinge loss of a generator: unbounded both ways, 0 for an undecided discriminator, lower if it is
    fooled.
    """
    return -fake.mean(dim=(1, 2, 3))


def bce_d(real: Logits, fake: Logits) -> PerSample:
    """Computes the cross-entropy loss of a discriminator; in [0, inf), 2 log 2 for an undecided one."""
    return functional.softplus(-real).mean(dim=(1, 2, 3)) + functional.softplus(fake).mean(dim=(1, 2, 3))


def bce_g(fake: Logits) -> PerSample:
    """Computes the cross-entropy loss of a generator (non-saturating); in [0, inf), log 2 for an undecided
    discriminator.
    """
    return functional.softplus(-fake).mean(dim=(1, 2, 3))


ADVERSARIAL = {"hinge": (hinge_d, hinge_g), "bce": (bce_d, bce_g)}
