"""Trivial baselines: ways to fill the hole without a network, whose scores a network has to beat.

Each takes masked photos (`b 3 h w`, RGB in [0, 1]) and maps (`b 1 h w`, 1 = hidden) and returns whole images, of which
only the pixels in the hole (where the map is 1) are scored.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor

from unmasknet.maps import ImageBatch, MapBatch

Baseline = Callable[[ImageBatch, MapBatch], ImageBatch]
RADIUS = 3  # pixels; neighbourhood of Telea's method, as in OpenCV's own example
RIDGE = 1e-3  # variance of values in [0, 1]; below it a pixel of the mean face gains no more weight
# Power of the weights. With 1, hair and background influence the gain: 16.5 dB in LFW's holes at 64 px instead of 17.3.
STEADINESS = 4


def masked_input(photo: ImageBatch, map: MapBatch) -> ImageBatch:  # noqa: ARG001 (a baseline's signature)
    """Returns the masked photo unchanged."""
    return photo


def mean_fill(photo: ImageBatch, map: MapBatch) -> ImageBatch:
    """Fills the image with the mean colour of the visible pixels."""
    seen = 1 - map
    colour = (photo * seen).sum((2, 3), keepdim=True) / seen.sum((2, 3), keepdim=True).clamp(min=1)
    return colour.expand_as(photo)


def telea(photo: ImageBatch, map: MapBatch) -> ImageBatch:
    """Fills the hole from its rim inwards with OpenCV's inpainting after Telea (2004)."""
    pixels = (photo.clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()
    maps = map[:, 0].byte().cpu().numpy()
    filled = [
        cv2.inpaint(one, plane, RADIUS, cv2.INPAINT_TELEA) for one, plane in zip(pixels, maps, strict=True)
    ]
    return (torch.from_numpy(np.stack(filled)).permute(0, 3, 1, 2).float() / 255).to(photo.device)


@dataclass(frozen=True)
class MeanFace:
    """Mean of aligned faces.

    Attributes:
        mean: RGB in [0, 1], `3 h w`.
        variance: how much the faces differ at each pixel, `1 h w`; low on the skin.
    """

    mean: Tensor
    variance: Tensor

    def __call__(self, photo: ImageBatch, map: MapBatch) -> ImageBatch:
        """Scales each channel of the mean face to fit the visible skin of this face by least squares.

        Faces differ least on the skin, so a pixel's weight falls with a power of its variance.
        """
        mean, variance = self.mean.to(photo.device), self.variance.to(photo.device)
        weight = (1 - map) * (RIDGE / (variance + RIDGE)) ** STEADINESS
        fit = (weight * photo * mean).sum((2, 3), keepdim=True)
        gain = fit / (weight * mean**2).sum((2, 3), keepdim=True).clamp(min=1e-9)
        return (gain * mean).clamp(0, 1)

    def resized(self, size: int) -> "MeanFace":
        """Resamples the mean face to `size` pixels."""

        def scaled(plane: Tensor) -> Tensor:
            return torch.nn.functional.interpolate(
                plane[None], (size, size), mode="bilinear", antialias=True
            )[0]

        return MeanFace(scaled(self.mean), scaled(self.variance))


def mean_face(crops: Iterable[Tensor]) -> MeanFace | None:
    """Computes the mean of training crops, given in batches `b 3 h w` in [0, 1]; None without a crop."""
    count, total, squares = 0, torch.zeros(()), torch.zeros(())
    for batch in crops:
        count += len(batch)
        total = total + batch.cpu().double().sum(0)
        squares = squares + (batch.cpu().double() ** 2).sum(0)
    if not count:
        return None
    mean = total / count
    variance = (squares / count - mean**2).clamp(min=0).mean(0, keepdim=True)
    return MeanFace(mean.float(), variance.float())


def baselines(face: MeanFace | None) -> dict[str, Baseline]:
    """Returns all baselines by the name that tables show."""
    simple: dict[str, Baseline] = {"masked input": masked_input, "mean fill": mean_fill}
    if face is not None:
        simple["mean face"] = face
    return {**simple, "telea": telea}
