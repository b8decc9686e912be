"""The 468-point face mesh: its mean shape, triangles, and the points that other steps name."""

from dataclasses import dataclass
from functools import cache

import numpy as np
from jaxtyping import Float32, Int32
from numpy import ndarray

from maskgen.assets import asset

Mesh = Float32[ndarray, "468 3"]

# The subject's right is on the left of a picture.
RIGHT_EYE = (33, 133)  # outer and inner corner
LEFT_EYE = (263, 362)
MOUTH = (61, 291)  # right and left corner
CHIN = 152


@dataclass(frozen=True)
class Topology:
    """What is known of the mesh before any photo is seen.

    Attributes:
        mean: mean of frontal faces, symmetric; the unit is the distance of the eyes' centres, +y down, smaller z
            nearer to the viewer, the points' mean at the origin.
        triangles: corners of each triangle, wound so that (b - a) x (c - a) points out of the face, to -z.
        mirror: for each point its partner on the other half of the face.
    """

    mean: Mesh
    triangles: Int32[ndarray, "852 3"]
    mirror: Int32[ndarray, "468"]


@cache
def topology() -> Topology:
    """The shipped mean shape, read once a process."""
    with np.load(asset("models/face_mesh.npz"), allow_pickle=False) as file:
        return Topology(file["mesh"], file["triangles"], file["mirror"])


def eye_centres(mesh: Mesh) -> tuple[Float32[ndarray, "2"], Float32[ndarray, "2"]]:
    """Centres of the subject's right and left eye, pixels; from the corners, so that a blink moves nothing."""
    return mesh[list(RIGHT_EYE), :2].mean(0), mesh[list(LEFT_EYE), :2].mean(0)


def mouth_centre(mesh: Mesh) -> Float32[ndarray, "2"]:
    """Middle of the mouth's corners, pixels."""
    return mesh[list(MOUTH), :2].mean(0)
