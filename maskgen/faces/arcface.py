"""Alignment of faces for recognisers: five points, moved onto the standard template of ArcFace's 112 px crop.

Template and crop are those that the released training sets of ArcFace and InsightFace (`recognition/`, `arcface_dst`)
are cut by. The five points are the centres of the subject's right and left eye, the tip of the nose, and the right and
left corner of the mouth.
"""

import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from maskgen.faces.landmarks.topology import MOUTH, NOSE, Mesh, eye_centres
from maskgen.types import Affine

SIDE = 112  # pixels; side of the crop for which the template is written
TEMPLATE = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]],
    np.float32,
)
FivePoints = Float32[ndarray, "5 2"]


def five_points(mesh: Mesh) -> FivePoints:
    """Computes the five points of a face from its mesh.

    Args:
        mesh: 468 points; x, y in pixels, z in the same unit.

    Returns:
        right eye, left eye, tip of the nose, right and left corner of the mouth; x, y in pixels, of shape (5, 2).
    """
    right, left = eye_centres(mesh)
    return np.stack([right, left, mesh[NOSE, :2], *(mesh[corner, :2] for corner in MOUTH)])


def arcface_matrix(points: FivePoints, size: int = SIDE) -> Affine:
    """Computes the similarity transform that moves five points onto the template, with the least squared error.

    The formula is that of Umeyama, "Least-squares estimation of transformation parameters between two point
    patterns" (1991); in the plane it is one complex regression.

    Args:
        points: as `five_points` returns them, in pixels of the photo.
        size: side of the crop in pixels; the template is scaled to it.

    Returns:
        matrix photo -> crop, for points whose pixel centres are integers.

    Raises:
        ValueError: the points all lie in one place.
    """
    target = (TEMPLATE.astype(np.float64) + 0.5) * (size / SIDE) - 0.5
    here, there = (xy[:, 0] + 1j * xy[:, 1] for xy in (points.astype(np.float64), target))
    offset = here - here.mean()
    spread = float((abs(offset) ** 2).sum())
    if not spread > 0:
        raise ValueError("the five points of the face all lie in one place")
    turn = (offset.conj() * (there - there.mean())).sum() / spread
    shift = there.mean() - turn * here.mean()
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]], np.float32)
