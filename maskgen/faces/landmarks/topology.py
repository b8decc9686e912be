"""Points of the 468-point mesh that several steps name. The subject's right is on the left of a picture."""

from jaxtyping import Float32
from numpy import ndarray

Mesh = Float32[ndarray, "468 3"]
Point = Float32[ndarray, "2"]

RIGHT_EYE = (33, 133)  # outer and inner corner
LEFT_EYE = (263, 362)
MOUTH = (61, 291)  # right and left corner
NOSE = 4  # its tip
CHIN = 152


def eye_centres(mesh: Mesh) -> tuple[Point, Point]:
    """Centres of the subject's right and left eye, pixels; from the corners, so that a blink moves nothing."""
    return _between(mesh, *RIGHT_EYE), _between(mesh, *LEFT_EYE)


def mouth_centre(mesh: Mesh) -> Point:
    """Computes the midpoint of the mouth's corners, in pixels."""
    return _between(mesh, *MOUTH)


def _between(mesh: Mesh, one: int, other: int) -> Point:
    return (mesh[one, :2] + mesh[other, :2]) / 2
