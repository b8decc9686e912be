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
    corner = np.array([box.x0, box.y0], np.float32)
    seen = carried.strap_normals[..., 2] < EDGE_ON
    if len(skin) and len(seen):
        seen &= ~_under_hair(carried.straps, picture, skin) | ~np.array(shell.strap_loops)[:, None]
    for line, visible, width in zip(carried.straps, seen, shell.strap_widths, strict=True):
        width = width * scale
        for run in _runs(line[:, :2] - corner, visible):
            ribbon = np.rint(_ribbon(run, max(width, 1.0)) * 2**SUBPIXEL).astype(np.int32)
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


def _runs(points: Float32[ndarray, "n 2"], seen: Bool[ndarray, "n"]) -> list[Float32[ndarray, "m 2"]]:
    """Stretches of at least two points that are seen."""
    ends = np.flatnonzero(np.diff(seen, prepend=False, append=False))
    return [points[a:b] for a, b in zip(ends[::2], ends[1::2], strict=True) if b - a > 1]


def _ribbon(points: Float32[ndarray, "n 2"], width: float) -> Float32[ndarray, "m 2"]:
    """The outline of a band of a width along a line."""
    along = np.concatenate([points[1:2] - points[:1], points[2:] - points[:-2], points[-1:] - points[-2:-1]])
    across = along[:, ::-1] * np.array([-1, 1], np.float32)
    across *= width / 2 / np.maximum(np.hypot(along[:, 0], along[:, 1]), 1e-6)[:, None]
    return np.concatenate([points + across, (points - across)[::-1]])
