"""Detection of faces, masked or not. The only module of `unmasknet` that uses the face detector of `maskgen`."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from maskgen.images.resample import carry, inverse
from maskgen.types import Affine, RGBImage
from unmasknet.restore.face_window import FaceWindow, unit_place

UNIT = 256  # side at which crop matrices are computed; any value would do
# Corners of faces' boxes in their crops, in sides of the crop: the median over photos of real masks.
USUAL_BOX = ((0.233, 0.231), (0.803, 0.854))


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


def inferred_face(window: FaceWindow) -> DetectedFace:
    """Builds a face that was not found, from the crop around its mask; its score is 0."""
    (x0, y0), (x1, y1) = carry(inverse(window.place), np.array(USUAL_BOX, np.float32)).tolist()
    return DetectedFace((x0, y0, x1, y1), window.place, 0.0)


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
