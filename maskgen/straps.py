"""Straps: from the mask's edge over the cheek to where the ear or the head hides them."""

import cv2
import numpy as np
from jaxtyping import Bool, Float32
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
) -> Float32[ndarray, "rows columns"]:
    """Opacity of the straps inside `box`, 0-1, both sides; what the turned head or hair hides is left out.

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
        return opacity.astype(np.float32)
    seen = carried.strap_normals[..., 2] < EDGE_ON
    if len(skin):
        seen &= ~_under_hair(carried.straps, picture, skin) | ~np.array(shell.strap_loops)[:, None]
    lines = carried.straps[..., :2] - np.array([box.x0, box.y0], np.float32)
    widths = [width * scale for width in shell.strap_widths]
    whole = _edges(lines, np.maximum(np.array(widths, np.float32), 1))
    for nth, (visible, width) in enumerate(zip(seen, widths, strict=True)):
        for a, b in _runs(visible):
            if b - a == len(visible):
                left, right = whole[nth]
            else:
                left, right = _edges(lines[nth : nth + 1, a:b], np.array([max(width, 1.0)], np.float32))[0]
            ribbon = np.rint(np.concatenate([left, right[::-1]]) * 2**SUBPIXEL).astype(np.int32)
            cv2.fillPoly(opacity, [ribbon], min(width, 1.0) * 255, cv2.LINE_AA, SUBPIXEL)
    return opacity * np.float32(1 / 255)


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


def _runs(seen: Bool[ndarray, "n"]) -> list[tuple[int, int]]:
    """First and end of each stretch of at least two points that are seen."""
    if seen.all():
        return [(0, len(seen))]
    ends = np.flatnonzero(np.diff(seen, prepend=False, append=False)).tolist()
    return [(a, b) for a, b in zip(ends[::2], ends[1::2], strict=True) if b - a > 1]


def _edges(lines: Float32[ndarray, "k n 2"], widths: Float32[ndarray, "k"]) -> Float32[ndarray, "k 2 n 2"]:
    """The two edges of bands of given widths along lines."""
    along = np.empty_like(lines)
    along[:, 1:-1] = lines[:, 2:] - lines[:, :-2]
    along[:, 0], along[:, -1] = lines[:, 1] - lines[:, 0], lines[:, -1] - lines[:, -2]
    length = np.maximum(np.sqrt(along[..., 0] ** 2 + along[..., 1] ** 2), 1e-6)
    across = along[..., ::-1] * np.array([-1, 1], np.float32) * (widths[:, None] / 2 / length)[..., None]
    return np.stack([lines + across, lines - across], axis=1)
