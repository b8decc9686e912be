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
    flags = cv2.INTER_CUBIC if fine and scale > 1 else cv2.INTER_LINEAR
    return cv2.warpAffine(pixels, matrix, (size, size), flags=flags, borderMode=BORDERS[border])


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
