"""Bounding boxes of faces as detectors' data sets have them, from the labels of a sample.

The label `box` encloses the points of the face mesh, whose uppermost point lies below the hairline. Boxes of WIDER
FACE, on which detectors are trained, go from the hairline to the chin. So the forehead is raised along the face by
`FOREHEAD` of the distance from chin to forehead: the median difference to the boxes of a detector trained on WIDER FACE
(MTCNN) on 300 photos of LFW. Intersection over union with its boxes: .84 before, .90 after; docs/detection-data.md.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

FOREHEAD = 0.107  # of the distance from the chin to the uppermost point of the mesh
TOP, CHIN = 10, 152  # points of the mesh
MESH = "mesh468"
VISIBLE = 0.5  # least fraction of a face's box inside the image

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class FaceBox:
    """Bounding box of a face in an image.

    Attributes:
        box: x0, y0, x1, y1 in pixels, clipped to the image. Its top-left corner is (0, 0), and its bottom-right corner
            (width, height).
        truncated: whether clipping took a part of it.
        nth: index of the face in the labels.
    """

    box: Box
    truncated: bool
    nth: int

    @property
    def size(self) -> tuple[float, float]:
        """Width and height in pixels."""
        x0, y0, x1, y1 = self.box
        return x1 - x0, y1 - y0


def detector_box(face: dict[str, Any]) -> Box:
    """Computes the box of a face that is not clipped, from its labels.

    Args:
        face: an entry of the label `faces`. Its coordinates count from the centre of the top-left pixel.

    Returns:
        x0, y0, x1, y1 in pixels; the top-left corner of the image is (0, 0).
    """
    if face["scheme"] == MESH and len(face["landmarks"]) == 468:
        points = np.array(face["landmarks"], np.float64)
        raised = points[TOP] + FOREHEAD * (points[TOP] - points[CHIN])
        return _bounds(np.vstack([points, raised]) + 0.5)
    # Other landmarks do not reach the forehead; the box is that of a mesh fitted to them, in an upright photo.
    x0, y0, x1, y1 = face["box"]
    return x0 + 0.5, y0 - FOREHEAD * (y1 - y0) + 0.5, x1 + 0.5, y1 + 0.5


def _bounds(points: Float64[ndarray, "n 2"]) -> Box:
    (x0, y0), (x1, y1) = points.min(0).tolist(), points.max(0).tolist()
    return x0, y0, x1, y1


def face_boxes(
    faces: list[dict[str, Any]], width: int, height: int, smallest: float
) -> tuple[list[FaceBox], int]:
    """Computes the boxes of the faces in an image.

    Args:
        faces: the label `faces`.
        width: width of the image in pixels.
        height: height of the image in pixels.
        smallest: least shorter side of a clipped box in pixels.

    Returns:
        The boxes, and the number of faces left out: smaller, or with less than `VISIBLE` of their box in the image.
    """
    boxes: list[FaceBox] = []
    for nth, face in enumerate(faces):
        whole = detector_box(face)
        x0, y0, x1, y1 = max(whole[0], 0.0), max(whole[1], 0.0), min(whole[2], width), min(whole[3], height)
        area = (whole[2] - whole[0]) * (whole[3] - whole[1])
        inside = max(x1 - x0, 0.0) * max(y1 - y0, 0.0)
        if area > 0 and inside >= VISIBLE * area and min(x1 - x0, y1 - y0) >= smallest:
            boxes.append(FaceBox((float(x0), float(y0), float(x1), float(y1)), inside < area, nth))
    return boxes, len(faces) - len(boxes)
