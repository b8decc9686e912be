"""Faces from landmarks that a caller gives: 5, 68 or 468 points of each face, in pixels of the photo."""

from functools import cache
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64
from numpy import ndarray

from maskgen.errors import InputError, Skip
from maskgen.faces.canonical_head import canonical_head
from maskgen.faces.landmarks.five_points import FIVE
from maskgen.faces.landmarks.plausibility import fault_of
from maskgen.faces.landmarks.points5_to_mesh import face_of_five
from maskgen.faces.landmarks.points68_to_mesh import ON_MESH, face_of_points, fit_mesh
from maskgen.types import Face

IRISES = 478  # points of a mesh whose last ten are those of the irises
COUNTS = (5, 68, 468, IRISES)
FORMS = "5, 68 or 468 points (x, y) of a face, or a list of faces of one kind"
FARTHEST = 1e30  # pixels; products of larger numbers overflow
MIRRORED_FIVE = np.array([1, 0, 2, 4, 3])
# iBUG's 68 points: where each one lies in a mirrored photo
MIRRORED_68 = np.array([
    *range(16, -1, -1), *range(26, 16, -1), 27, 28, 29, 30, 35, 34, 33, 32, 31, 45, 44, 43, 42, 47, 46, 39, 38, 37, 36,
    41, 40, 54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64, 63, 62, 61, 60, 67, 66, 65,
])  # fmt: skip
Points = Float64[ndarray, "n d"]


def read_points(given: Any) -> list[Points]:
    """Reads landmarks of one face or of several.

    Args:
        given: `n 2` or `n 3` numbers, or `faces n 2` or `faces n 3`, where n is 5, 68, 468, or 478 of which the irises
            do not count; an array, a tensor or nested sequences. x, y are in pixels, z in the same unit.

    Returns:
        The points of each face: five ordered as by `detection_at`, 68 as iBUG's, 468 as MediaPipe's.

    Raises:
        InputError: it is something else.
    """
    try:
        points = np.asarray(given.detach().cpu() if hasattr(given, "detach") else given, np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"landmarks: got {type(given).__name__}: {error}; give {FORMS}") from error
    if points.size == 0 and points.ndim > 0 and len(points) == 0:
        return []
    if points.ndim not in (2, 3) or points.shape[-1] not in (2, 3) or points.shape[-2] not in COUNTS:
        raise InputError(f"landmarks: got numbers of shape {points.shape}; give {FORMS}")
    faces = points if points.ndim == 3 else points[None]
    return [face[:468] if len(face) == IRISES else face for face in faces]


def faces_of_points(points: list[Points], height: int, width: int) -> list[Face] | Skip:
    """Builds faces from points in pixels of a photo of `height` x `width`, largest first.

    Points of a mirrored photo that kept their order, as augmentations leave them, are put in order.

    Returns:
        The plausible faces; or `no_face` if no points were given, `bad_landmarks` if none are plausible.
    """
    found = [_face(each, height, width) for each in points]
    faces = [face for face in found if isinstance(face, Face)]
    if not faces:
        faults = [fault for fault in found if isinstance(fault, str)]
        return Skip("bad_landmarks", faults[0]) if faults else Skip("no_face", "no landmarks were given")
    return sorted(faces, key=lambda face: -_area(face))


def _area(face: Face) -> float:
    x0, y0, x1, y1 = face.box
    return (x1 - x0) * (y1 - y0)


def _face(points: Points, height: int, width: int) -> Face | str:
    if not are_finite(points):
        return "non-finite points"
    points = in_order(points)
    if len(points) == 5:
        return face_of_five(points[:, :2], 1.0, height, width)
    if len(points) == 68:
        return face_of_points(points[:, :2], 1.0, height, width)
    if np.ptp(points[:, :2], axis=0).min() < 1:
        return "all points on a line"
    mesh = (points if points.shape[1] == 3 else _with_depth(points)).astype(np.float32)
    (left, top), (right, bottom) = mesh[:, :2].min(0).tolist(), mesh[:, :2].max(0).tolist()
    face = Face((left, top, right, bottom), mesh[:, :2].copy(), "mesh468", mesh, 1.0)
    return fault_of(face, height, width) or face


def _with_depth(points: Points) -> Float64[ndarray, "468 3"]:
    """Adds the depth of a mesh fitted to 68 of the points."""
    mesh = fit_mesh(np.array([points[list(indices)].mean(0) for indices in ON_MESH]))
    mesh[:, :2] = points
    return mesh


def are_finite(points: Points) -> bool:
    """Tells whether all points are numbers of which products are numbers too."""
    return bool((np.abs(points) < FARTHEST).all())


def in_order(points: Points) -> Points:
    """Returns the points of a face in their own order, if they are in that of the mirrored face."""
    eyes, nose_to_mouth = _eyes_and_mouth(points)
    if eyes[0] * nose_to_mouth[1] - eyes[1] * nose_to_mouth[0] >= 0:
        return points
    return points[{5: MIRRORED_FIVE, 68: MIRRORED_68}[len(points)] if len(points) != 468 else mirrored_mesh()]


def _eyes_and_mouth(points: Points) -> tuple[ndarray, ndarray]:
    """Returns the vectors from the first eye to the second, and from the eyes to the mouth."""
    right, left, first, second = (points[list(indices)].mean(0) for indices in _places(len(points)))
    return left - right, (first + second - right - left) / 2


def _places(count: int) -> tuple[tuple[int, ...], ...]:
    if count == 5:
        return (0,), (1,), (3,), (4,)
    if count == 68:
        return tuple(range(36, 42)), tuple(range(42, 48)), (48,), (54,)
    return FIVE[0], FIVE[1], FIVE[3], FIVE[4]


@cache
def mirrored_mesh() -> Int64[ndarray, "468"]:
    """Computes for each point of the mesh which one lies there in a mirrored photo."""
    mesh = canonical_head().mesh
    flipped = mesh * np.array([-1, 1, 1], np.float32)
    return np.linalg.norm(flipped[:, None] - mesh[None], axis=-1).argmin(1).astype(np.int64)
