"""Head pose of a face, from the points of its mesh that expressions do not move."""

import math
from functools import cache

import numpy as np
from jaxtyping import Float, Float64
from numpy import ndarray

from maskgen.faces.canonical_head import canonical_head, umeyama
from maskgen.faces.landmarks.topology import Mesh
from maskgen.native import compiled
from maskgen.types import Pose

# Corners of the eyes, bridge, tip and base of the nose, forehead, temples, cheekbones; mouth, lids and jaw move.
STABLE = np.array([
    33, 133, 362, 263, 168, 6, 197, 195, 5, 4, 1, 2, 98, 327, 8, 9, 151, 10, 67, 297, 103, 332, 54, 284, 21, 251, 162,
    389, 127, 356, 234, 454, 117, 346, 50, 280,
])  # fmt: skip
RIGHT_TEMPLE, LEFT_TEMPLE = 127, 356
DISTANCE = 100  # eye distances from the camera; least error on LFW, whose meshes are nearly orthographic
STEPS = 4
DAMPING = 1e-9

Place = tuple[float, Float[ndarray, "3 3"], Float[ndarray, "3"]]  # scale, rotation, offset


def head_pose(mesh: Mesh, place: Place | None = None) -> Pose:
    """Estimates the head pose by PnP: the rotation under which the mean face projects to this mesh.

    The mesh's own depth gives the initial pose, which also excludes the mirror image in depth; the refinement uses x
    and y alone. The face is assumed on the optical axis at `DISTANCE`, since a crop does not tell where the lens was.

    Args:
        mesh: points in pixels of an upright or rotated image.
        place: similarity from the mean face to the mesh, from `umeyama`; None computes it.

    Returns:
        Degrees; the rotation is roll after yaw after pitch, so roll is the visible tilt of the line of the eyes, and
        rotating the image changes roll alone.
    """
    seen = mesh.take(STABLE, axis=0).astype(np.float64)
    scale, rotation, offset = place or umeyama(_model(), seen)
    turn, shift = rotation.astype(np.float64), np.array([0.0, 0.0, DISTANCE])
    _settle(_model(), (seen[:, :2] - offset[:2]) / scale, turn, shift, DISTANCE, DAMPING, STEPS)
    return pose_of_rotation(turn)


@cache
def _model() -> Float64[ndarray, "n 3"]:
    return canonical_head().mesh[STABLE].astype(np.float64)


@compiled
def _settle(
    points: Float64[ndarray, "n 3"],
    seen: Float64[ndarray, "n 2"],
    turn: Float64[ndarray, "3 3"],
    shift: Float64[ndarray, "3"],
    distance: int,
    damping: float,
    steps: int,
) -> None:
    """Fits rotation and shift of a model to its projected points: least squares by Gauss-Newton.

    Args:
        points: points of the model.
        seen: their projections, in the model's unit, from the centre of the image.
        turn: rotation; changed in place.
        shift: position from the camera; changed in place.
        distance: distance of the image plane from the camera.
        damping: added to the diagonal, so that directions which the points do not determine stay unchanged.
        steps: number of iterations; each leaves a hundredth of the previous error.
    """
    for _ in range(steps):
        turned = points[:, :1] * turn[:, 0] + points[:, 1:2] * turn[:, 1] + points[:, 2:] * turn[:, 2]
        gain = distance / (turned[:, 2] + shift[2])
        back = gain / distance
        x, y = (turned[:, 0] + shift[0]) * back, (turned[:, 1] + shift[1]) * back
        tx, ty, tz = turned.T
        one, none = np.ones_like(x), np.zeros_like(x)
        across = np.stack([-x * ty, tz + x * tx, -ty, one, none, -x]) * gain
        down = np.stack([-tz - y * ty, y * tx, tx, none, one, -y]) * gain
        off = seen - distance * np.stack([x, y], axis=1)
        across, down = np.vstack([across, off[:, 0]]), np.vstack([down, off[:, 1]])
        products = across[:6, None] * across + down[:6, None] * down
        system = np.add.accumulate(products, axis=2)[..., -1] + float(np.float32(damping)) * np.eye(6, 7)
        for k in range(6):
            factors = system[:, k] / system[k, k]
            factors[k] = 0
            system[:, k:] -= factors[:, None] * system[k, k:]
        change = system[:, 6] / np.diagonal(system)
        turn[:] = _sum_of_products(_turn_by(*(change[:3] * 0.5).tolist()), turn)
        shift += change[3:]


def _turn_by(a: float, b: float, c: float) -> Float64[ndarray, "3 3"]:
    """Computes the rotation matrix by Cayley's formula, from half the rotation vector."""
    gain = 2 / (1 + a * a + b * b + c * c)
    rows = [
        [1 - gain * (b * b + c * c), gain * (a * b - c), gain * (a * c + b)],
        [gain * (a * b + c), 1 - gain * (a * a + c * c), gain * (b * c - a)],
        [gain * (a * c - b), gain * (b * c + a), 1 - gain * (a * a + b * b)],
    ]
    return np.array(rows)


def _sum_of_products(one: Float64[ndarray, "3 3"], other: Float64[ndarray, "3 3"]) -> Float64[ndarray, "3 3"]:
    """Computes `one @ other` with a fixed order of summation."""
    return one[:, :1] * other[0] + one[:, 1:2] * other[1] + one[:, 2:] * other[2]


def rough_pose(mesh: Mesh) -> tuple[float, float]:
    """Estimates yaw and roll from the line between the temples in the mesh's own depth: fast, a few degrees off."""
    x, y, z = (mesh[LEFT_TEMPLE] - mesh[RIGHT_TEMPLE]).tolist()
    return math.degrees(math.atan2(z, math.hypot(x, y))), math.degrees(math.atan2(y, x))


def pose_of_rotation(rotation: Float64[ndarray, "3 3"]) -> Pose:
    """Computes the angles of R = Rz(roll) Ry(-yaw) Rx(-pitch); x points right, y down, z away from the viewer."""
    (xx, _, _), (yx, _, _), (zx, zy, zz) = rotation.tolist()
    yaw, pitch, roll = math.atan2(zx, math.hypot(xx, yx)), math.atan2(-zy, zz), math.atan2(yx, xx)
    return Pose(math.degrees(yaw), math.degrees(pitch), math.degrees(roll))
