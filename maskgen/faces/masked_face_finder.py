"""Detection of faces that may wear a mask: by BlazeFace in several views, and by the mesh network.

`MeshDetector` requires a mesh that fits the whole face, and its network accepts only three of four faces with real
masks. Here a detection counts if BlazeFace finds the same face again in closer and wider views: a fold or a hand seldom
looks like a face at every size. The crop follows from BlazeFace's eyes and mouth, or from the mesh's eyes and mouth if
the mesh network's belief is high enough.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from maskgen.faces.align import frame_matrix
from maskgen.faces.landmarks.blazeface import SIDE, BlazeFace, Detection
from maskgen.faces.landmarks.crop_windows import tile_looks, tilt, view_of_box, whole_looks, window
from maskgen.faces.landmarks.mesh import BELIEF, MESH_SIDE, FaceMesh
from maskgen.faces.landmarks.network_input import Source
from maskgen.faces.landmarks.small_faces import small_detections, tile_sides
from maskgen.faces.landmarks.topology import Point, eye_centres, mouth_centre
from maskgen.images.resample import Blocks
from maskgen.types import Affine, RGBImage

FIND, AGAIN = 0.3, 0.02  # least score in the first view, and in later ones, where a low score helps too
SCORE = 0.45  # 97 % of 199 photos of real masks score more, and 1 % of 202 crops of background
TURNED_SCORE = 0.55  # the same for heads on their side or upside down, which are rare
# Least scores of small faces, in the closer view and in all: 236 of 240 faces of 32 to 110 pixels with drawn masks have
# more, and 3 places in 108 megapixels of textures.
CLOSE, SMALL_SCORE = 0.5, 0.52
MESH_SHARE = 0.23  # weight of the mesh network's belief in the score; from a logistic fit
MARGINS = (1.6, 2.2, 3.2)  # sides of the closer and wider views, in sides of the box
NEAR, ALIKE = 0.4, 2.0  # distance in sides, and ratio of sides, within which two detections are one face
PADS, TURNS = (0.8, 0.4), np.radians((30.0, -30.0))  # further views: fraction that the photo fills, rotation
MIRROR = np.array([[-1, 0, SIDE - 1], [0, 1, 0]])
SMALLEST = 29.0  # pixels; width of the smallest face: one of 32 pixels, measured to a tenth
SAME_FACE = 0.4  # fraction of the smaller box above which two overlapping detections belong to one face
AHEAD = 0.1  # least lead in score of a face over a larger one around it, which is then taken for a false find

# On 300 faces of LFW BlazeFace's eyes lie further apart than the mesh's by this factor, and its mouth lower.
WIDER_EYES, LOWER_MOUTH = 1.054, 1.038


@dataclass(frozen=True)
class LocatedFace:
    """Face that may wear a mask, in pixels of the photo.

    Attributes:
        box: x0, y0, x1, y1; from brow to chin, about square.
        right, left, mouth: centres of the subject's eyes and mouth; under a mask the mouth is a guess.
        score: 0-1.
    """

    box: tuple[float, float, float, float]
    right: Point
    left: Point
    mouth: Point
    score: float

    def matrix(self, size: int) -> Affine:
        """Computes the matrix photo -> crop of `size` pixels, framed like the training crops."""
        return frame_matrix(self.right, self.left, self.mouth, size)


class FaceFinder:
    """Detector of faces with and without masks. Holds two networks: use one per thread."""

    def __init__(self, runtime: str = "auto") -> None:
        self._blazeface, self._mesh = BlazeFace(runtime), FaceMesh(runtime)
        self.name = f"finder-{self._mesh.runtime}-{self._blazeface.name}-{self._mesh.name}"

    def find(self, pixels: RGBImage, small_faces: bool = True) -> list[LocatedFace]:
        """Finds faces, largest first; the list may be empty.

        Faces on their side or upside down are searched only if no other face is found.

        Args:
            pixels: the photo.
            small_faces: search a large photo down to faces of `SMALLEST` pixels, which takes about 0.1 s per
                megapixel; otherwise only faces that are large enough in the photo or in half of it are found: of 4 to
                9 % of its longer side.
        """
        height, width = pixels.shape[:2]
        photo = Blocks(pixels)
        first, second, *rotated = whole_looks(height, width, SIDE)
        upright = [first, second, *_further_views(height, width), *tile_looks(height, width, SIDE)]
        found = self._confirmed(photo, self._look(photo, upright), [], SCORE)
        for side in tile_sides(height, width, SMALLEST) if small_faces else ():
            small = small_detections(self._blazeface, photo, side, FIND, CLOSE)
            found = self._confirmed(photo, small, found, SMALL_SCORE)
        found = found or self._confirmed(photo, self._look(photo, rotated), [], TURNED_SCORE)
        return _settled(found)

    def _look(self, photo: Source, views: Iterable[Affine]) -> list[Detection]:
        """Returns the detections in some views, highest score first."""
        detections = [detection for view in views for detection in self._blazeface.find(photo, view, FIND)]
        return sorted(detections, key=lambda one: -one.score)

    def _confirmed(
        self, photo: Source, detections: Iterable[Detection], found: list[LocatedFace], least: float
    ) -> list[LocatedFace]:
        """Adds the faces that further views confirm to those that were found before.

        A face of the same views stands for all detections over it. One that was found before does so unless it is
        `ALIKE` times as large, or more: it may be a false find over real faces.
        """
        added: list[LocatedFace] = []
        for detection in detections:
            box = _corners(detection)
            before = (one for one in found if _side(one.box) < ALIKE * _side(box))
            if any(_overlap(box, one.box) > SAME_FACE for one in (*before, *added)):
                continue
            face = self._face(photo, detection, least)
            if face:
                added.append(face)
        return [*found, *added]

    def _face(self, photo: Source, detection: Detection, least: float) -> LocatedFace | None:
        """Scores a detection over further views; uses the mesh's points where the mesh can be trusted.

        Returns None if the score is below `least`, which often is certain before the last view.
        """
        side, angle = float(detection.box[2:].max()), tilt(*detection.eyes)
        near, middle, far = (
            window(detection.box[:2], angle, SIDE / (times * side), SIDE) for times in MARGINS
        )
        views = [near, middle, far, MIRROR @ np.vstack([middle, [0, 0, 1]])]
        mesh, belief = self._mesh(photo, view_of_box(detection.box[:2], side, angle, MESH_SIDE))
        score, certain = detection.score, MESH_SHARE * belief
        weight = (1 - MESH_SHARE) / (1 + len(views))
        for count, view in enumerate(views, 1):
            if certain + weight * (score + 1 + len(views) - count) < least:
                return None
            score += self._score_in_view(photo, view.astype(np.float32), detection)
        score = certain + weight * score
        if score < least:
            return None
        if belief >= BELIEF and np.isfinite(mesh).all():
            points = (*eye_centres(mesh), mouth_centre(mesh))
        else:
            points = _levelled(detection)
        return LocatedFace(_corners(detection), *points, score)

    def _score_in_view(self, photo: Source, view: Affine, detection: Detection) -> float:
        """Returns BlazeFace's score for the same face in another view."""
        centres, sides, scores = self._blazeface.answers(photo, view, AGAIN)
        side = float(detection.box[2:].max())
        near = np.hypot(*(centres - detection.box[:2]).T) < NEAR * side
        return float(scores[near & (sides > side / ALIKE) & (sides < side * ALIKE)].max(initial=0.0))


def _further_views(height: int, width: int) -> Iterator[Affine]:
    """Yields views of the photo with other margins, and views rotated either way, for tilted heads."""
    centre, scale = np.array([width - 1, height - 1]) / 2, SIDE / max(height, width)
    for pad in PADS:
        yield window(centre, 0.0, scale * pad, SIDE)
    for angle in TURNS:
        yield window(centre, float(angle), scale * PADS[0], SIDE)


def _levelled(detection: Detection) -> tuple[Point, Point, Point]:
    """Moves BlazeFace's points to the average positions of the mesh's points."""
    middle = detection.eyes.mean(0)
    right, left = middle + (detection.eyes - middle) / np.float32(WIDER_EYES)
    return right, left, middle + (detection.mouth - middle) / np.float32(LOWER_MOUTH)


def _corners(detection: Detection) -> tuple[float, float, float, float]:
    x, y, width, height = (float(value) for value in detection.box)
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def _side(box: tuple[float, ...]) -> float:
    return max(box[2] - box[0], box[3] - box[1])


def _settled(faces: list[LocatedFace]) -> list[LocatedFace]:
    """Returns one face for each place, largest first: the larger one, unless a smaller one is `AHEAD` in score."""
    kept: list[LocatedFace] = []
    faces = sorted(faces, key=lambda one: one.box[0] - one.box[2])
    for count, face in enumerate(faces, 1):
        ahead = (one for one in faces[count:] if one.score > face.score + AHEAD)
        if not any(_overlap(face.box, one.box) > SAME_FACE for one in (*kept, *ahead)):
            kept.append(face)
    return kept


def _overlap(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    """Computes the fraction of the smaller box that both cover."""
    a, b = np.array(one), np.array(other)
    shared = np.prod(np.clip(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0, None))
    return float(shared / min(np.prod(a[2:] - a[:2]), np.prod(b[2:] - b[:2])))
