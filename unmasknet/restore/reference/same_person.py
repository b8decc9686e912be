"""Check that a reference shows the person of the masked photo, by a face network.

dlib's network is used where it is installed (the extra `eval`). The reference is compared with the masked photo and
with the generator's result for it, by the mean of both distances; each image is also embedded mirrored.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from weakref import WeakKeyDictionary

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from maskgen.extras import install_line
from maskgen.faces.landmarks.topology import Mesh
from maskgen.types import RGBImage
from unmasknet.metrics.identity import Identity, Points, build_identity, four_points, unit
from unmasknet.restore.reference.mesh_finder import mirrored
from unmasknet.restore.reference.references import Reference

# Mean cosine distance above which two photos count as showing two people; docs/restoring.md says what it costs.
LIMIT = 0.109
UNCHECKED = (
    "nothing checked that the reference shows the same person: no face network is installed: "
    + install_line("eval")
)
Embedding = Float[ndarray, " d"]


@dataclass(frozen=True)
class SeenFace:
    """Masked face for the check.

    Attributes:
        photo: with the mask.
        filled: the photo with the network's result.
        mesh: of the face, in their pixels.
    """

    photo: RGBImage
    filled: RGBImage
    mesh: Mesh


class PersonCheck:
    """Face network that compares masked faces with references. Holds a network: use one per thread."""

    def __init__(self) -> None:
        self._known: WeakKeyDictionary[Reference, Embedding] = WeakKeyDictionary()

    @cached_property
    def _network(self) -> Identity | None:
        return build_identity("auto")

    @property
    def available(self) -> bool:
        """Whether a face network is installed."""
        return self._network is not None

    def distances(self, face: SeenFace, references: Sequence[Reference]) -> list[float]:
        """Computes the mean cosine distance, 0-2, of a masked face and its network's result from each reference."""
        seen = np.mean([self._embedded(pixels, face.mesh) for pixels in (face.photo, face.filled)], axis=0)
        return [float(1 - seen @ self._of(one)) for one in references]

    def _of(self, reference: Reference) -> Embedding:
        """Returns the embedding of a reference, computed once."""
        if reference not in self._known:
            self._known[reference] = self._embedded(reference.pixels, reference.mesh)
        return self._known[reference]

    def _embedded(self, pixels: RGBImage, mesh: Mesh) -> Embedding:
        network = self._network
        assert network is not None, "ask `available` first"
        image = np.ascontiguousarray(pixels[:, ::-1])
        both = network.embed(pixels, points_of(mesh)) + network.embed(
            image, points_of(mirrored(mesh, image.shape[1]))
        )
        return unit(both)


def points_of(mesh: Mesh) -> Points:
    """Returns eyes and corners of the mouth of a mesh, as the face network takes them."""
    points = four_points(mesh[:, :2].tolist(), "mesh468")
    assert points is not None
    return points
