"""Stages of the faces of an image that is masked on its own grid, without a crop."""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from maskgen.rendering.lighting import Light, estimate_light
from maskgen.rendering.projection import Fit
from maskgen.rendering.stage import Stage
from maskgen.rendering.triplet import LENS_BLUR, Tools
from maskgen.types import Face, Plane, Pose, RGBImage

NO_POSE = Pose(math.nan, math.nan, math.nan)  # a label of samples, on which no mask depends


@dataclass(frozen=True)
class FittedFace:
    """Face in pixels of an image, and the canonical head fitted to it."""

    face: Face
    fit: Fit


@dataclass(frozen=True)
class Subject:
    """Face of an image and the light on it: all that a mask depends on, except the pixels."""

    fitted: FittedFace
    light: Light


def light_up(pixels: RGBImage, faces: list[FittedFace], tools: Tools) -> list[Subject]:
    """Estimates the light on each face of an image.

    Args:
        pixels: the image.
        faces: in pixels of the image.
        tools: skin of the head.

    Returns:
        A subject per face, in the same order.
    """
    return [Subject(each, estimate_light(pixels, each.face.mesh, tools.skin)) for each in faces]


def set_scene(pixels: RGBImage, subjects: list[Subject]) -> list[Stage]:
    """Prepares the faces of an image for masks: as `set_stages` does with size 0, without what only labels need.

    Args:
        pixels: the image.
        subjects: results of `light_up` for it.

    Returns:
        A stage per face, in the same order, without a head pose.
    """
    inside = _everywhere(pixels.shape[0], pixels.shape[1])
    return [
        Stage(pixels, inside, of.fitted.face, NO_POSE, of.fitted.fit, of.light, LENS_BLUR) for of in subjects
    ]


@lru_cache(maxsize=8)
def _everywhere(height: int, width: int) -> Plane:
    plane = np.ones((height, width), np.uint8)
    plane.setflags(write=False)
    return plane
