"""Whether points can be a face's: the last gate before a mask is laid on them, for every backend."""

import math
from functools import cache

import numpy as np
from jaxtyping import Float64, Int64
from numpy import ndarray

from maskgen.head import canonical_head, umeyama
from maskgen.native import compiled
from maskgen.types import Face

# On 1,200 photos whose meshes fit by eye: misfit below .13, flipped below .003.
MAX_MISFIT = 0.25  # root mean square distance to the mean face, in eye distances
MAX_FLIPPED = 0.02  # share of triangles that face inwards
MIN_INSIDE = 0.5  # share of points that must lie in the photo


def fault_of(face: Face, height: int, width: int) -> str:
    """What is wrong with a face's points, "" where nothing is.

    Args:
        face: in pixels of a photo of `height` x `width`.
    """
    mesh = face.mesh.astype(np.float64)
    least, most = mesh.min(0).tolist(), mesh.max(0).tolist()  # what is no number shows in them
    if not all(map(math.isfinite, [*least, *most, *face.box, float(face.landmarks.sum(dtype=np.float64))])):
        return "points that are no numbers"
    (left, top, _), (right, bottom, _) = least, most
    if min(left, top) < 0 or right > width - 1 or bottom > height - 1:
        x, y = mesh[:, 0], mesh[:, 1]
        inside = float(((x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)).mean())
        if inside < MIN_INSIDE:
            return f"{inside:.0%} of the points lie in the photo"
    if min(right - left, bottom - top) < 1:
        return "all points on a line"
    head = canonical_head()
    scale, turn, offset = umeyama(mesh, head.mesh)
    fitted = mesh @ (scale * turn.T) + offset
    away = (fitted - head.mesh)[head.steady]
    misfit = math.sqrt(np.vdot(away, away) / len(away))
    if misfit > MAX_MISFIT:
        return f"points {misfit:.2f} eye distances from a face's shape"
    flipped = _count_flipped(fitted, head.triangles, _canonical_normals()) / len(head.triangles)
    if flipped > MAX_FLIPPED:
        return f"{flipped:.0%} of the mesh is folded"
    return ""


@compiled
def _count_flipped(
    mesh: Float64[ndarray, "n 3"], triangles: Int64[ndarray, "t 3"], normals: Float64[ndarray, "t 3"]
) -> int:
    """How many triangles of a mesh look away from where their normals should point."""
    own = _normals(mesh, triangles)
    return int(
        np.count_nonzero(
            own[:, 0] * normals[:, 0] + own[:, 1] * normals[:, 1] + own[:, 2] * normals[:, 2] < 0
        )
    )


def _normals(mesh: Float64[ndarray, "n 3"], triangles: Int64[ndarray, "t 3"]) -> Float64[ndarray, "t 3"]:
    """Normals of a mesh's triangles, as long as twice their area."""
    a, b, c = mesh[triangles].transpose(1, 2, 0)
    (ux, uy, uz), (vx, vy, vz) = b - a, c - a
    return np.stack([uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx], axis=1)


@cache
def _canonical_normals() -> Float64[ndarray, "t 3"]:
    head = canonical_head()
    return _normals(head.mesh.astype(np.float64), head.triangles)
