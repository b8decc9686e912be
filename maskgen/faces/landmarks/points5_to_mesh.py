"""Fit of the 468-point canonical mesh to five points of a face: both eyes, the nose, both corners of the mouth.

A scaled orthographic projection of the canonical head is fitted to the points, with a prior on the head pose, since
five points of a real face differ from the mean face's by as much as a pose of ten degrees moves them. A smooth
displacement then closes half of the remaining gaps.

Measured on 400 photos of LFW against the mesh network: the points of cheeks, jaw and nose are .043 eye distances off in
the mean (1.5 pixels on a 112-pixel crop), at all yaws up to 30 degrees; those of `points68_to_mesh` are .030 off.
"""

import math
from functools import cache

import numpy as np
from jaxtyping import Float, Float64
from numpy import ndarray

from maskgen.faces.canonical_head import canonical_head
from maskgen.faces.landmarks.five_points import FIVE
from maskgen.faces.landmarks.plausibility import fault_of
from maskgen.types import Face

SCHEME = "celeba5"
Points = Float64[ndarray, "5 2"]

# Standard deviations: of a point from the mean face's, in eye distances, and of the head pose, in radians.
OWN_SHAPE, USUAL_YAW, USUAL_PITCH = 0.06, math.radians(25), math.radians(12)
STIFFNESS = 1.0  # of the displacement, as in `points68_to_mesh`; least error on LFW
LARGEST = 1.0  # step in an angle (radians), in the logarithm of the scale, in the offset (eye distances)
MAX_MISFIT = 0.2  # eye distances; at most .15 on 400 photos of LFW, at least .27 where the mouth stands before the nose
STEPS = 5  # of Gauss-Newton; further ones move no point by more than a quarter of a pixel on a 112-pixel crop


def face_of_five(points: Points, score: float, height: int, width: int) -> Face | str:
    """Builds a face with a mesh from five points in pixels of a photo of `height` x `width`.

    Args:
        points: x, y: eyes, nose, corners of the mouth; of a pair, first the left one as seen.
        score: the confidence of whoever found them, 0-1.
        height, width: of the photo.

    Returns:
        The face; or why its points are implausible.
    """
    if not np.isfinite(points).all():
        return "non-finite points"
    if math.dist(points[0], points[1]) < 1 or np.linalg.matrix_rank(points - points.mean(0), tol=1.0) < 2:
        return "all points on a line"
    mesh, misfit = fit_mesh_to_five(points)
    if not misfit <= MAX_MISFIT:
        return f"points {misfit:.2f} eye distances from a face's"
    mesh = mesh.astype(np.float32)
    (left, top), (right, bottom) = mesh[:, :2].min(0).tolist(), mesh[:, :2].max(0).tolist()
    face = Face((left, top, right, bottom), points.astype(np.float32), SCHEME, mesh, score)
    return fault_of(face, height, width) or face


def fit_mesh_to_five(points: Points) -> tuple[Float64[ndarray, "468 3"], float]:
    """Fits the canonical mesh to five points.

    Returns:
        The mesh in their pixels; and the root mean square distance of the points from those of the posed mean face, in
        eye distances of that face.
    """
    scale, rotation, offset = _fit_pose(points)
    mesh = scale * canonical_head().mesh.astype(np.float64) @ rotation.T
    gaps = (points - offset - scale * _places() @ rotation[:2].T) / scale
    mesh[:, :2] += offset + scale * (_spread() @ gaps)
    return mesh, math.sqrt(float((gaps**2).sum()) / 5)


def _fit_pose(points: Points) -> tuple[float, Float64[ndarray, "3 3"], Float64[ndarray, "2"]]:
    """Computes scale, rotation and offset of the most probable pose: Gauss-Newton from the frontal head."""
    places = _places()
    across = points[1] - points[0]
    yaw, pitch, roll = 0.0, 0.0, math.atan2(across[1], across[0])
    scale, offset = math.hypot(*across), points.mean(0)
    for _ in range(STEPS):
        by_yaw, by_pitch, by_roll, rotation = _derivatives(yaw, pitch, roll)
        seen = places @ rotation[:2].T
        slopes = np.zeros((12, 6))
        for column, turned in enumerate((by_yaw, by_pitch, by_roll)):
            slopes[:10, column] = (places @ turned[:2].T).reshape(-1)
        slopes[:10, 3] = seen.reshape(-1)
        slopes[:10:2, 4] = slopes[1:10:2, 5] = 1
        slopes[10, 0], slopes[11, 1] = OWN_SHAPE / USUAL_YAW, OWN_SHAPE / USUAL_PITCH
        off = np.empty(12)
        off[:10] = ((points - offset) / scale - seen).reshape(-1)
        off[10:] = -yaw * slopes[10, 0], -pitch * slopes[11, 1]
        change = np.linalg.solve(slopes.T @ slopes, slopes.T @ off).clip(-LARGEST, LARGEST)
        yaw, pitch, roll = yaw + change[0], pitch + change[1], roll + change[2]
        offset = offset + scale * change[4:]
        scale *= math.exp(change[3])
    return scale, _derivatives(yaw, pitch, roll)[3], offset


def _derivatives(yaw: float, pitch: float, roll: float) -> tuple[Float64[ndarray, "3 3"], ...]:
    """Computes the rotation roll after yaw after pitch, and first its derivatives by yaw, pitch and roll."""
    (cy, sy), (cp, sp), (cr, sr) = ((math.cos(angle), math.sin(angle)) for angle in (yaw, pitch, roll))
    up, up_by = _about(0, cp, sp, 1.0), _about(0, -sp, cp, 0.0)
    right, right_by = _about(1, cy, sy, 1.0), _about(1, -sy, cy, 0.0)
    round_, round_by = _about(2, cr, sr, 1.0), _about(2, -sr, cr, 0.0)
    return round_ @ right_by @ up, round_ @ right @ up_by, round_by @ right @ up, round_ @ right @ up


def _about(axis: int, cosine: float, sine: float, own: float) -> Float64[ndarray, "3 3"]:
    """Builds a rotation about one axis in the senses of `Pose`; with `own` 0 its derivative."""
    if axis == 0:
        return np.array([[own, 0, 0], [0, cosine, sine], [0, -sine, cosine]])
    if axis == 1:
        return np.array([[cosine, 0, -sine], [0, own, 0], [sine, 0, cosine]])
    return np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, own]])


@cache
def _places() -> Float64[ndarray, "5 3"]:
    """Computes the five points of the canonical head."""
    mesh = canonical_head().mesh.astype(np.float64)
    return np.array([mesh[list(indices)].mean(0) for indices in FIVE])


@cache
def _spread() -> Float64[ndarray, "468 5"]:
    """Computes how far a displacement of each of the five points moves each point of the mesh.

    The interpolation is the spline of `points68_to_mesh`; it is linear in the displacements.
    """
    places, mesh = _places(), canonical_head().mesh.astype(np.float64)
    system = np.ones((6, 6))
    system[:5, :5] = -_distances(places, places) + STIFFNESS * np.eye(5)
    system[5, 5] = 0
    factors = np.linalg.solve(system, np.eye(6, 5))
    return -_distances(mesh, places) @ factors[:5] + factors[5]


def _distances(to: Float[ndarray, "n 3"], places: Float[ndarray, "m 3"]) -> Float[ndarray, "n m"]:
    return np.linalg.norm(to[:, None] - places[None], axis=-1)
