"""Types for batches of images and maps, and operations on maps that all stages share; pure functions of tensors.

Images are RGB in [0, 1], `b 3 h w`; maps `b 1 h w`, 1 in the hole (where the face is hidden), 0 elsewhere.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import max_pool2d

from maskgen.types import BRIGHTNESS

ImageBatch = Float[Tensor, "b 3 h w"]
MapBatch = Float[Tensor, "b 1 h w"]


def composite(result: ImageBatch, photo: ImageBatch, map: MapBatch) -> ImageBatch:
    """Composites the result in the hole with the photo outside; fractional values of the hole blend both."""
    return result * map + photo * (1 - map)


def brightness(photo: ImageBatch) -> MapBatch:
    """Computes the luma by the Rec. 601 weights."""
    red, green, blue = (weight * channel for weight, channel in zip(BRIGHTNESS, photo.unbind(1), strict=True))
    return (red + green + blue)[:, None]


def outline(map: MapBatch) -> MapBatch:
    """Returns the pixels of a map that touch a pixel outside it; the image border does not count as outside."""
    return map - shrunk(map, 1)


def grown(map: MapBatch, reach: int) -> MapBatch:
    """Dilates the map by a disc of radius `reach`, approximated by alternating squares and crosses."""
    for step in range(reach):
        map = max_pool2d(map, 3, 1, 1) if step % 2 else _cross(map)
    return map


def shrunk(map: MapBatch, reach: int) -> MapBatch:
    """Erodes the map by a disc of radius `reach`; pixels beyond the image border count as inside."""
    return 1 - grown(1 - map, reach)


def _cross(map: MapBatch) -> MapBatch:
    return torch.maximum(max_pool2d(map, (3, 1), 1, (1, 0)), max_pool2d(map, (1, 3), 1, (0, 1)))


def window_side(side: int) -> int:
    """Returns the side of the window over the hole of an image of `side` pixels: 5/8 of it."""
    return side * 5 // 8


def window_over_hole(images: Float[Tensor, "b c h w"], map: MapBatch) -> Float[Tensor, "b c s s"]:
    """Cuts the window of `window_side` pixels centred on each sample's hole, moved so that it lies in the image.

    The pixels are copied, not resampled: resampling would change the detail that is to be compared. The window of a
    sample without a hole is in the middle of the image.
    """
    height, width = map.shape[-2:]
    side = window_side(min(height, width))
    tops = _starts(map.amax(dim=(1, 3)), side)
    lefts = _starts(map.amax(dim=(1, 2)), side)
    cuts = [
        image[:, top : top + side, left : left + side]
        for image, top, left in zip(images, tops, lefts, strict=True)
    ]
    return torch.stack(cuts)


def _starts(hidden: Float[Tensor, "b n"], side: int) -> list[int]:
    """Returns the first position of a window of `side` positions centred on the hidden ones."""
    length = hidden.shape[1]
    places = torch.arange(length, device=hidden.device)
    first = torch.where(hidden > 0, places, length).amin(dim=1)
    after = torch.where(hidden > 0, places + 1, 0).amax(dim=1)
    middle = torch.where(after > 0, first + after, length)  # twice the centre
    starts: list[int] = ((middle - side) // 2).clamp(0, length - side).tolist()
    return starts


def binary(probabilities: MapBatch, threshold: float) -> MapBatch:
    """Thresholds probabilities: 1 where they reach the threshold."""
    reached: Bool[Tensor, "b 1 h w"] = probabilities >= threshold
    return reached.float()
