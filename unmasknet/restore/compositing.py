"""Compositing of restored faces into a photo: invisible seams, matching grain, unchanged pixels elsewhere."""

import cv2
import numpy as np
from jaxtyping import Float32, UInt8
from numpy import ndarray

from maskgen.rendering.lighting import grain_field
from maskgen.types import Plane, RGBImage
from unmasknet.settings import REFERENCE_SIDE

# Pixels at a crop side of `REFERENCE_SIDE`.
GROW = 5.0  # by which a map is dilated: covers the mask's rim, its shadow and edges that the segmenter missed
FEATHER = 4.0  # from the edge of the dilated map inwards, over which the result fades in; less than `GROW`

SEED = 0  # of the grain: a photo gives the same bytes each time it is restored
SOFTNESS = 0.45  # blur of the grain, in pixels: the grain of JPEGs is slightly correlated between pixels
BENDS = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)  # second differences along both axes

Soft = Float32[ndarray, "h w"]
Colours = Float32[ndarray, "h w 3"]


def widened(map: Plane, side: float) -> Plane:
    """Dilates the map by `GROW`, by at least one pixel.

    Args:
        map: 1 where the mask is, in the photo's pixels.
        side: side of the face's crop, in the photo's pixels.
    """
    radius = max(1, round(GROW * side / REFERENCE_SIDE))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1,) * 2)
    return cv2.dilate(map, disc)


def blend_weights(map: Plane, side: float) -> Soft:
    """Computes the weight of the result, 0-1: 0 outside the dilated map, 1 from `FEATHER` inside its edge on."""
    reach = max(1.0, FEATHER * side / REFERENCE_SIDE)
    inside = cv2.distanceTransform(map, cv2.DIST_L2, cv2.DIST_MASK_5)
    soft = np.clip(inside / (reach + 0.5), 0, 1)
    return soft * soft * (3 - 2 * soft)


def blended(photo: RGBImage, result: Colours, weights: Soft) -> UInt8[ndarray, "h w 3"]:
    """Blends the result into the photo; where the weight is 0, the photo keeps its bits."""
    mixed = photo + (result - photo) * weights[:, :, None]
    mixed = np.clip(np.rint(mixed), 0, 255).astype(np.uint8)
    return np.where(weights[:, :, None] > 0, mixed, photo)


def grained(result: Colours, photo: RGBImage, map: Plane, side: float) -> Colours:
    """Adds grain to the result, to match the grain of the photo around the hole.

    Args:
        result: RGB, 0-255, in the frame of `photo`.
        map: 1 where the result will be visible.
        side: side of the face's crop, in pixels.
    """
    around = cv2.dilate(map, np.ones((3, 3), np.uint8), iterations=max(2, round(12 * side / REFERENCE_SIDE)))
    wanted = grain_of(photo, (around > 0) & (map == 0))
    missing = float(np.sqrt(max(wanted**2 - grain_of(result, map > 0) ** 2, 0.0)))
    if missing < 0.25:
        return result
    field = grain_field(np.random.default_rng(SEED), map.shape, SOFTNESS)
    return result + np.float32(missing) * field[:, :, None]


def grain_of(picture: UInt8[ndarray, "h w 3"] | Float32[ndarray, "h w 3"], where: ndarray) -> float:
    """Measures the standard deviation of the noise in the pixels `where`, in grey levels.

    Second differences cancel slopes, and their median absolute value is robust to edges. The factor 1.4826 converts
    it to a standard deviation; 6 is the norm of the kernel.
    """
    grey = picture.astype(np.float32).mean(2)
    bends = np.abs(cv2.filter2D(grey, cv2.CV_32F, BENDS))[where]
    return float(np.median(bends)) * 1.4826 / 6 if bends.size > 16 else 0.0
