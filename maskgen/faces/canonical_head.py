"""Canonical head: the mean face mesh, and the surface around it on which masks lie.

Frame: origin between the eyes; the unit is the distance between the centres of the eyes (about 62 mm on an adult); x to
the viewer's right, y down, z away from the viewer. Points of the surface are given by azimuth (degrees about a vertical
axis at `AXIS_Z`, 0 in front, > 0 to the viewer's right) and height y. Built by `tools/build_head.py`.
"""

import math
from dataclasses import dataclass
from functools import cache, cached_property

import cv2
import numpy as np
from jaxtyping import Float, Float32, Float64, Int
from numpy import ndarray

from maskgen.assets import asset

AXIS_Z = 0.75
AZIMUTHS = np.arange(-130.0, 131.0, 2.0)
HEIGHTS = np.arange(-1.0, 2.81, 0.03)
KERNEL = 0.22  # head units; sigma of the smoothing of the face's own shape, which mask shells follow
MODES = 96  # of the smoothed shape; the others together add less than .003 head units, .00003 on average

# Points that move with speech and smiles: not used to place a mask.
LIPS = (0, 11, 12, 13, 14, 15, 16, 17, 37, 38, 39, 40, 41, 42, 61, 62, 72, 73, 74, 76, 77, 78, 80, 81, 82, 84, 85,
        86, 87, 88, 89, 90, 91, 95, 96, 146, 178, 179, 180, 181, 183, 184, 185, 191, 267, 268, 269, 270, 271, 272,
        291, 292, 302, 303, 304, 306, 307, 308, 310, 311, 312, 314, 315, 316, 317, 318, 319, 320, 321, 324, 325,
        375, 402, 403, 404, 405, 407, 408, 409, 415)  # fmt: skip


@dataclass(frozen=True)
class Head:
    """Canonical head.

    Attributes:
        mesh: the 468 points of the face mesh.
        triangles: indices of `mesh`; clockwise when seen from outside.
        radius: distance of the surface from the axis at each of `HEIGHTS` and `AZIMUTHS`.
        steady: indices of the points of `mesh` that are not in `LIPS`.
    """

    mesh: Float32[ndarray, "468 3"]
    triangles: Int[ndarray, "t 3"]
    radius: Float32[ndarray, "heights azimuths"]
    steady: Int[ndarray, "s"]

    @cached_property
    def steady_mesh(self) -> Float64[ndarray, "s 3"]:
        """Steady points."""
        return self.mesh[self.steady].astype(np.float64)

    @cached_property
    def steady_mean(self) -> Float64[ndarray, "3"]:
        """Mean of the steady points."""
        return self.steady_mesh.mean(0)

    @cached_property
    def steady_centred(self) -> Float64[ndarray, "s 3"]:
        """Steady points minus their mean."""
        return self.steady_mesh - self.steady_mean

    @cached_property
    def spread(self) -> float:
        """Sum of the squared distances of the steady points from their mean."""
        return float(np.vdot(self.steady_centred, self.steady_centred))

    @cached_property
    def modes(self) -> Float32[ndarray, "m s"]:
        """Orthonormal rows: the modes of a displacement of the steady points that smoothing by `KERNEL` keeps."""
        steady = self.steady_mesh
        squared = ((steady[:, None] - steady[None]) ** 2).sum(-1)
        weights = np.exp(-squared / (2 * KERNEL**2))
        return np.linalg.svd(weights / weights.sum(1, keepdims=True))[2][:MODES].astype(np.float32)

    @cached_property
    def modes_of_points(self) -> Float32[ndarray, "s m"]:
        """Transpose of `modes`, contiguous in memory."""
        return np.ascontiguousarray(self.modes.T)

    def surface(self, azimuth: Float[ndarray, "*n"], height: Float[ndarray, "*n"]) -> Float[ndarray, "*n 3"]:
        """Computes points of the skin at the given azimuths (degrees) and heights."""
        column = np.clip((azimuth - AZIMUTHS[0]) / (AZIMUTHS[1] - AZIMUTHS[0]), 0, len(AZIMUTHS) - 1.001)
        row = np.clip((height - HEIGHTS[0]) / (HEIGHTS[1] - HEIGHTS[0]), 0, len(HEIGHTS) - 1.001)
        i, j = row.astype(int), column.astype(int)
        a, b = row - i, column - j
        r = self.radius
        radius = (r[i, j] * (1 - b) + r[i, j + 1] * b) * (1 - a) + (
            r[i + 1, j] * (1 - b) + r[i + 1, j + 1] * b
        ) * a
        return on_axis(azimuth, height, radius)


def on_axis(
    azimuth: Float[ndarray, "*n"], height: Float[ndarray, "*n"], radius: Float[ndarray, "*n"]
) -> Float[ndarray, "*n 3"]:
    """Converts cylindrical coordinates about the head's axis to x, y, z."""
    angle = np.radians(azimuth)
    return np.stack([radius * np.sin(angle), height, AXIS_Z - radius * np.cos(angle)], axis=-1)


def umeyama(
    source: Float[ndarray, "n 3"], target: Float[ndarray, "n 3"]
) -> tuple[float, Float[ndarray, "3 3"], Float[ndarray, "3"]]:
    """Computes the least-squares similarity from `source` to `target`: scale, rotation and offset.

    Source: S. Umeyama, Least-squares estimation of transformation parameters between two point patterns, 1991.
    """
    ones = np.full(len(source), 1 / len(source))
    source_mean, target_mean = ones @ source, ones @ target  # several times as fast as `mean`
    centred = source - source_mean
    scale, rotation = similarity((target - target_mean).T @ centred, float(np.vdot(centred, centred)))
    return scale, rotation, target_mean - scale * rotation @ source_mean


def similarity(products: Float[ndarray, "3 3"], squares: float) -> tuple[float, Float[ndarray, "3 3"]]:
    """Computes scale and rotation of `umeyama` from sums over the points.

    Args:
        products: sum of the outer products of target and source points, each minus its mean.
        squares: sum of the squared distances of the source points from their mean.
    """
    spread, u, vt = cv2.SVDecomp(products)
    flip = math.copysign(1.0, cv2.determinant(u) * cv2.determinant(vt))  # exclude reflections
    u[:, 2] *= flip
    x, y, z = spread[:, 0].tolist()
    return (x + y + z * flip) / squares, u @ vt


@cache
def canonical_head() -> Head:
    """Loads the shipped head, once per process."""
    with np.load(asset("models/head.npz"), allow_pickle=False) as data:
        steady = np.setdiff1d(np.arange(len(data["mesh"])), LIPS)
        return Head(data["mesh"], data["triangles"].astype(np.int64), data["radius"], steady)
