"""Check that a reference shows the person of the masked photo, by a face network, from what both photos show.

The part of the masked photo under the mask is laid over the reference, aligned by eyes and mouth, so that both images
hide the same part of the face by the same pixels, and the network compares the rest. dlib's network is used where it is
installed (the extra `eval`).
"""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from maskgen.extras import install_line
from maskgen.faces.landmarks.topology import Mesh
from maskgen.types import Plane, RGBImage
from unmasknet.metrics.identity import Identity, Points, build_identity, four_points, similarity
from unmasknet.restore.reference.references import Reference

# Cosine distance above which two photos count as showing two people; see docs/restoring.md for how it was measured.
LIMIT = 0.06
UNCHECKED = (
    "nothing checked that the reference shows the same person: no face network is installed: "
    + install_line("eval")
)


@dataclass(frozen=True)
class SeenFace:
    """Masked face for the check: the photo, the mesh of the face in it, and the plane of its masks, 1 inside."""

    photo: RGBImage
    mesh: Mesh
    covered: Plane


class PersonCheck:
    """Face network that compares masked faces with references. Holds a network: use one per thread."""

    @cached_property
    def _network(self) -> Identity | None:
        return build_identity("auto")

    @property
    def available(self) -> bool:
        """Whether a face network is installed."""
        return self._network is not None

    def distance(self, face: SeenFace, reference: Reference) -> float:
        """Computes the cosine distance, 0-2, between a masked face and a reference that is covered alike."""
        network = self._network
        assert network is not None, "ask `available` first"
        covered = cover_alike(face, reference)
        seen = network.embed(face.photo, points_of(face.mesh))
        return float(1 - seen @ network.embed(covered, points_of(face.mesh)))


def cover_alike(face: SeenFace, reference: Reference) -> RGBImage:
    """Moves a reference onto the masked face by eyes and mouth, and lays the mask's pixels over it.

    Returns:
        RGB, the size of the masked photo.
    """
    matrix = similarity(points_of(reference.mesh), points_of(face.mesh))
    height, width = face.photo.shape[:2]
    scale = float(np.hypot(*matrix[0, :2]))
    pixels = reference.pixels if scale >= 1 else cv2.GaussianBlur(reference.pixels, (0, 0), 0.45 / scale)
    moved = cv2.warpAffine(
        pixels, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.where(face.covered[..., None] > 0, face.photo, moved)


def points_of(mesh: Mesh) -> Points:
    """Returns eyes and corners of the mouth of a mesh, as the face network takes them."""
    points = four_points(mesh[:, :2].tolist(), "mesh468")
    assert points is not None
    return points
