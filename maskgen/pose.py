"""Head pose: how a face is turned, from the points of its mesh that no expression moves."""

import math

import cv2
import numpy as np
from jaxtyping import Float, Float64
from numpy import ndarray

from maskgen.head import canonical_head, umeyama
from maskgen.landmarks.topology import Mesh
from maskgen.types import Pose

# Corners of the eyes, bridge, tip and base of the nose, forehead, temples, cheekbones; mouth, lids and jaw move.
STABLE = [33, 133, 362, 263, 168, 6, 197, 195, 5, 4, 1, 2, 98, 327, 8, 9, 151, 10, 67, 297, 103, 332, 54, 284, 21,
          251, 162, 389, 127, 356, 234, 454, 117, 346, 50, 280]  # fmt: skip
RIGHT_TEMPLE, LEFT_TEMPLE = 127, 356
DISTANCE = (
    100.0  # eye distances from the camera: least error on LFW, whose meshes are seen nearly in parallel
)

Place = tuple[float, Float[ndarray, "3 3"], Float[ndarray, "3"]]  # scale, rotation, offset


def head_pose(mesh: Mesh, place: Place | None = None) -> Pose:
    """The pose of a head by PnP: the rotation under which the mean face is seen as this one.

    The mesh's own depth gives the start, which also decides between a face and its mirror image in depth; the
    pixels then decide alone. The camera is looked at straight, from `DISTANCE`, since a crop does not tell where
    the lens was.

    Args:
        mesh: points in pixels of an upright or turned picture.
        place: the head's, where it is known already; as `umeyama` gives it.

    Returns:
        Degrees; the rotation is roll after yaw after pitch, so roll is the tilt of the eyes' line as seen and
        turning the picture changes nothing else.
    """
    model = canonical_head().mesh[STABLE].astype(np.float64)
    seen = mesh[STABLE].astype(np.float64)
    scale, rotation, offset = place or umeyama(model, seen)
    focal = DISTANCE * scale
    camera = np.array([[focal, 0, offset[0]], [0, focal, offset[1]], [0, 0, 1]])
    start, _ = cv2.Rodrigues(rotation.astype(np.float64))
    _, turned, _ = cv2.solvePnP(
        model,
        seen[:, :2].copy(),
        camera,
        None,
        start,
        np.array([0, 0, DISTANCE]),
        True,
        cv2.SOLVEPNP_ITERATIVE,
    )
    return pose_of_rotation(cv2.Rodrigues(turned)[0])


def rough_pose(mesh: Mesh) -> tuple[float, float]:
    """Yaw and roll by the line between the temples in the mesh's own depth: a few degrees off, and no work."""
    x, y, z = (mesh[LEFT_TEMPLE] - mesh[RIGHT_TEMPLE]).tolist()
    return math.degrees(math.atan2(z, math.hypot(x, y))), math.degrees(math.atan2(y, x))


def pose_of_rotation(rotation: Float64[ndarray, "3 3"]) -> Pose:
    """The angles of R = Rz(roll) Ry(-yaw) Rx(-pitch) in a frame with x right, y down, z away from the viewer."""
    yaw = np.arctan2(rotation[2, 0], np.hypot(rotation[0, 0], rotation[1, 0]))
    pitch = np.arctan2(-rotation[2, 1], rotation[2, 2])
    roll = np.arctan2(rotation[1, 0], rotation[0, 0])
    return Pose(float(np.degrees(yaw)), float(np.degrees(pitch)), float(np.degrees(roll)))
