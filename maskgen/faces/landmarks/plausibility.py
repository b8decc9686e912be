"""Plausibility check of a face's points: the last check of every backend before a mask is placed."""

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from jaxtyping import Float32, Float64, Int64
from numpy import ndarray

from maskgen.faces.canonical_head import canonical_head, similarity
from maskgen.faces.landmarks.crop_windows import extent
from maskgen.native import compiled
from maskgen.types import Face

# On 1,200 photos whose meshes fit as judged by eye: misfit below .13, flipped below .003.
MAX_MISFIT = 0.25  # root mean square distance to the mean face, in eye distances
MAX_FLIPPED = 0.02  # fraction of triangles that face inwards
MIN_INSIDE = 0.5  # fraction of points that must lie in the photo


def fault_of(face: Face, height: int, width: int) -> str:
    """Describes why a face's points are implausible; "" if they are plausible.

    Args:
        face: in pixels of a photo of `height` x `width`.
    """
    mesh = np.ascontiguousarray(face.mesh)
    (left, top), (right, bottom) = least, most = extent(mesh)
    # Sums show non-finite values; float64, because sums of large float32 values overflow.
    sums = float(mesh.sum(dtype=np.float64)), float(face.landmarks.sum(dtype=np.float64))
    if not all(map(math.isfinite, [*least, *most, *face.box, *sums])):
        return "non-finite points"
    if min(left, top) < 0 or right > width - 1 or bottom > height - 1:
        x, y = mesh[:, 0], mesh[:, 1]
        inside = float(((x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)).mean())
        if inside < MIN_INSIDE:
            return f"{inside:.0%} of the points lie in the photo"
    if min(right - left, bottom - top) < 1:
        return "all points on a line"
    head = canonical_head()
    model = _model()
    mean, products, squares = np.empty(3), np.empty((3, 3)), np.empty(1)
    _measure(mesh, model.centred, mean, products, squares)
    scale, turn = similarity(products, float(squares[0]))
    turn *= scale
    fitted, away = np.empty(mesh.shape), np.empty(len(mesh))
    _fit(mesh, model.mesh, turn, model.mean - turn @ mean, fitted, away)
    misfit = math.sqrt(float(model.steady @ away))
    if misfit > MAX_MISFIT:
        return f"points {misfit:.2f} eye distances from a face's shape"
    flipped = _count_flipped(fitted, head.triangles, model.normals) / len(head.triangles)
    if flipped > MAX_FLIPPED:
        return f"{flipped:.0%} of the mesh is folded"
    return ""


@compiled
def _measure(
    mesh: Float32[ndarray, "n 3"],
    model: Float64[ndarray, "n 3"],
    mean: Float64[ndarray, "3"],
    products: Float64[ndarray, "3 3"],
    squares: Float64[ndarray, "1"],
) -> None:
    """Computes the mean of a mesh and the sums that `similarity` needs, in the order of the points.

    Args:
        mesh: the points.
        model: the target points, minus their mean.
        mean: result: mean of the points.
        products, squares: result: see `similarity`.
    """
    mean[:] = np.add.accumulate(mesh, dtype=np.float64)[-1] / len(mesh)
    away = mesh - mean
    products[:] = np.add.accumulate(model[:, :, None] * away[:, None])[-1]
    squares[:] = np.add.accumulate((away * away).reshape(-1))[-1:]


@compiled
def _fit(
    mesh: Float32[ndarray, "n 3"],
    model: Float64[ndarray, "n 3"],
    turn: Float64[ndarray, "3 3"],
    offset: Float64[ndarray, "3"],
    fitted: Float64[ndarray, "n 3"],
    away: Float64[ndarray, "n"],
) -> None:
    """Writes the rotated, scaled and moved points to `fitted`, and their squared distances from the model to `away`."""
    x, y, z = mesh.astype(np.float64).T[:, :, None]
    fitted[:] = x * turn[:, 0] + y * turn[:, 1] + z * turn[:, 2] + offset
    squares = (fitted - model) ** 2
    away[:] = squares[:, 0] + squares[:, 1] + squares[:, 2]


@compiled
def _count_flipped(
    mesh: Float64[ndarray, "n 3"], triangles: Int64[ndarray, "t 3"], normals: Float64[ndarray, "t 3"]
) -> int:
    """Counts the triangles of a mesh whose normals point the wrong way."""
    own = _normals(mesh, triangles)
    return int(
        np.count_nonzero(
            own[:, 0] * normals[:, 0] + own[:, 1] * normals[:, 1] + own[:, 2] * normals[:, 2] < 0
        )
    )


def _normals(mesh: Float64[ndarray, "n 3"], triangles: Int64[ndarray, "t 3"]) -> Float64[ndarray, "t 3"]:
    """Computes the normals of a mesh's triangles; their length is twice the area."""
    a, b, c = mesh[triangles].transpose(1, 2, 0)
    (ux, uy, uz), (vx, vy, vz) = b - a, c - a
    return np.stack([uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx], axis=1)


@dataclass(frozen=True)
class _FaceModel:
    """Mean face with the values that the check needs.

    Attributes:
        mesh, mean, centred: its points, their mean, and the points minus their mean.
        steady: weight of each point in the mean misfit: equal for the steady points, 0 for the lips.
        normals: normals of its triangles.
    """

    mesh: Float64[ndarray, "n 3"]
    mean: Float64[ndarray, "3"]
    centred: Float64[ndarray, "n 3"]
    steady: Float64[ndarray, "n"]
    normals: Float64[ndarray, "t 3"]


@cache
def _model() -> _FaceModel:
    head = canonical_head()
    mesh = head.mesh.astype(np.float64)
    steady = np.bincount(head.steady, minlength=len(mesh)) / len(head.steady)
    return _FaceModel(mesh, mesh.mean(0), mesh - mesh.mean(0), steady, _normals(mesh, head.triangles))
