"""Lay restored faces into a photo: a seam that is not seen, grain like the photo's, and not a bit changed elsewhere."""

import cv2
import numpy as np
from jaxtyping import Float32, UInt8
from numpy import ndarray

from maskgen.rendering.lighting import grain_field
from maskgen.types import Plane, RGBImage
from unmasknet.settings import REFERENCE_SIDE

GROW = 5.0  # pixels by which a map is grown: a mask's rim, its shadow, what the segmenter cut too close
FEATHER = (
    4.0  # pixels of that, from outside, over which the result fades in; all of the map itself is covered
)
SEED = 0  # of the grain; a photo gives the same bytes whenever it is restored
SOFTNESS = 0.45  # pixels: grain of JPEGs is a little softer than one

BENDS = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)  # second differences across of those down

Soft = Float32[ndarray, "h w"]
Colours = Float32[ndarray, "h w 3"]


def widened(map: Plane, side: float) -> Plane:
    """Dilates the map by `GROW`, by at least a pixel.

    Args:
        map: 1 where the mask is, in pixels of a photo.
        side: of the face's crop in these pixels.
    """
    radius = max(1, round(GROW * side / REFERENCE_SIDE))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1,) * 2)
    return cv2.dilate(map, disc)


def share(hole: Plane, side: float) -> Soft:
    """Computes how much of the result is seen, 0-1: 0 outside the dilated map, 1 from `FEATHER` inside it on."""
    reach = max(1.0, FEATHER * side / REFERENCE_SIDE)
    inside = cv2.distanceTransform(hole, cv2.DIST_L2, cv2.DIST_MASK_5)
    soft = np.clip(inside / (reach + 0.5), 0, 1)
    return soft * soft * (3 - 2 * soft)


def laid_in(photo: RGBImage, result: Colours, shares: Soft) -> UInt8[ndarray, "h w 3"]:
    """Blends the result into the photo; where the weight is 0, the photo keeps its bits."""
    mixed = photo + (result - photo) * shares[:, :, None]
    mixed = np.clip(np.rint(mixed), 0, 255).astype(np.uint8)
    return np.where(shares[:, :, None] > 0, mixed, photo)


def grained(result: Colours, photo: RGBImage, hole: Plane, side: float) -> Colours:
    """Adds grain to the result, as much as the photo has around the hole.

    Args:
        result: RGB, 0-255, in the frame of `photo`.
        hole: where it will be seen.
        side: of the face's crop, in pixels.
    """
    around = cv2.dilate(hole, np.ones((3, 3), np.uint8), iterations=max(2, round(12 * side / REFERENCE_SIDE)))
    theirs = grain_of(photo, (around > 0) & (hole == 0))
    missing = float(np.sqrt(max(theirs**2 - grain_of(result, hole > 0) ** 2, 0.0)))
    if missing < 0.25:
        return result
    field = grain_field(np.random.default_rng(SEED), hole.shape, SOFTNESS)
    return result + np.float32(missing) * field[:, :, None]


def grain_of(picture: UInt8[ndarray, "h w 3"] | Float32[ndarray, "h w 3"], where: ndarray) -> float:
    """Measures the standard deviation of the noise among some pixels, in grey levels.

    Second differences cancel slopes; their smaller half, which knows no edges, tells the noise.
    """
    grey = picture.astype(np.float32).mean(2)
    bends = np.abs(cv2.filter2D(grey, cv2.CV_32F, BENDS))[where]
    return float(np.median(bends)) * 1.4826 / 6 if bends.size > 16 else 0.0
