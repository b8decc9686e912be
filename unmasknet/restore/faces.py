"""Detection of faces, masked or not. The only module of `unmasknet` that uses the face detector of `maskgen`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from maskgen.types import Affine, Plane, RGBImage
from unmasknet.restore.face_window import FaceWindow, unit_place

UNIT = 256  # side at which crop matrices are computed; any value would do
# Centre, and width and height, of masks in training crops, in sides of the crop.
USUAL_PLACE, USUAL_SIZE = np.array((0.504, 0.688)), (0.54, 0.46)
LEAST = 64  # pixels; smaller components of a given map are ignored as drawing errors


@dataclass(frozen=True)
class DetectedFace:
    """Face found in a photo.

    Attributes:
        box: x0, y0, x1, y1 in pixels.
        place: matrix photo -> crop at a side of 1, framed as the training crops are.
        score: confidence of the face detector, 0-1.
    """

    box: tuple[float, float, float, float]
    place: Affine
    score: float


FindFaces = Callable[[RGBImage], list[DetectedFace]]


def places_of_map(hidden: Plane, windows: Sequence[FaceWindow]) -> list[Affine]:
    """Infers face crops from the masks of a map that lie outside all windows.

    Such a face is taken to be upright, with the usual place and size of a mask in a crop.

    Args:
        hidden: 1 where a mask is, in the photo's pixels.
        windows: windows of the faces that were found.
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


def build_face_detectors() -> tuple[FindFaces, FindFaces]:
    """Builds the face detector of photos, and that of the frames of videos and cameras.

    Both return the largest face first. That of frames does not search for small faces, which takes 0.2 s in a frame of
    1920 x 1080 pixels. They share their networks: use them in one thread.

    Raises:
        MissingError: its model or runtime is missing.
    """
    from maskgen.faces.masked_face_finder import FaceFinder

    finder = FaceFinder()

    def find_in(photo: RGBImage, small_faces: bool) -> list[DetectedFace]:
        return [
            DetectedFace(one.box, unit_place(one.matrix(UNIT), UNIT), one.score)
            for one in finder.find(photo, small_faces)
        ]

    return lambda photo: find_in(photo, True), lambda frame: find_in(frame, False)
