"""Objects in front of a mask: hair over the cheek and rims of glasses, detected by their darkness.

They are looked for only where they can be expected: hair at the mask's sides above the jaw, rims along its upper edge.
There a pixel that is much darker than skin would be under the photo's light is not skin, and the mask goes behind it.
Light hair cannot be distinguished from skin, so the mask covers it.
"""

import cv2
import numpy as np
from jaxtyping import Bool, Float32, UInt8
from numpy import ndarray

from maskgen.masks.shell import MARGIN
from maskgen.native import compiled
from maskgen.rendering.lighting import LUMA, Light
from maskgen.rendering.projection import UNSEEN, Box, Places
from maskgen.types import RGBImage

DARK, DARKER = 0.30, 0.17  # light relative to skin: below DARK a pixel may be hair, below DARKER it is
CORE = 20  # of 255: pixels hidden more than this count as part of an object
DIM = 0.05  # linear light on skin; below it the shaded side is as dark as hair, so nothing is detected
# Grid positions are 0-1 and reach MARGIN beyond the mask. u runs from -1 to 1, v from 0 to 1.
_U, _V = 0.5 / (1 + 2 * MARGIN), 1 / (1 + 2 * MARGIN)
SIDE, JAW = 0.62 * _U, (0.75 + MARGIN) * _V  # hair is looked for beyond |u| = .62 and above v = .75
# rims are looked for beyond |u| = .24, since the nose has its own shadows, and above v = .12
NOSE, RIM = 0.24 * _U, (0.12 + MARGIN) * _V
FADE_U, FADE_V, RIM_FADE = 0.08 * _U, 0.08 * _V, 0.03 * _V  # widths over which detection fades out

_BORDERS = np.array(
    [SIDE, JAW, NOSE, RIM, 1 / FADE_U, 1 / FADE_V, 1 / RIM_FADE, DARK, 1 / (DARK - DARKER)], np.float32
)
_NOTHING = np.zeros((0, 0), np.uint8)


def in_front(
    image: RGBImage,
    box: Box,
    places: Float32[ndarray, "r c 2"],
    light: Light,
    shade: Float32[ndarray, "rows columns"],
) -> UInt8[ndarray, "_ _"]:
    """Measures how much of each pixel of a mask hair or a rim hides, 0-255; empty without visible, lit skin.

    Args:
        image: RGB image without the mask.
        box: the pixels that `places` covers.
        places: position on the mask visible at each pixel, see `rasterise`.
        light: the photo's light on this face.
        shade: light on the mask at its grid points, relative to a surface that faces the viewer.
    """
    if len(light.skin) == 0 or light.skin @ LUMA < DIM:
        return _NOTHING
    hidden = np.empty(box.shape, np.uint8)
    skin = float(light.skin @ LUMA)
    if _dark(np.ascontiguousarray(image), places, shade, _BORDERS, LUMA, skin, box.x0, box.y0, CORE, hidden):
        hidden[_hanging_loose(hidden, places)] = 0
    return hidden


@compiled
def _dark(
    image: UInt8[ndarray, "high wide 3"],
    places: Places,
    lights: Float32[ndarray, "rows columns"],
    borders: Float32[ndarray, "9"],
    luma: Float32[ndarray, "3"],
    skin: float,
    left: int,
    top: int,
    core: int,
    hidden: UInt8[ndarray, "h w"],
) -> int:
    """Finds where a mask lies over pixels that are much darker than skin would be there.

    Args:
        image: RGB image without the mask.
        places: position on the mask visible at each pixel of a box, see `rasterise`.
        lights: light on the mask at its grid points.
        borders: `_BORDERS`: limits of the search regions, their fades, and the darkness limits.
        luma: luma weights of R, G, B.
        skin: linear grey of skin under even light.
        left, top: column and row of the box's first pixel in the image.
        core: value of `hidden` above which a pixel counts.
        hidden: result: how far the pixel hides the mask, 0-255.

    Returns:
        Number of pixels above `core`.
    """
    side, jaw, nose, rim, per_u, per_v, per_rim, darkest, per_dark = borders
    row, column = np.moveaxis(places, -1, 0)
    aside = np.abs(column - np.float32(0.5))
    look = (row >= 0) & (((aside > side) & (row < jaw)) | ((aside > nose) & (row < rim)))
    y, x = np.nonzero(look)
    row, column, aside = row[look], column[look], aside[look]
    colour = image[y + top, x + left].astype(np.float32) * np.float32(1 / 255)
    r, g, b = (colour * colour * luma).T
    expected = np.clip(_between(lights, row, column), np.float32(0.3), np.float32(1.2)) * np.float32(skin)
    # detection fades out at the borders of its regions, or a shaded cheek would be cut along them
    hair = np.minimum((aside - side) * per_u, (jaw - row) * per_v)
    frame = np.minimum((aside - nose) * per_u, (rim - row) * per_rim)
    reach = np.clip(np.maximum(hair, frame), 0, 1)
    far = np.clip((darkest - (r + g + b) / expected) * per_dark, 0, 1) * reach
    hidden[:] = 0
    hidden[look] = far * np.float32(255) + np.float32(0.5)
    return int(np.count_nonzero(hidden > core))


def _between(
    values: Float32[ndarray, "rows columns"], row: Float32[ndarray, "n"], column: Float32[ndarray, "n"]
) -> Float32[ndarray, "n"]:
    """Interpolates a grid's values bilinearly at positions given as 0-1 over its rows and columns."""
    rows, columns = values.shape
    down, across = row * np.float32(rows - 1), column * np.float32(columns - 1)
    i, j = np.minimum(down.astype(np.int64), rows - 2), np.minimum(across.astype(np.int64), columns - 2)
    v, u = down - i.astype(np.float32), across - j.astype(np.float32)
    upper = values[i, j] + (values[i, j + 1] - values[i, j]) * u
    lower = values[i + 1, j] + (values[i + 1, j + 1] - values[i + 1, j]) * u
    return upper + (lower - upper) * v


def _hanging_loose(hidden: UInt8[ndarray, "h w"], places: Places) -> Bool[ndarray, "h w"]:
    """Finds the dark pixels that are not connected to the surroundings of the mask.

    Hair and rims cross the mask's edge; a nostril or a mole does not.
    """
    dark = hidden > CORE
    around = (dark | (places[..., 0] == UNSEEN)).view(np.uint8)
    framed = cv2.copyMakeBorder(around, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=1)
    cv2.floodFill(framed, None, (0, 0), 0)
    return dark & (framed[1:-1, 1:-1] > 0)
