"""Where the faces of a photo are, masked or not. The one place of `unmasknet` that finds faces by `maskgen`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from maskgen.types import Affine, Plane, RGBImage
from unmasknet.restore.face_window import FaceWindow, unit_place

UNIT = 256  # side at which a crop is asked for; any would do
USUAL_PLACE, USUAL_SIZE = np.array((0.504, 0.688)), (0.54, 0.46)  # of masks in training crops, in their sides
LEAST = 64  # pixels of a given map below which a piece of it is a slip of the pen


@dataclass(frozen=True)
class DetectedFace:
    """A face in a photo.

    Attributes:
        box: x0, y0, x1, y1 in pixels.
        place: photo -> the crop that training would cut, at a side of 1.
        score: 0-1.
    """

    box: tuple[float, float, float, float]
    place: Affine
    score: float


FindFaces = Callable[[RGBImage], list[DetectedFace]]


def places_of_map(hidden: Plane, windows: Sequence[FaceWindow]) -> list[Affine]:
    """Infers faces from masks that lie in no window: upright, of the size that is usual for the mask.

    Args:
        hidden: 1 where a mask is, in the photo's pixels.
        windows: of the faces that were found.
    """
    left = hidden.copy()
    for window in windows:
        window.of(left)[:] = 0
    count, _, pieces, centres = cv2.connectedComponentsWithStats(left, connectivity=8)
    places = []
    for piece, (x, y) in zip(pieces[1:count], centres[1:count], strict=True):
        width, height, area = (
            float(piece[at]) for at in (cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT, cv2.CC_STAT_AREA)
        )
        side = max(width / USUAL_SIZE[0], height / USUAL_SIZE[1])
        if area >= LEAST:
            offset = USUAL_PLACE - np.array([x, y]) / side
            places.append(np.array([[1 / side, 0, offset[0]], [0, 1 / side, offset[1]]], np.float32))
    return places


def build_finder() -> FindFaces:
    """Builds a finder of faces, the largest first. It holds a network: use one per thread.

    Raises:
        MissingError: its model or runtime is not there.
    """
    from maskgen.faces.masked_face_finder import FaceFinder

    finder = FaceFinder()

    def find(photo: RGBImage) -> list[DetectedFace]:
        return [
            DetectedFace(one.box, unit_place(one.matrix(UNIT), UNIT), one.score) for one in finder.find(photo)
        ]

    return find
