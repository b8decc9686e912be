"""Smoothing of a face's crop over its track, so that the crop does not jitter.

The place of a crop is four numbers: x and y of its centre in the photo, the logarithm of its side in pixels, and its
angle in radians, clockwise in the image.
"""

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from maskgen.faces.align import crop_matrix
from maskgen.images.resample import inverse, scale_of
from maskgen.types import Affine, Face

UNIT = 256  # side in pixels at which a crop's matrix is decomposed; its value does not matter
SPREAD = 0.2  # seconds, sigma of the weights: half a nod, and twenty times as long as mesh jitter
REACH = 0.5  # seconds; detections further from a time are ignored

Place = Float64[ndarray, "4"]


def place_of(face: Face) -> Place:
    """Returns the place of a face's crop."""
    return place_of_matrix(crop_matrix(face, UNIT))


def place_of_matrix(matrix: Affine) -> Place:
    """Returns the place of a crop, given its matrix from the photo to a crop of `UNIT` pixels."""
    middle = np.full(2, (UNIT - 1) / 2)
    back = inverse(matrix).astype(np.float64)
    centre = back[:, :2] @ middle + back[:, 2]
    angle = np.arctan2(matrix[0, 1], matrix[0, 0])
    return np.array([*centre, np.log(UNIT / scale_of(matrix)), angle], np.float64)


def matrix_of(place: Place, size: int) -> Affine:
    """Computes the matrix from the photo to a crop of `size` pixels."""
    x, y, log_side, angle = place
    scale = size / np.exp(log_side)
    linear = scale * np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    offset = (size - 1) / 2 - linear @ np.array([x, y])
    return np.column_stack([linear, offset]).astype(np.float32)


def smoothed(times: Float64[ndarray, "n"], places: Float64[ndarray, "n 4"], time: float) -> Place:
    """Computes the smoothed place at a time: a line is fitted to the places around it, near ones weighing more.

    A line and not a mean, so that a head which moves evenly is followed without lag.

    Args:
        times: seconds, at least one within `REACH` of `time`.
        places: places of the crop at these times.
    """
    near = np.abs(times - time) <= REACH
    around = places[near].copy()
    around[:, 3] = around[0, 3] + (around[:, 3] - around[0, 3] + np.pi) % (2 * np.pi) - np.pi
    return line_at(times[near], around, time, REACH, SPREAD)


def spans(times: Float64[ndarray, "n"], time: float, reach: float) -> bool:
    """Tells whether a face was detected at a time, or within `reach` seconds both before and after it."""
    since = times - time
    near = since[np.abs(since) <= reach]
    return len(near) > 0 and bool(near[0] <= 0 <= near[-1])


def line_at(
    times: Float64[ndarray, "n"], values: Float64[ndarray, "n k"], time: float, reach: float, spread: float
) -> Float64[ndarray, "k"]:
    """Evaluates at `time` a line fitted to `values` at `times` within `reach` of it, near ones weighing more.

    Args:
        times: seconds, at least one within `reach` of `time`.
        values: values at these times.
        time: time at which the line is evaluated, in seconds.
        reach: seconds.
        spread: standard deviation of the weights, in seconds.
    """
    near = np.abs(times - time) <= reach
    since, around = times[near] - time, values[near]
    weights = np.exp(-0.5 * (since / spread) ** 2)
    s0, s1, s2 = weights.sum(), weights @ since, weights @ since**2
    determinant = s0 * s2 - s1**2
    if determinant < 1e-6 * s0**2:  # one time only
        return np.asarray(weights @ around / s0)
    return np.asarray(((s2 * weights - s1 * weights * since) @ around) / determinant)
