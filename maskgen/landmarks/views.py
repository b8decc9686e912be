"""What the networks are shown: square windows on a photo, as matrices photo -> window."""

import math
from collections.abc import Iterator

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from maskgen.landmarks.topology import LEFT_EYE, RIGHT_EYE, Mesh
from maskgen.resample import inverse
from maskgen.types import Affine

MARGIN = 1.5  # side of what the mesh network is shown, in sides of the face's box; it was trained so
PADDED = (
    0.6  # share of the window that the photo fills in the second look: a face that fills the photo fits then
)
TILE = 0.55  # side of a tile in the photo's longer sides
SAME_SHIFT, SAME_SCALE, SAME_ANGLE = (
    0.05,
    0.12,
    math.radians(5),
)  # windows nearer than this show the same thing


def window(centre: Float[ndarray, "2"], angle: float, scale: float, size: int) -> Affine:
    """Photo -> a square of `size` pixels with `centre` in its middle.

    Args:
        centre: x, y in the photo.
        angle: radians, clockwise as seen, by which the face is turned; the window turns it back.
        scale: pixels of the window a pixel of the photo.
        size: side of the window.
    """
    cos, sin, middle = scale * math.cos(angle), scale * math.sin(angle), (size - 1) / 2
    x, y = centre.tolist()
    return np.array(
        [[cos, sin, middle - cos * x - sin * y], [-sin, cos, middle + sin * x - cos * y]], np.float32
    )


def whole_looks(height: int, width: int, size: int) -> Iterator[Affine]:
    """The photo; the photo with a wide margin; the photo on its head and on its sides."""
    centre, scale = np.array([width - 1, height - 1]) / 2, size / max(height, width)
    yield window(centre, 0.0, scale, size)
    yield window(centre, 0.0, scale * PADDED, size)
    for quarters in (2, 1, 3):
        yield window(centre, quarters * np.pi / 2, scale, size)


def tile_looks(height: int, width: int, size: int) -> Iterator[Affine]:
    """Overlapping tiles, for faces that are small in the photo."""
    side = TILE * max(height, width)
    for y in _stops(height, side):
        for x in _stops(width, side):
            yield window(np.array([x, y]), 0.0, size / side, size)


def _stops(length: int, side: float) -> ndarray:
    """Centres of windows of `side` that cover `length`, overlapping."""
    if side >= length:
        return np.array([(length - 1) / 2])
    count = int(np.ceil((length - side) / (0.5 * side))) + 1
    return np.linspace(side / 2, length - side / 2, count) - 0.5


def view_of_box(centre: Float[ndarray, "2"], side: float, angle: float, size: int) -> Affine:
    """Photo -> what the mesh network is shown of a face of the given side, turned upright."""
    return window(centre, angle, size / (MARGIN * max(side, 1.0)), size)  # points may have collapsed into one


def view_of_mesh(mesh: Mesh, size: int) -> Affine:
    """Photo -> the view that a mesh itself asks for: upright by its eyes, centred on its box."""
    points = mesh[:, :2]
    angle = tilt(points[RIGHT_EYE[0]], points[LEFT_EYE[0]])
    turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    upright = turn.astype(np.float32) @ points.T
    low, high = upright.min(1), upright.max(1)
    return view_of_box((low + high) / 2 @ turn, float((high - low).max()), angle, size)


def tilt(right: Float[ndarray, "2"], left: Float[ndarray, "2"]) -> float:
    """How far the line of the eyes is turned, radians, clockwise as seen; the subject's right eye lies left."""
    return math.atan2(float(left[1] - right[1]), float(left[0] - right[0]))


def alike(one: Affine, other: Affine, size: int) -> bool:
    """Whether two windows show so nearly the same that a network's answers would not differ."""
    (a, b, x), (c, d, y) = (one.astype(np.float64) @ _whole(inverse(other))).tolist()
    middle = (size - 1) / 2
    shift = math.hypot(a * middle + b * middle + x - middle, c * middle + d * middle + y - middle) / size
    scale, angle = abs(math.log(abs(a * d - b * c) + 1e-300)) / 2, abs(math.atan2(b, a))
    return shift < SAME_SHIFT and scale < SAME_SCALE and angle < SAME_ANGLE


def _whole(matrix: Affine) -> Float[ndarray, "3 3"]:
    """With the row that makes matrices of such matrices' products."""
    return np.vstack([matrix, np.array([[0, 0, 1]])])
