"""Stages of the faces of an image that is masked on its own grid, without a crop."""

import math
from functools import lru_cache

import numpy as np

from maskgen.rendering.lighting import estimate_light
from maskgen.rendering.projection import fit_head
from maskgen.rendering.stage import Stage
from maskgen.rendering.triplet import LENS_BLUR, Tools
from maskgen.types import Face, Plane, Pose, RGBImage

NO_POSE = Pose(math.nan, math.nan, math.nan)  # a label of samples, on which no mask depends


def set_scene(pixels: RGBImage, faces: list[Face], tools: Tools) -> list[Stage]:
    """Prepares the faces of an image for masks: as `set_stages` does with size 0, without what only labels need.

    Args:
        pixels: the image.
        faces: at least one, in pixels of the image.
        tools: head and skin of it.

    Returns:
        A stage per face, in the same order, without a head pose.
    """
    inside = _everywhere(pixels.shape[0], pixels.shape[1])
    return [
        Stage(
            pixels,
            inside,
            face,
            NO_POSE,
            fit_head(face.mesh, tools.head),
            estimate_light(pixels, face.mesh, tools.skin),
            LENS_BLUR,
        )
        for face in faces
    ]


@lru_cache(maxsize=8)
def _everywhere(height: int, width: int) -> Plane:
    plane = np.ones((height, width), np.uint8)
    plane.setflags(write=False)
    return plane
