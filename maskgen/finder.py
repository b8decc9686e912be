"""Where faces are that may wear a mask, by what is left to see of them: the eyes.

The mesh of `MeshDetector` holds on three real masks in four; here the finder's own eyes and mouth decide the crop, and
nothing is asked of a face but that it looks like one at several sizes.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from maskgen.align import frame_matrix
from maskgen.landmarks.blazeface import SIDE, BlazeFace, Finding
from maskgen.landmarks.views import tile_looks, whole_looks
from maskgen.types import Affine, Picture

FIND = 0.4  # least score at first sight
SAME_FACE = 0.4  # share of the smaller box from which two finds mean one face


@dataclass(frozen=True)
class Sighting:
    """A face, in pixels of the photo.

    Attributes:
        box: x0, y0, x1, y1: brow to chin, about square.
        crop: photo -> the unit square [0, 1] of the crop that training would cut; see `matrix`.
        score: 0-1.
    """

    box: tuple[float, float, float, float]
    finding: Finding
    score: float

    def matrix(self, size: int) -> Affine:
        """Photo -> crop of `size` pixels, framed as the training crops are."""
        right, left = self.finding.eyes
        return frame_matrix(right, left, self.finding.mouth, size)


class FaceFinder:
    """Finds faces with and without masks. Holds a network: one finder a thread."""

    def __init__(self, runtime: str = "auto") -> None:
        self._blazeface = BlazeFace(runtime)
        self.name = f"finder-{self._blazeface.name}"

    def find(self, pixels: Picture) -> list[Sighting]:
        """The faces, largest first; none is no error."""
        found: list[Sighting] = []
        for look in _looks(pixels):
            for finding in self._blazeface.find(pixels, look, FIND):
                found = _joined(found, _sighting(finding))
        return sorted(found, key=lambda one: one.box[0] - one.box[2])


def _looks(pixels: Picture) -> Iterator[Affine]:
    height, width = pixels.shape[:2]
    yield from whole_looks(height, width, SIDE)
    yield from tile_looks(height, width, SIDE)


def _sighting(finding: Finding) -> Sighting:
    x, y, width, height = (float(value) for value in finding.box)
    return Sighting((x - width / 2, y - height / 2, x + width / 2, y + height / 2), finding, finding.score)


def _joined(found: list[Sighting], one: Sighting) -> list[Sighting]:
    """The faces with one more; of several finds of one face the best is kept."""
    same = [other for other in found if _overlap(one, other) > SAME_FACE]
    if any(other.score >= one.score for other in same):
        return found
    return [other for other in found if all(other is not gone for gone in same)] + [one]


def _overlap(one: Sighting, other: Sighting) -> float:
    """Share of the smaller box that both cover."""
    a, b = np.array(one.box), np.array(other.box)
    shared = np.prod(np.clip(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0, None))
    return float(shared / min(np.prod(a[2:] - a[:2]), np.prod(b[2:] - b[:2])))
