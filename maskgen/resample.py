"""Carry pixels through a similarity without aliasing."""

from typing import Literal

import cv2
import numpy as np

from maskgen.types import Affine, Picture

Border = Literal["reflect", "constant", "replicate"]
BORDERS = {
    "reflect": cv2.BORDER_REFLECT_101,
    "constant": cv2.BORDER_CONSTANT,
    "replicate": cv2.BORDER_REPLICATE,
}
SHRINK_FIRST = 0.75  # below it, a linear look-up between four neighbours skips pixels


def warp(pixels: Picture, matrix: Affine, size: int, border: Border, smooth: bool = False) -> Picture:
    """The square picture that `matrix` carries `pixels` to.

    Args:
        pixels: the source.
        matrix: a similarity, pixels of the source -> pixels of the result.
        size: side of the result.
        border: what lies outside the source; "constant" is black.
        smooth: cubic instead of linear where the picture is enlarged.
    """
    scale = float(np.sqrt(abs(np.linalg.det(matrix[:, :2].astype(np.float64)))))
    if scale < SHRINK_FIRST:
        pixels, matrix = _shrunk(pixels, matrix, scale)
    flags = cv2.INTER_CUBIC if smooth and scale > 1 else cv2.INTER_LINEAR
    return cv2.warpAffine(pixels, matrix, (size, size), flags=flags, borderMode=BORDERS[border])


def _shrunk(pixels: Picture, matrix: Affine, scale: float) -> tuple[Picture, Affine]:
    """The source averaged down to the result's scale, and the matrix from there."""
    height, width = pixels.shape[:2]
    small_w, small_h = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(pixels, (small_w, small_h), interpolation=cv2.INTER_AREA)
    step = np.array([width / small_w, height / small_h])  # pixels of the source in one of `small`
    linear = matrix[:, :2] * step
    offset = matrix[:, :2] @ (0.5 * step - 0.5) + matrix[:, 2]  # centres: x = (x' + .5) * step - .5
    return small, np.column_stack([linear, offset]).astype(np.float32)


def inverse(matrix: Affine) -> Affine:
    """The way back of a similarity."""
    return cv2.invertAffineTransform(matrix).astype(np.float32)


def carry(matrix: Affine, points: np.ndarray) -> np.ndarray:
    """Points (n, 2) through `matrix`."""
    return points @ matrix[:, :2].T + matrix[:, 2]
