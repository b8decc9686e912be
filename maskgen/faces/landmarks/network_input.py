"""Input of a network: a view of a photo, interpolated and scaled to the network's levels in one pass."""

from typing import Literal

import numpy as np
from jaxtyping import Float32, Int64, UInt8
from numpy import ndarray

from maskgen.images.resample import ONE, PHASE, STEP, Blocks, in_blocks, inverse, positions
from maskgen.native import compiled
from maskgen.types import Affine, RGBImage

Shown = Float32[ndarray, "tall wide 3"]
Outside = Literal["constant", "replicate"]
Source = RGBImage | Blocks  # a photo; as `Blocks` if many views of it are sampled
PHASES = 1 << PHASE
FARTHEST = 1 << 20  # pixels; positions beyond it are outside every photo


def show(photo: Source, view: Affine, outside: Outside, gain: float, offset: float, shown: Shown) -> None:
    """Writes `gain * level + offset` of the levels 0-255 of a view of a photo.

    Args:
        photo: the photo.
        view: a similarity, pixels of the photo -> pixels of the view.
        outside: the fill outside the photo: "constant" (black), or "replicate" (its nearest pixel).
        gain, offset: from levels to the network's input.
        shown: the result.
    """
    pixels, view = photo.averaged(view) if isinstance(photo, Blocks) else in_blocks(photo, view)
    (a, b, x), (c, d, y) = (map(_position, line) for line in inverse(view).tolist())
    source = np.ascontiguousarray(pixels)
    half = STEP // 2  # positions are rounded to the steps of the interpolation weights
    each = gain / (1 << 2 * PHASE)
    _look_between(source, x + half, y + half, a, b, c, d, int(outside == "replicate"), each, offset, shown)


def _position(number: float) -> int:
    """Converts pixels to fixed point with `ONE` fractional bits; NaN becomes a position far outside."""
    return round(max(-FARTHEST, min(FARTHEST, number)) * (1 << ONE))


@compiled
def _look_between(
    source: UInt8[ndarray, "tall wide 3"],
    x: int,
    y: int,
    x_by_column: int,
    x_by_row: int,
    y_by_column: int,
    y_by_row: int,
    replicate: int,
    gain: float,
    offset: float,
    result: Float32[ndarray, "h w 3"],
) -> None:
    """Interpolates bilinearly between the pixels of a source.

    Args:
        source: 0-255.
        x, y: position of the result's first pixel in the source, fixed point with `ONE` fractional bits.
        x_by_column, x_by_row, y_by_column, y_by_row: steps of the position per column and per row of the result.
        replicate: 1 to fill the outside with the source's nearest pixel, 0 to fill it with black.
        gain, offset: applied to interpolated sums, which are levels times `PHASES` squared.
        result: `gain * sum + offset`.
    """
    x_at, y_at = positions(result, x, x_by_column, x_by_row), positions(result, y, y_by_column, y_by_row)
    across, down = ((at >> (ONE - PHASE) & PHASES - 1)[..., None] for at in (x_at, y_at))

    def near(below: int, right: int) -> Int64[ndarray, "h w 3"]:
        row, column = (y_at >> ONE) + below, (x_at >> ONE) + right
        inner_row, inner_column = np.clip(row, 0, len(source) - 1), np.clip(column, 0, source.shape[1] - 1)
        levels = source[inner_row, inner_column].astype(np.int64)
        return levels if replicate else levels * ((row == inner_row) & (column == inner_column))[..., None]

    above, below = (near(side, 0) * (PHASES - across) + near(side, 1) * across for side in (0, 1))
    sums = (above * (PHASES - down) + below * down).astype(np.float32)
    result[:] = sums * np.float32(gain) + np.float32(offset)
