"""Resizing of images to any size in exported files.

ONNX's Resize has `antialias` since opset 18. Runtimes that ignore it, as OpenCV 5 does, reduce images with aliasing,
and the networks then see another image. Linear interpolation is linear and separable: a product with one matrix per
axis gives the same pixels in every runtime, and the same image where the size stays.
"""

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import interpolate

# During export, height and width are symbols, not numbers.
Resize = Callable[[Tensor, Any, Any], Tensor]


def interpolated(images: Float[Tensor, "b c _ _"], height: Any, width: Any) -> Float[Tensor, "b c _ _"]:
    """Resizes images by linear interpolation, averaging where they become smaller, as the evaluation does."""
    return interpolate(images, (height, width), mode="bilinear", antialias=True, align_corners=False)


def multiplied(images: Float[Tensor, "b c _ _"], height: Any, width: Any) -> Float[Tensor, "b c _ _"]:
    """Computes the same as `interpolated`, as products with matrices."""
    down, across = axis_weights(images.shape[-2], height), axis_weights(images.shape[-1], width)
    return down @ images @ across.T


def axis_weights(before: Any, after: Any) -> Float[Tensor, "after before"]:
    """Computes the weights of `before` pixels in each of `after` pixels: a triangle around each centre.

    The triangle reaches one pixel to either side, in pixels of the coarser of both sizes; each row sums up to 1.
    """
    size, target = (torch.scalar_tensor(side, dtype=torch.float32) for side in (before, after))
    scale = size / target
    centres = (torch.arange(after, dtype=torch.float32) + 0.5) * scale
    places = torch.arange(before, dtype=torch.float32) + 0.5
    distance = (places[None] - centres[:, None]).abs() / torch.clamp(scale, min=1.0)
    weights = torch.relu(1 - distance)
    return weights / weights.sum(1, keepdim=True)
