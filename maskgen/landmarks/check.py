"""Whether points can be a face's: the last gate before a mask is laid on them, for every backend."""

from functools import cache

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from maskgen.head import canonical_head, umeyama
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
    if not (np.isfinite(mesh).all() and np.isfinite(face.landmarks).all() and np.isfinite(face.box).all()):
        return "points that are no numbers"
    x, y = mesh[:, 0], mesh[:, 1]
    inside = float(((x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)).mean())
    if inside < MIN_INSIDE:
        return f"{inside:.0%} of the points lie in the photo"
    if min(np.ptp(x), np.ptp(y)) < 1:
        return "all points on a line"
    head = canonical_head()
    scale, turn, offset = umeyama(mesh, head.mesh)
    fitted = scale * mesh @ turn.T + offset
    misfit = float(np.sqrt(((fitted - head.mesh)[head.steady] ** 2).sum(1).mean()))
    if misfit > MAX_MISFIT:
        return f"points {misfit:.2f} eye distances from a face's shape"
    flipped = float((np.einsum("ij,ij->j", _normals(fitted), _canonical_normals()) < 0).mean())
    if flipped > MAX_FLIPPED:
        return f"{flipped:.0%} of the mesh is folded"
    return ""


def _normals(mesh: Float[ndarray, "468 3"]) -> Float[ndarray, "3 t"]:
    """Normals of the mesh's triangles, as long as twice their area."""
    a, b, c = np.ascontiguousarray(mesh.T).take(canonical_head().triangles.T, axis=1).transpose(1, 0, 2)
    (ux, uy, uz), (vx, vy, vz) = b - a, c - a
    return np.stack([uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx])


@cache
def _canonical_normals() -> Float[ndarray, "3 t"]:
    return _normals(canonical_head().mesh)
