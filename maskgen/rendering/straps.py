"""Straps: from the mask's edge over the cheek to where the ear or the head hides them."""

import math
from itertools import pairwise

import cv2
import numpy as np
from jaxtyping import Float32, Int32, UInt8
from numpy import ndarray

from maskgen.masks.shell import Shell
from maskgen.native import compiled
from maskgen.rendering.lighting import LUMA
from maskgen.rendering.projection import Box, Carried
from maskgen.types import RGBImage

SUBPIXEL = 4  # bits of sub-pixel accuracy that OpenCV draws with
# Light on skin, relative to the face's, and its colour, relative to its own light; beyond is hair or background.
SKIN_DARKEST, SKIN_BRIGHTEST, SKIN_CHROMA = 0.20, 2.4, 0.55
_LIMITS = np.array([SKIN_DARKEST, SKIN_BRIGHTEST, SKIN_CHROMA], np.float32)
STUB = 2.0  # widths: a shorter piece is no strap to the eye
EDGE_ON = 0.10  # z of a unit normal up to which the skin under a strap is still seen


def draw_straps(
    carried: Carried, shell: Shell, scale: float, picture: RGBImage, skin: Float32[ndarray, "c"], box: Box
) -> UInt8[ndarray, "rows columns"]:
    """Draws the opacity of the straps inside `box`, 0-255, both sides, without what the turned head or hair hides.

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
        hidden = np.empty(seen.shape, np.uint8)
        _under_hair(carried.straps, np.ascontiguousarray(picture), skin, LUMA, _LIMITS, hidden)
        seen &= (hidden == 0) | ~np.array(shell.strap_loops)[:, None]
    widths = [max(width * scale, 1.0) for width in shell.strap_widths]
    ribbons = np.empty((len(widths), 2 * seen.shape[1], 2), np.int32)
    _ribbons(carried.straps, np.array(widths, np.float32), 2.0**SUBPIXEL, box.x0, box.y0, ribbons)
    for line, ribbon, visible, width in zip(
        carried.straps[..., :2], ribbons, seen.tolist(), shell.strap_widths, strict=True
    ):
        for a, b in _runs(visible):
            if b - a < len(visible) and _length(line[a:b]) < STUB * width * scale:
                continue  # what a turned head or hair leaves of it at the mask's far edge is a blot, not a strap
            piece = np.concatenate([ribbon[a:b], ribbon[2 * len(visible) - b : 2 * len(visible) - a]])
            cv2.fillPoly(opacity, [piece], min(width * scale, 1.0) * 255, cv2.LINE_AA, SUBPIXEL)
    return opacity


@compiled
def _under_hair(
    lines: Float32[ndarray, "k n 3"],
    picture: UInt8[ndarray, "h w 3"],
    skin: Float32[ndarray, "3"],
    luma: Float32[ndarray, "3"],
    limits: Float32[ndarray, "3"],
    hidden: UInt8[ndarray, "k n"],
) -> None:
    """Finds where ear loops go under hair: from the first two points on that are not the skin's colour.

    The loop leaves the mask on the cheek, so its first point always counts as skin.

    Args:
        lines: points of the loops.
        picture: RGB.
        skin: its linear colour.
        luma: share of R, G, B in a grey.
        limits: least and most light on skin, relative to it, and how far its colour may be from the skin's.
        hidden: 1 there, 0 elsewhere: the result.
    """
    height, width = picture.shape[:2]
    column = np.clip(lines[..., 0], 0, width - 1).astype(np.intp)
    row = np.clip(lines[..., 1], 0, height - 1).astype(np.intp)
    colour = np.square(picture[row, column].astype(np.float32) * np.float32(1 / 255))
    light, usual = (
        of[..., 0] * luma[0] + of[..., 1] * luma[1] + of[..., 2] * luma[2] + np.float32(1e-3)
        for of in (colour, skin)
    )
    ratio, far = light / usual, np.abs(colour / light[..., None] - skin / usual).max(-1)
    other = (ratio < limits[0]) | (ratio > limits[1]) | (far > limits[2])
    other[:, :1] = False
    other[:, :-1] &= other[:, 1:]
    hidden[:] = np.maximum.accumulate(other, axis=1)


def _length(line: Float32[ndarray, "n 2"]) -> float:
    return math.dist(line[0], line[-1])  # as good as along it: a strap is all but straight


def _runs(seen: list[bool]) -> list[tuple[int, int]]:
    """Finds start and end of each stretch of at least two visible points."""
    ends = [i for i, (a, b) in enumerate(pairwise([False, *seen, False])) if a != b]
    return [(a, b) for a, b in zip(ends[::2], ends[1::2], strict=True) if b - a > 1]


@compiled
def _ribbons(
    lines: Float32[ndarray, "k n 3"],
    widths: Float32[ndarray, "k"],
    one: float,
    left: int,
    top: int,
    edges: Int32[ndarray, "k m 2"],
) -> None:
    """Bands along lines, as polygons.

    Args:
        lines: their points.
        widths: of the bands.
        one: parts of a pixel that `edges` are rounded to.
        left, top: where the result's 0 is.
        edges: one edge from the start on, then the other one back: the result.
    """
    along = np.empty((*lines.shape[:2], 2), np.float32)
    flat = lines[..., :2]
    along[:, 1:-1] = flat[:, 2:] - flat[:, :-2]
    along[:, 0], along[:, -1] = flat[:, 1] - flat[:, 0], flat[:, -1] - flat[:, -2]
    x, y = along[..., 0], along[..., 1]
    half = (widths[:, None] * np.float32(0.5)) / np.maximum(np.sqrt(x * x + y * y), np.float32(1e-6))
    across = np.stack([-y * half, x * half], axis=-1)
    shown = flat - np.array([left, top], np.float32)
    edges[:] = np.rint(np.concatenate([shown + across, (shown - across)[:, ::-1]], axis=1) * np.float32(one))
