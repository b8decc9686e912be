"""Straps: from the mask's edge over the cheek to where the ear or the head hides them."""

from itertools import pairwise

import cv2
import numpy as np
from jaxtyping import Bool, Float32, Int32, UInt8
from numpy import ndarray

from maskgen.light import LUMA
from maskgen.shell import Shell
from maskgen.types import Picture
from maskgen.warp import Box, Carried

SUBPIXEL = 4  # bits of sub-pixel accuracy that OpenCV draws with
# Light on skin, relative to the face's, and its colour, relative to its own light; beyond is hair or background.
SKIN_DARKEST, SKIN_BRIGHTEST, SKIN_CHROMA = 0.20, 2.4, 0.55
EDGE_ON = 0.10  # z of a unit normal up to which the skin under a strap is still seen


def draw_straps(
    carried: Carried, shell: Shell, scale: float, picture: Picture, skin: Float32[ndarray, "c"], box: Box
) -> UInt8[ndarray, "rows columns"]:
    """Opacity of the straps inside `box`, 0-255, both sides; what the turned head or hair hides is left out.

    Args:
        carried: the shell on the face.
        shell: it on the canonical head.
        scale: pixels a head unit.
        picture: what lies under the straps.
        skin: linear colour of the skin, or empty.
        box: the pixels to draw.
    """
    opacity = np.zeros(box.shape, np.uint8)
    if not shell.strap_widths:
        return opacity
    seen = carried.strap_normals[..., 2] < EDGE_ON
    if len(skin):
        seen &= ~_under_hair(carried.straps, picture, skin) | ~np.array(shell.strap_loops)[:, None]
    lines = (carried.straps[..., :2] - np.array([box.x0, box.y0], np.float32)) * np.float32(2**SUBPIXEL)
    widths = [width * scale for width in shell.strap_widths]
    ribbons = _ribbons(lines, np.maximum(np.array(widths, np.float32), 1) * np.float32(2**SUBPIXEL))
    for ribbon, visible, width in zip(ribbons, seen.tolist(), widths, strict=True):
        for a, b in _runs(visible):
            piece = np.concatenate([ribbon[a:b], ribbon[2 * len(visible) - b : 2 * len(visible) - a]])
            cv2.fillPoly(opacity, [piece], min(width, 1.0) * 255, cv2.LINE_AA, SUBPIXEL)
    return opacity


def _under_hair(
    lines: Float32[ndarray, "k n 3"], picture: Picture, skin: Float32[ndarray, "3"]
) -> Bool[ndarray, "k n"]:
    """Where ear loops have gone under hair: from the first two points on that are not the skin's colour.

    The loop leaves the mask on the cheek, so its first point always counts as skin.
    """
    height, width = picture.shape[:2]
    column = np.clip(lines[..., 0], 0, width - 1).astype(np.intp)
    row = np.clip(lines[..., 1], 0, height - 1).astype(np.intp)
    colour = (picture[row, column].astype(np.float32) / 255) ** 2
    light = colour @ LUMA + np.float32(1e-3)
    ratio = light / np.float32(skin @ LUMA + 1e-3)
    chroma = np.abs(colour / light[..., None] - skin / np.float32(skin @ LUMA + 1e-3)).max(-1)
    other = (ratio < SKIN_DARKEST) | (ratio > SKIN_BRIGHTEST) | (chroma > SKIN_CHROMA)
    other[:, :1] = False
    other[:, :-1] &= other[:, 1:]
    return np.maximum.accumulate(other, axis=1)


def _runs(seen: list[bool]) -> list[tuple[int, int]]:
    """First and end of each stretch of at least two points that are seen."""
    ends = [i for i, (a, b) in enumerate(pairwise([False, *seen, False])) if a != b]
    return [(a, b) for a, b in zip(ends[::2], ends[1::2], strict=True) if b - a > 1]


def _ribbons(lines: Float32[ndarray, "k n 2"], widths: Float32[ndarray, "k"]) -> Int32[ndarray, "k m 2"]:
    """Bands of given widths along lines, as polygons: one edge from the start on, then the other one back."""
    along = np.empty_like(lines)
    along[:, 1:-1] = lines[:, 2:] - lines[:, :-2]
    along[:, 0], along[:, -1] = lines[:, 1] - lines[:, 0], lines[:, -1] - lines[:, -2]
    x, y = along[..., 0], along[..., 1]
    half = (widths[:, None] * np.float32(0.5)) / np.maximum(np.sqrt(x * x + y * y), np.float32(1e-6))
    across = np.stack([-y * half, x * half], axis=-1)
    return np.rint(np.concatenate([lines + across, (lines - across)[:, ::-1]], axis=1)).astype(np.int32)
