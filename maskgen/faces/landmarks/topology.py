"""Named points of the 468-point mesh. The subject's right side is on the left of an image."""

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
    """Computes the centres of the subject's right and left eye, in pixels; from the corners, which a blink keeps."""
    return _between(mesh, *RIGHT_EYE), _between(mesh, *LEFT_EYE)


def mouth_centre(mesh: Mesh) -> Point:
    """Computes the midpoint of the corners of the mouth, in pixels."""
    return _between(mesh, *MOUTH)


def _between(mesh: Mesh, one: int, other: int) -> Point:
    return (mesh[one, :2] + mesh[other, :2]) / 2
