"""Straps of a mask, from its edge over the cheek to where the ear or the head hides them."""

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
# Limits of skin: light relative to the face's, and distance of the normalised colour; other pixels are no skin.
SKIN_DARKEST, SKIN_BRIGHTEST, SKIN_CHROMA = 0.20, 2.4, 0.55
_LIMITS = np.array([SKIN_DARKEST, SKIN_BRIGHTEST, SKIN_CHROMA], np.float32)
STUB = 2.0  # strap widths; shorter pieces do not look like a strap and are left out
EDGE_ON = 0.10  # z of the skin's unit normal up to which a strap is still visible


def draw_straps(
    carried: Carried, shell: Shell, scale: float, image: RGBImage, skin: Float32[ndarray, "c"], box: Box
) -> UInt8[ndarray, "rows columns"]:
    """Draws the opacity, 0-255, of the straps on both sides, without the parts that the head or hair hides.

    Args:
        carried: the shell in the image.
        shell: the shell on the canonical head.
        scale: pixels per head unit.
        image: RGB image under the straps.
        skin: linear colour of the skin; if empty, hair is not looked for.
        box: the pixels to draw.
    """
    opacity = np.zeros(box.shape, np.uint8)
    if not shell.strap_widths:
        return opacity
    visible = carried.strap_normals[..., 2] < EDGE_ON
    if len(skin):
        hidden = np.empty(visible.shape, np.uint8)
        _under_hair(carried.straps, np.ascontiguousarray(image), skin, LUMA, _LIMITS, hidden)
        visible &= (hidden == 0) | shell.over_hair
    widths = [max(width * scale, 1.0) for width in shell.strap_widths]
    ribbons = np.empty((len(widths), 2 * visible.shape[1], 2), np.int32)
    _ribbons(carried.straps, np.array(widths, np.float32), 2.0**SUBPIXEL, box.x0, box.y0, ribbons)
    for line, ribbon, flags, width in zip(
        carried.straps[..., :2], ribbons, visible.tolist(), shell.strap_widths, strict=True
    ):
        for a, b in _runs(flags):
            if b - a < len(flags) and _length(line[a:b]) < STUB * width * scale:
                continue  # a short remaining piece at the mask's far edge looks like a stain, not a strap
            piece = ribbon
            if b - a < len(flags):
                piece = np.concatenate([ribbon[a:b], ribbon[2 * len(flags) - b : 2 * len(flags) - a]])
            cv2.fillPoly(opacity, [piece], min(width * scale, 1.0) * 255, cv2.LINE_AA, SUBPIXEL)
    return opacity


@compiled
def _under_hair(
    lines: Float32[ndarray, "k n 3"],
    image: UInt8[ndarray, "h w 3"],
    skin: Float32[ndarray, "3"],
    luma: Float32[ndarray, "3"],
    limits: Float32[ndarray, "3"],
    hidden: UInt8[ndarray, "k n"],
) -> None:
    """Finds where ear loops go under hair: from the first two consecutive points that do not have the skin's colour.

    A loop leaves the mask on the cheek, so its first point always counts as skin.

    Args:
        lines: points of the loops.
        image: RGB, 0-255.
        skin: linear colour of the skin.
        luma: luma weights of R, G, B.
        limits: least and most light relative to the skin's, and the greatest distance of the normalised colours.
        hidden: result: 1 where a loop is under hair, else 0.
    """
    height, width = image.shape[:2]
    column = np.clip(lines[..., 0], 0, width - 1).astype(np.intp)
    row = np.clip(lines[..., 1], 0, height - 1).astype(np.intp)
    colour = np.square(image[row, column].astype(np.float32) * np.float32(1 / 255))
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
    return math.dist(line[0], line[-1])  # close to the length along it, since straps are almost straight


def _runs(visible: list[bool]) -> list[tuple[int, int]]:
    """Returns start and end of each run of at least two visible points."""
    if all(visible):
        return [(0, len(visible))]
    ends = [i for i, (a, b) in enumerate(pairwise([False, *visible, False])) if a != b]
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
    """Computes the outlines of bands along lines.

    Args:
        lines: points of the lines, pixels.
        widths: widths of the bands, pixels.
        one: units per pixel of the rounded result.
        left, top: pixel at the origin of the result.
        edges: result: one edge from start to end, then the other edge from end to start.
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
