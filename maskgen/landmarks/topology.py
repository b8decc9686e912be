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
    return mesh[list(RIGHT_EYE), :2].mean(0), mesh[list(LEFT_EYE), :2].mean(0)


def mouth_centre(mesh: Mesh) -> Point:
    """Middle of the mouth's corners, pixels."""
    return mesh[list(MOUTH), :2].mean(0)
