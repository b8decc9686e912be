"""Resampling of images by a similarity, without aliasing."""

import math
from functools import cache
from typing import Literal

import cv2
import numpy as np
from jaxtyping import Float, Int16, Int64, Num, UInt8
from numpy import ndarray

from maskgen.native import compiled
from maskgen.types import Affine, RGBImage

# Results have other names for their sizes: within one call jaxtyping binds "h w" to the source's size.
Square = UInt8[ndarray, "side side 3"]
Resized = UInt8[ndarray, "height width 3"]
Border = Literal["reflect", "constant", "replicate"]
BORDERS = {
    "reflect": cv2.BORDER_REFLECT_101,
    "constant": cv2.BORDER_CONSTANT,
    "replicate": cv2.BORDER_REPLICATE,
}
ONE, PHASE = 20, 6  # fractional bits of a position, and those of them that choose the interpolation weights
STEP = 1 << (ONE - PHASE)
MARGIN = 3  # pixels around the sampled area, for interpolation
SHRINK_FIRST = 0.75  # scale below which the source is averaged first: bicubic sampling would skip pixels


def warp(pixels: RGBImage, matrix: Affine, size: int, border: Border, fine: bool = False) -> Square:
    """Warps `pixels` into a square image by `matrix`.

    Args:
        pixels: the source.
        matrix: a similarity, pixels of the source -> pixels of the result.
        size: side of the result.
        border: how to fill the outside of the source; "constant" is black.
        fine: for viewers, not for networks: bicubic, and averaged exactly if the image shrinks.
    """
    if fine:
        scale = scale_of(matrix)
        if scale < SHRINK_FIRST:
            width, height = round(pixels.shape[1] * scale), round(pixels.shape[0] * scale)
            pixels, matrix = _shrunk(pixels, matrix, width, height)
        return _fine(pixels, matrix, size, border)
    pixels, matrix = _cut(*in_blocks(pixels, matrix), size)
    four = cv2.cvtColor(pixels, cv2.COLOR_RGB2RGBA)  # OpenCV warps four channels in half the time of three
    carried = cv2.warpAffine(four, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=BORDERS[border])
    return cv2.cvtColor(carried, cv2.COLOR_RGBA2RGB)


def _fine(pixels: RGBImage, matrix: Affine, size: int, border: Border) -> Square:
    """Warps `pixels` by `matrix` with bicubic interpolation."""
    back = [[round(number * (1 << ONE)) for number in line] for line in inverse(matrix).tolist()]
    parts, edges, starts = [], [], []  # across, then down
    for (by_column, by_row, start), side in zip(back, pixels.shape[1::-1], strict=True):
        start += STEP // 2  # positions are rounded to the steps of the weights
        along, across = (size - 1) * by_column, (size - 1) * by_row
        low = (start + min(along, 0) + min(across, 0)) >> ONE
        high = (start + max(along, 0) + max(across, 0)) >> ONE
        before, behind = max(1 - low, 0), max(high + 3 - side, 0)  # pixels sampled outside the source
        # only the part of a large source that is sampled, or mirrored
        first = max(min(low - 1, side - 1 - behind), 0)
        parts.append(slice(first, min(max(high + 3, before + 1), side)))
        edges.append((before, behind))
        starts.append(start + ((before - first) << ONE))
    (left, right), (top, bottom) = edges
    x, y = starts
    four = cv2.cvtColor(pixels[parts[1], parts[0]], cv2.COLOR_RGB2RGBA)
    if left or right or top or bottom:
        four = cv2.copyMakeBorder(four, top, bottom, left, right, BORDERS[border])
    result = np.empty((size, size, 3), np.uint8)
    (x_by_column, x_by_row, _), (y_by_column, y_by_row, _) = back
    _look_up(four, _cubic(), x, y, x_by_column, x_by_row, y_by_column, y_by_row, result)
    return result


@compiled
def _look_up(
    source: UInt8[ndarray, "tall wide 4"],
    weights: Int16[ndarray, "phases 4"],
    x: int,
    y: int,
    x_by_column: int,
    x_by_row: int,
    y_by_column: int,
    y_by_row: int,
    result: UInt8[ndarray, "h w 3"],
) -> None:
    """Interpolates each pixel of the result from 4 x 4 pixels of a source; all of them must lie in it.

    Args:
        source: RGB, 0-255, and a fourth channel that is ignored.
        weights: weights of four pixels in a row, in 64ths, by the distance of a position from the second pixel.
        x, y: position of the result's first pixel, fixed point with `ONE` fractional bits.
        x_by_column, x_by_row, y_by_column, y_by_row: steps of the position per column and per row of the result.
        result: RGB.
    """
    across = positions(result, x, x_by_column, x_by_row)
    down = positions(result, y, y_by_column, y_by_row)
    phases = len(weights) - 1
    by_row, by_column = (weights.T[:, at >> (ONE - PHASE) & phases].astype(np.int32) for at in (down, across))
    first = ((down >> ONE) - 1) * source.shape[1] + (across >> ONE) - 1
    pixels = source.view(np.uint32).reshape(-1)
    sums = np.full((*result.shape[:2], 4), 2048, np.int32)
    for v in range(4):
        for u in range(4):
            near = pixels[first + (v * source.shape[1] + u)].view(np.uint8).reshape(sums.shape)
            sums += near * (by_row[v] * by_column[u])[..., None]
    result[:] = np.clip(sums[..., :3] >> 12, 0, 255)


def positions(
    result: Num[ndarray, "h w 3"], first: int, by_column: int, by_row: int
) -> Int64[ndarray, "h w"]:
    """Computes the position of each pixel of a result along one axis of the source, in fixed point."""
    rows, columns = np.ogrid[: result.shape[0], : result.shape[1]]
    return first + columns * by_column + rows * by_row


@cache
def _cubic() -> Int16[ndarray, "phases 4"]:
    """Computes weights of cubic convolution (R. Keys, 1981), slope -0.75 as in OpenCV, in 64ths; ramps stay exact."""
    slope, sixtyfourths = -0.75, np.arange(1 << PHASE)
    outer = 1 + sixtyfourths / 64, 2 - sixtyfourths / 64  # distances of the outer two pixels
    first, last = (np.rint(64 * slope * (((away - 5) * away + 8) * away - 4)) for away in outer)
    third = sixtyfourths + first - 2 * last
    return np.stack([first, 64 - first - third - last, third, last], axis=1).astype(np.int16)


def _cut(pixels: RGBImage, matrix: Affine, size: int) -> tuple[Resized, Affine]:
    """Cuts out the part of the source that is needed; returns it and the matrix from it.

    Along an axis on which the square reaches outside the source all of it is kept, so that its border is unchanged.
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


class Blocks:
    """Photo of which many views are sampled: each average of its blocks is computed once and kept.

    Args:
        pixels: the photo.
    """

    def __init__(self, pixels: RGBImage) -> None:
        self.pixels = pixels
        self._means: dict[int, Resized] = {}

    def averaged(self, matrix: Affine) -> tuple[Resized, Affine]:
        """Returns the same as `in_blocks`."""
        step = _block_side(self.pixels, matrix)
        if step == 1:
            return self.pixels, matrix
        if step not in self._means:
            self._means[step] = _block_means(self.pixels, step)
        return self._means[step], _from_blocks(matrix, step)


def in_blocks(pixels: RGBImage, matrix: Affine) -> tuple[Resized, Affine]:
    """Averages the source in blocks if `matrix` shrinks it by 2 or more; returns it and the matrix from it."""
    step = _block_side(pixels, matrix)
    return (pixels, matrix) if step == 1 else (_block_means(pixels, step), _from_blocks(matrix, step))


def _block_side(pixels: RGBImage, matrix: Affine) -> int:
    """Computes the side of the blocks that `matrix` allows to average, in pixels; 1 for none."""
    scale = scale_of(matrix)
    return min(int(1 / scale), *pixels.shape[:2]) if scale <= 0.5 else 1


def _block_means(pixels: RGBImage, step: int) -> Resized:
    """Averages blocks of `step` x `step` pixels, which is ten times as fast as areas of other sizes."""
    height, width = pixels.shape[0] // step, pixels.shape[1] // step
    whole = pixels[: height * step, : width * step]
    return cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA)


def _shrunk(pixels: RGBImage, matrix: Affine, width: int, height: int) -> tuple[Resized, Affine]:
    """Averages the source down to a size; returns it and the matrix from it."""
    width, height = max(1, width), max(1, height)
    step = np.array([pixels.shape[1] / width, pixels.shape[0] / height])  # pixels of the source per pixel
    small = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
    return small, _from_blocks(matrix, step)


def _from_blocks(matrix: Affine, step: Float[ndarray, "2"] | int) -> Affine:
    """Computes the matrix from averages of blocks of `step` pixels of the source, across and down."""
    both = np.broadcast_to(np.asarray(step, np.float64), 2)
    offset = matrix[:, :2] @ (0.5 * both - 0.5) + matrix[:, 2]  # centres: x = (x' + .5) * step - .5
    return np.column_stack([matrix[:, :2] * both, offset]).astype(np.float32)


def scale_of(matrix: Affine) -> float:
    """Computes the scale of a similarity: pixels of the result per pixel of the source."""
    (a, _, _), (b, _, _) = matrix.tolist()
    return math.hypot(a, b)


def inverse(matrix: Affine) -> Affine:
    """Inverts a similarity."""
    return cv2.invertAffineTransform(matrix).astype(np.float32)


def carry(matrix: Affine, points: Float[ndarray, "n 2"]) -> Float[ndarray, "n 2"]:
    """Transforms points by `matrix`."""
    return points @ matrix[:, :2].T + matrix[:, 2]
