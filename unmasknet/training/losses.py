"""Losses: pure functions of tensors, with one value per sample, lower for a better result.

They return no mean over the batch: the tasks sum the values and divide by the size of the whole batch, so that the
sum over parts of a batch, or over ranks, is the same. Images are RGB in [0, 1]. Maps are 1 where the face is hidden.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from unmasknet.maps import ImageBatch, MapBatch

Logits = Float[Tensor, "b 1 p q"]
PerSample = Float[Tensor, " b"]

SMOOTH = 1.0  # pixels; makes Dice 1 if both maps are empty
WINDOW, SIGMA = 11, 1.5  # pixels; the Gaussian of SSIM, as in Wang et al. 2004
C1, C2 = 0.01**2, 0.03**2  # constants of the same paper, for images in [0, 1]


def bce(logits: MapBatch, target: MapBatch) -> PerSample:
    """Computes the binary cross-entropy of a map; in [0, inf), log 2 for logits of 0."""
    return functional.binary_cross_entropy_with_logits(logits, target, reduction="none").mean(dim=(1, 2, 3))


def dice(logits: MapBatch, target: MapBatch) -> PerSample:
    """Computes 1 - Dice between probabilities and a map; in [0, 1), 0 for a perfect prediction."""
    probability = torch.sigmoid(logits.float())
    both = (probability * target).sum(dim=(1, 2, 3))
    sizes = probability.sum(dim=(1, 2, 3)) + target.sum(dim=(1, 2, 3))
    return 1 - (2 * both + SMOOTH) / (sizes + SMOOTH)


def l1_whole(image: ImageBatch, truth: ImageBatch) -> PerSample:
    """Computes the mean absolute difference over the image; in [0, 1]."""
    return (image - truth).abs().mean(dim=(1, 2, 3))


def l1_hole(image: ImageBatch, truth: ImageBatch, map: MapBatch) -> PerSample:
    """Computes the mean absolute difference over the hole; in [0, 1], 0 if there is no hole."""
    hidden = ((image - truth).abs() * map).sum(dim=(1, 2, 3))
    return hidden / (3 * map.sum(dim=(1, 2, 3))).clamp(min=1)


def ssim(image: ImageBatch, truth: ImageBatch) -> PerSample:
    """Computes the structural similarity (Wang et al. 2004); in [-1, 1], 1 for equal images, so not yet a loss.

    The mean is over the three channels and the positions whose window lies inside the image.
    """
    image, truth = image.float(), truth.float()
    mean_a, mean_b = _blur(image), _blur(truth)
    variance_a = _blur(image.square()) - mean_a.square()
    variance_b = _blur(truth.square()) - mean_b.square()
    covariance = _blur(image * truth) - mean_a * mean_b
    light = (2 * mean_a * mean_b + C1) / (mean_a.square() + mean_b.square() + C1)
    structure = (2 * covariance + C2) / (variance_a + variance_b + C2)
    return (light * structure).mean(dim=(1, 2, 3))


def ssim_loss(image: ImageBatch, truth: ImageBatch) -> PerSample:
    """Computes 1 - SSIM; in [0, 2], 0 for equal images."""
    return 1 - ssim(image, truth)


def _blur(x: ImageBatch) -> Float[Tensor, "b 3 p q"]:
    """Filters with the Gaussian window, separably."""
    offsets = torch.arange(WINDOW, device=x.device, dtype=x.dtype) - WINDOW // 2
    weights = torch.exp(-offsets.square() / (2 * SIGMA**2))
    weights = (weights / weights.sum()).repeat(3, 1)
    with torch.autocast(x.device.type, enabled=False):  # differences of squares need full precision
        x = functional.conv2d(x, weights.view(3, 1, 1, WINDOW), groups=3)
        return functional.conv2d(x, weights.view(3, 1, WINDOW, 1), groups=3)


def feature_matching(fake: Sequence[Tensor], real: Sequence[Tensor]) -> PerSample:
    """Computes the mean absolute difference of a discriminator's features of result and truth; in [0, inf).

    The mean is over the layers. The features of the truth are targets: no gradient goes through them.
    """
    assert len(fake) == len(real)
    per_layer = [(f - r.detach()).abs().mean(dim=(1, 2, 3)) for f, r in zip(fake, real, strict=True)]
    return torch.stack(per_layer).mean(dim=0)


def hinge_d(real: Logits, fake: Logits) -> PerSample:
    """Computes the hinge loss of a discriminator; in [0, inf), 2 for logits of 0, 0 beyond the margins."""
    return functional.relu(1 - real).mean(dim=(1, 2, 3)) + functional.relu(1 + fake).mean(dim=(1, 2, 3))


def hinge_g(fake: Logits) -> PerSample:
    """Computes the hinge loss of a generator: unbounded, 0 for logits of 0, negative if the discriminator is fooled."""
    return -fake.mean(dim=(1, 2, 3))


def bce_d(real: Logits, fake: Logits) -> PerSample:
    """Computes the cross-entropy loss of a discriminator; in [0, inf), 2 log 2 for logits of 0."""
    return functional.softplus(-real).mean(dim=(1, 2, 3)) + functional.softplus(fake).mean(dim=(1, 2, 3))


def bce_g(fake: Logits) -> PerSample:
    """Computes the non-saturating cross-entropy loss of a generator; in [0, inf), log 2 for logits of 0."""
    return functional.softplus(-fake).mean(dim=(1, 2, 3))


ADVERSARIAL = {"hinge": (hinge_d, hinge_g), "bce": (bce_d, bce_g)}
