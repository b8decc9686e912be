"""Carry pixels through a similarity without aliasing."""

from typing import Literal

import cv2
import numpy as np
from jaxtyping import Float, UInt8
from numpy import ndarray

from maskgen.types import Affine, Picture

# Sizes of results have names of their own: within one call, jaxtyping holds "h w" to the source's.
Square = UInt8[ndarray, "side side 3"]
Resized = UInt8[ndarray, "height width 3"]
Border = Literal["reflect", "constant", "replicate"]
BORDERS = {
    "reflect": cv2.BORDER_REFLECT_101,
    "constant": cv2.BORDER_CONSTANT,
    "replicate": cv2.BORDER_REPLICATE,
}
ENLARGE_FIRST = 1.25  # how much larger than the result a source is made that is enlarged, at least
MARGIN = 3  # pixels around what is looked at, for look-ups between neighbours
SHRINK_FIRST = 0.75  # below it, a look-up between four neighbours skips pixels that an eye misses


def warp(pixels: Picture, matrix: Affine, size: int, border: Border, fine: bool = False) -> Square:
    """The square picture that `matrix` carries `pixels` to.

    Args:
        pixels: the source.
        matrix: a similarity, pixels of the source -> pixels of the result.
        size: side of the result.
        border: what lies outside the source; "constant" is black.
        fine: for eyes, not for networks: cubic where the picture is enlarged, averaged exactly where it shrinks.
    """
    scale = scale_of(matrix)
    if fine and scale < SHRINK_FIRST:
        pixels, matrix = _shrunk(
            pixels, matrix, round(pixels.shape[1] * scale), round(pixels.shape[0] * scale)
        )
    elif scale <= 0.5:
        step = min(int(1 / scale), *pixels.shape[:2])  # whole blocks are averaged ten times faster
        height, width = pixels.shape[0] // step, pixels.shape[1] // step
        pixels, matrix = _shrunk(pixels[: height * step, : width * step], matrix, width, height)
    pixels, matrix = _cut(pixels, matrix, size)
    four = cv2.cvtColor(pixels, cv2.COLOR_RGB2RGBA)  # OpenCV carries four channels in half the time of three
    if fine and scale > 1:
        four, matrix = _enlarged(four, matrix, int(np.ceil(ENLARGE_FIRST * scale)))
    carried = cv2.warpAffine(four, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=BORDERS[border])
    return cv2.cvtColor(carried, cv2.COLOR_RGBA2RGB)


def _cut(pixels: Picture, matrix: Affine, size: int) -> tuple[Resized, Affine]:
    """The part of the source that is looked at, and the matrix from there.

    Along an axis on which the square leaves the source all of it is kept, so that its border stays what it is.
    """
    corners = np.array([[0, 0], [size, 0], [0, size], [size, size]], np.float32)
    seen = carry(inverse(matrix), corners)
    low, high = np.floor(seen.min(0)) - MARGIN, np.ceil(seen.max(0)) + MARGIN
    whole = np.array(pixels.shape[1::-1])
    leaves = (low < 0) | (high > whole)
    x0, y0 = np.where(leaves, 0, low).astype(int)
    x1, y1 = np.where(leaves, whole, high).astype(int)
    offset = matrix[:, 2] + matrix[:, :2] @ np.array([x0, y0], np.float32)
    return pixels[y0:y1, x0:x1], np.column_stack([matrix[:, :2], offset]).astype(np.float32)


def _enlarged(
    pixels: UInt8[ndarray, "h w 4"], matrix: Affine, times: int
) -> tuple[UInt8[ndarray, "tall wide 4"], Affine]:
    """The source enlarged by a whole factor, cubic, and the matrix from there.

    A look-up between two neighbours of an enlarged picture loses a twentieth of the sharpness of a cubic one in the
    picture itself, and takes a third of the time.
    """
    large = cv2.resize(pixels, None, fx=times, fy=times, interpolation=cv2.INTER_CUBIC)
    offset = matrix[:, 2] + matrix[:, :2] @ np.full(
        2, 0.5 / times - 0.5, np.float32
    )  # x = (x' + .5) / times - .5
    return large, np.column_stack([matrix[:, :2] / times, offset]).astype(np.float32)


def _shrunk(pixels: Picture, matrix: Affine, width: int, height: int) -> tuple[Resized, Affine]:
    """The source averaged down to a size, and the matrix from there."""
    width, height = max(1, width), max(1, height)
    step = np.array([pixels.shape[1] / width, pixels.shape[0] / height])  # pixels of the source in one
    small = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
    offset = matrix[:, :2] @ (0.5 * step - 0.5) + matrix[:, 2]  # centres: x = (x' + .5) * step - .5
    return small, np.column_stack([matrix[:, :2] * step, offset]).astype(np.float32)


def scale_of(matrix: Affine) -> float:
    """Pixels of the result a pixel of the source."""
    return float(np.hypot(matrix[0, 0], matrix[1, 0]))


def inverse(matrix: Affine) -> Affine:
    """The way back of a similarity."""
    return cv2.invertAffineTransform(matrix).astype(np.float32)


def carry(matrix: Affine, points: Float[ndarray, "n 2"]) -> Float[ndarray, "n 2"]:
    """Points through `matrix`."""
    return points @ matrix[:, :2].T + matrix[:, 2]
