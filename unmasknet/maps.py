"""Types for batches of images and maps, and operations on maps that all stages share; pure functions of tensors.

Images are RGB in [0, 1], `b 3 h w`; maps `b 1 h w`, 1 in the hole (where the face is hidden), 0 elsewhere.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import max_pool2d

ImageBatch = Float[Tensor, "b 3 h w"]
MapBatch = Float[Tensor, "b 1 h w"]


def composite(result: ImageBatch, photo: ImageBatch, map: MapBatch) -> ImageBatch:
    """Composites the result in the hole with the photo outside; fractional values of the hole blend both."""
    return result * map + photo * (1 - map)


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


def binary(probabilities: MapBatch, threshold: float) -> MapBatch:
    """Thresholds probabilities: 1 where they reach the threshold."""
    reached: Bool[Tensor, "b 1 h w"] = probabilities >= threshold
    return reached.float()
