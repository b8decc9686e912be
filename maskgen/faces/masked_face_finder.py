"""Where faces are that may wear a mask: by what is left to see of them, and by how they look at other sizes.

`MeshDetector` wants a mesh that lies on the whole face, and its network believes in three real masks of four. Here a
find counts when the finder sees the same face again, closer and from further away: a fold or a hand seldom looks like
a face at every size. The crop follows from the finder's own eyes and mouth, or the mesh's where that network believes.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from maskgen.faces.align import frame_matrix
from maskgen.faces.landmarks.blazeface import SIDE, BlazeFace, Finding
from maskgen.faces.landmarks.crop_windows import tile_looks, tilt, view_of_box, whole_looks, window
from maskgen.faces.landmarks.mesh import BELIEF, MESH_SIDE, FaceMesh
from maskgen.faces.landmarks.topology import Point, eye_centres, mouth_centre
from maskgen.types import Affine, RGBImage

FIND, AGAIN = 0.3, 0.02  # least score at first sight, and when looked at again, where a low one tells as well
SCORE = 0.45  # of 199 photos of real masks 97 % score more, of 202 pieces of background 1 %
TURNED_SCORE = 0.55  # the same of heads that lie on their side, which are rare
MESH_SHARE = 0.23  # of the score that is the mesh network's belief; a logistic fit gave it so
MARGINS = (1.6, 2.2, 3.2)  # sides of a look from nearer and further away, in sides of the box
NEAR, ALIKE = 0.4, 2.0  # sides and ratio within which the second look's face is the first one's
PADS, TURNS = (0.8, 0.4), np.radians((30.0, -30.0))  # further looks at the photo: its share of them, its turn
MIRROR = np.array([[-1, 0, SIDE - 1], [0, 1, 0]])
SAME_FACE = 0.4  # share of the smaller box from which two finds mean one face

# On 300 faces of LFW the finder's eyes lie so much further apart than the mesh's, and its mouth so much lower.
WIDER_EYES, LOWER_MOUTH = 1.054, 1.038


@dataclass(frozen=True)
class Sighting:
    """A face, in pixels of the photo.

    Attributes:
        box: x0, y0, x1, y1: brow to chin, about square.
        right, left, mouth: centres of the subject's eyes and mouth, the mouth's under a mask a guess.
        score: 0-1.
    """

    box: tuple[float, float, float, float]
    right: Point
    left: Point
    mouth: Point
    score: float

    def matrix(self, size: int) -> Affine:
        """Computes the matrix photo -> crop of `size` pixels, framed as the training crops are."""
        return frame_matrix(self.right, self.left, self.mouth, size)


class FaceFinder:
    """Finds faces with and without masks. Holds networks: one finder a thread."""

    def __init__(self, runtime: str = "auto") -> None:
        self._blazeface, self._mesh = BlazeFace(runtime), FaceMesh(runtime)
        self.name = f"finder-{self._mesh.runtime}-{self._blazeface.name}-{self._mesh.name}"

    def find(self, pixels: RGBImage) -> list[Sighting]:
        """Finds faces, largest first; no face is no error. A face on its side or head counts only if there is no
        other.
        """
        height, width = pixels.shape[:2]
        first, second, *turned = whole_looks(height, width, SIDE)
        found = self._search(
            pixels, [first, second, *_further_looks(height, width), *tile_looks(height, width, SIDE)]
        )
        found = found or self._search(pixels, turned, TURNED_SCORE)
        return sorted(found, key=lambda one: one.box[0] - one.box[2])

    def _search(self, pixels: RGBImage, looks: Iterable[Affine], least: float = SCORE) -> list[Sighting]:
        """Finds the faces of the looks, each of which counts when it is seen again."""
        findings = [finding for look in looks for finding in self._blazeface.find(pixels, look, FIND)]
        found: list[Sighting] = []
        for finding in sorted(findings, key=lambda one: -one.score):
            if any(_overlap(_corners(finding), one.box) > SAME_FACE for one in found):
                continue
            sighting = self._seen_again(pixels, finding, least)
            if sighting:
                found.append(sighting)
        return found

    def _seen_again(self, pixels: RGBImage, finding: Finding, least: float) -> Sighting | None:
        """Scores a find over further views; takes the mesh's points where the mesh can be trusted.

        None where the score is below `least`, which often is certain before the last look.
        """
        side, angle = float(finding.box[2:].max()), tilt(*finding.eyes)
        near, middle, far = (window(finding.box[:2], angle, SIDE / (times * side), SIDE) for times in MARGINS)
        looks = [near, middle, far, MIRROR @ np.vstack([middle, [0, 0, 1]])]
        mesh, belief = self._mesh(pixels, view_of_box(finding.box[:2], side, angle, MESH_SIDE))
        score, sure = finding.score, MESH_SHARE * belief
        share = (1 - MESH_SHARE) / (1 + len(looks))
        for seen, look in enumerate(looks, 1):
            if sure + share * (score + 1 + len(looks) - seen) < least:
                return None
            score += self._seen_score(pixels, look.astype(np.float32), finding)
        score = sure + share * score
        if score < least:
            return None
        if belief >= BELIEF and np.isfinite(mesh).all():
            points = (*eye_centres(mesh), mouth_centre(mesh))
        else:
            points = _levelled(finding)
        return Sighting(_corners(finding), *points, score)

    def _seen_score(self, pixels: RGBImage, look: Affine, finding: Finding) -> float:
        """Returns the detector's score for the same face in another view."""
        centres, sides, scores = self._blazeface.answers(pixels, look, AGAIN)
        side = float(finding.box[2:].max())
        near = np.hypot(*(centres - finding.box[:2]).T) < NEAR * side
        return float(scores[near & (sides > side / ALIKE) & (sides < side * ALIKE)].max(initial=0.0))


def _further_looks(height: int, width: int) -> Iterator[Affine]:
    """Yields views of the photo with other margins, and tilted either way: heads lean."""
    centre, scale = np.array([width - 1, height - 1]) / 2, SIDE / max(height, width)
    for pad in PADS:
        yield window(centre, 0.0, scale * pad, SIDE)
    for turn in TURNS:
        yield window(centre, float(turn), scale * PADS[0], SIDE)


def _levelled(finding: Finding) -> tuple[Point, Point, Point]:
    """Moves the detector's points to where the mesh's are on average."""
    middle = finding.eyes.mean(0)
    right, left = middle + (finding.eyes - middle) / np.float32(WIDER_EYES)
    return right, left, middle + (finding.mouth - middle) / np.float32(LOWER_MOUTH)


def _corners(finding: Finding) -> tuple[float, float, float, float]:
    x, y, width, height = (float(value) for value in finding.box)
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def _overlap(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    """Computes the fraction of the smaller box that both cover."""
    a, b = np.array(one), np.array(other)
    shared = np.prod(np.clip(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0, None))
    return float(shared / min(np.prod(a[2:] - a[:2]), np.prod(b[2:] - b[:2])))
