"""Views of a photo that are the networks' input: square windows, as matrices photo -> window."""

import math
from collections.abc import Iterator

import numpy as np
from jaxtyping import Float, Float32
from numpy import ndarray

from maskgen.faces.landmarks.topology import LEFT_EYE, RIGHT_EYE, Mesh
from maskgen.images.resample import inverse
from maskgen.native import compiled
from maskgen.types import Affine

MARGIN = 1.5  # side of the mesh network's view in sides of the face's box; the network was trained so
PADDED = 0.6  # fraction of the second view that the photo fills: for faces that fill the photo
TILE = 0.55  # side of a tile as a fraction of the photo's longer side
SAME_SHIFT, SAME_SCALE, SAME_ANGLE = 0.05, 0.12, math.radians(5)  # windows that differ less count as equal


def window(centre: Float[ndarray, "2"], angle: float, scale: float, size: int) -> Affine:
    """Computes the matrix photo -> a square of `size` pixels around `centre`.

    Args:
        centre: x, y in the photo.
        angle: in-plane rotation of the face in radians, clockwise as seen; the window reverses it.
        scale: pixels of the window per pixel of the photo.
        size: side of the window.
    """
    cos, sin, middle = scale * math.cos(angle), scale * math.sin(angle), (size - 1) / 2
    x, y = centre.tolist()
    return np.array(
        [[cos, sin, middle - cos * x - sin * y], [-sin, cos, middle + sin * x - cos * y]], np.float32
    )


def whole_looks(height: int, width: int, size: int) -> Iterator[Affine]:
    """Yields views of the whole photo: as it is, with a wide margin, and rotated by 180, 90 and 270 degrees."""
    centre, scale = np.array([width - 1, height - 1]) / 2, size / max(height, width)
    yield window(centre, 0.0, scale, size)
    yield window(centre, 0.0, scale * PADDED, size)
    for quarters in (2, 1, 3):
        yield window(centre, quarters * np.pi / 2, scale, size)


def tile_looks(height: int, width: int, size: int) -> Iterator[Affine]:
    """Yields overlapping tiles, for faces that are small in the photo."""
    return tiles(height, width, TILE * max(height, width), 0.5, size)


def tiles(height: int, width: int, side: float, overlap: float, size: int) -> Iterator[Affine]:
    """Yields overlapping upright square windows that cover the photo.

    Args:
        height, width: of the photo, in pixels.
        side: of a window, in pixels of the photo.
        overlap: least fraction of a window that the next one repeats.
        size: side of the view, in its own pixels.
    """
    for y in _stops(height, side, overlap):
        for x in _stops(width, side, overlap):
            yield window(np.array([x, y]), 0.0, size / side, size)


def _stops(length: int, side: float, overlap: float) -> ndarray:
    """Computes the centres of overlapping windows of `side` that cover `length`."""
    if side >= length:
        return np.array([(length - 1) / 2])
    count = int(np.ceil((length - side) / ((1 - overlap) * side))) + 1
    return np.linspace(side / 2, length - side / 2, count) - 0.5


def view_of_box(centre: Float[ndarray, "2"], side: float, angle: float, size: int) -> Affine:
    """Computes the matrix photo -> the mesh network's view of a face of the given side, rotated upright."""
    return window(centre, angle, size / (MARGIN * max(side, 1.0)), size)  # points may have collapsed into one


def view_of_mesh(mesh: Mesh, size: int) -> Affine:
    """Computes the matrix photo -> the mesh network's view of a known mesh: upright eyes, centred on its box."""
    points = mesh[:, :2]
    angle = tilt(points[RIGHT_EYE[0]], points[LEFT_EYE[0]])
    cos, sin = math.cos(angle), math.sin(angle)
    (left, top), (right, bottom) = extent(mesh, cos, sin)
    x, y = (left + right) / 2, (top + bottom) / 2
    centre = np.array([cos * x - sin * y, sin * x + cos * y])
    return view_of_box(centre, max(right - left, bottom - top), angle, size)


def extent(
    mesh: Float32[ndarray, "n 3"], cosine: float = 1.0, sine: float = 0.0
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Computes the least and largest x and y of points in axes rotated clockwise; infinite if a point is non-finite."""
    found = np.empty(4, np.float32)
    _bounds(mesh, cosine, sine, found)
    left, top, right, bottom = found.tolist()
    return (left, top), (right, bottom)


@compiled
def _bounds(mesh: Float32[ndarray, "n 3"], cosine: float, sine: float, result: Float32[ndarray, "4"]) -> None:
    """Computes the least x and y of points in rotated axes, then the largest."""
    x, y, _ = mesh.T
    cos, sin = np.float32(cosine), np.float32(sine)
    across, down = x * cos + y * sin, y * cos - x * sin
    result[:2] = [np.fmin.reduce(each, initial=np.inf) for each in (across, down)]
    result[2:] = [np.fmax.reduce(each, initial=-np.inf) for each in (across, down)]


def tilt(right: Float[ndarray, "2"], left: Float[ndarray, "2"]) -> float:
    """Computes the rotation of the line from the subject's right eye to the left one, in radians, clockwise."""
    return math.atan2(float(left[1] - right[1]), float(left[0] - right[0]))


def alike(one: Affine, other: Affine, size: int) -> bool:
    """Tells whether two windows are so similar that a network's predictions would hardly differ."""
    (a, b, x), (c, d, y) = one.tolist()
    (e, f, u), (g, h, v) = inverse(other).tolist()
    a, b, x, c, d, y = (
        a * e + b * g, a * f + b * h, a * u + b * v + x,
        c * e + d * g, c * f + d * h, c * u + d * v + y,
    )  # fmt: skip
    middle = (size - 1) / 2
    shift = math.hypot(a * middle + b * middle + x - middle, c * middle + d * middle + y - middle) / size
    scale, angle = abs(math.log(abs(a * d - b * c) + 1e-300)) / 2, abs(math.atan2(b, a))
    return shift < SAME_SHIFT and scale < SAME_SCALE and angle < SAME_ANGLE
