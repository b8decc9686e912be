"""Five points of a face: those of the data set's labels, or those found on an image under a mask or without one."""

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from maskgen.dataset.face_points import five_of
from maskgen.dataset.reader import Labels
from maskgen.faces.arcface import TEMPLATE, FivePoints
from maskgen.images.resample import carry, inverse
from maskgen.types import RGBImage
from unmasknet.metrics.identity import similarity

NEAR = 0.5  # sides of the labelled box; a found face whose centre is further away is another one

Box = Sequence[float]  # x0, y0, x1, y1
FindPoints = Callable[[RGBImage, Box], FivePoints | None]


def labelled_points(labels: Labels) -> FivePoints | None:
    """Returns the five points of a sample's first face, in pixels; None if its landmarks lack them."""
    if not labels["faces"]:
        return None
    face = labels["faces"][0]
    points = five_of(face["landmarks"], face["scheme"])
    return None if points is None else points.astype(np.float32)


def build_point_finder() -> FindPoints:
    """Builds a function that finds the five points of a face by itself, masked or not.

    It takes an image and the labelled box, which only tells which of several faces is meant, and returns None if no
    face is found there. The detector finds eyes and middle of the mouth, under a mask by a guess; nose and corners of
    the mouth are placed by ArcFace's template.

    Raises:
        MissingError: the detector's model or runtime is missing.
    """
    from maskgen.faces.masked_face_finder import FaceFinder, LocatedFace

    finder = FaceFinder()

    def find(image: RGBImage, box: Box) -> FivePoints | None:
        centre = np.array([box[0] + box[2], box[1] + box[3]]) / 2
        side = max(box[2] - box[0], box[3] - box[1])
        near: list[tuple[float, LocatedFace]] = []
        for face in finder.find(image):
            middle = np.array([face.box[0] + face.box[2], face.box[1] + face.box[3]]) / 2
            near.append((float(np.hypot(*(middle - centre))), face))
        if not near or min(near, key=lambda one: one[0])[0] > NEAR * side:
            return None
        face = min(near, key=lambda one: one[0])[1]
        return five_of_three(np.stack([face.right, face.left, face.mouth]).astype(np.float32))

    return find


def five_of_three(points: Float32[ndarray, "3 2"]) -> FivePoints:
    """Completes both eyes and the middle of the mouth to five points.

    Nose and corners of the mouth are where ArcFace's template has them once it is laid over the three points, the
    corners beside the middle that was found.
    """
    right, left, mouth = points
    both = np.stack([right, left, mouth, mouth, mouth])
    template = np.stack([*TEMPLATE[:2], *[TEMPLATE[3:].mean(0)] * 3]).astype(np.float32)
    laid = carry(inverse(similarity(both, template).astype(np.float32)), TEMPLATE)
    corners = laid[3:] + (mouth - laid[3:].mean(0))
    return np.stack([right, left, laid[2], *corners]).astype(np.float32)
