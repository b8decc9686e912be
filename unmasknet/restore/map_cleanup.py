"""Cleaning of the segmenter's probabilities: threshold, opening, and removal of components that cannot be a mask.

All maps are in the frame of a face's crop, where eyes, mouth and chin have fixed places.
"""

import cv2
import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from maskgen.types import Plane
from unmasknet.restore.runtimes.base import Cleaning
from unmasknet.settings import REFERENCE_SIDE

LEAST_PIECE = 0.003  # smallest component, as a fraction of the crop
MOST_ASIDE = 0.02  # largest component off the face, as a fraction of the crop: a strap, but not a collar
FACE_CENTRE, FACE_AXES = (0.5, 0.66), (0.30, 0.30)  # ellipse from nose to chin, in sides of the crop
# Smallest fraction of that ellipse that a mask covers: the minimum of 60 masks is .26; a moustache covers .16.
ON_FACE = 0.2


def clean_map(hidden: Float32[ndarray, "side side"], cleaning: Cleaning) -> Plane:
    """Computes the clean map of a crop, 0 or 1; all 0 if the mask is too small or not where masks are worn.

    Args:
        hidden: probabilities in a face's crop.
        cleaning: the segmenter's threshold and opening.
    """
    side = len(hidden)
    found = (hidden > cleaning.threshold).astype(np.uint8)
    radius = round(cleaning.opening * side / REFERENCE_SIDE)
    if radius:
        found = cv2.morphologyEx(found, cv2.MORPH_OPEN, np.ones((2 * radius + 1,) * 2, np.uint8))
    face = _face(side)
    kept = _pieces(found, face)
    if cv2.countNonZero(kept & face) < ON_FACE * int(face.sum()):
        return np.zeros_like(found)
    return _filled(kept)


def _pieces(found: Plane, face: Plane) -> Plane:
    """Keeps the components of a map that can be a mask or its straps."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(found, connectivity=8)
    fraction = stats[:, cv2.CC_STAT_AREA] / found.size
    on_face = np.bincount(labels[face > 0], minlength=count) > 0
    kept = (fraction >= LEAST_PIECE) & (on_face | (fraction <= MOST_ASIDE))
    kept[0] = False
    return kept[labels].astype(np.uint8)


def _filled(plane: Plane) -> Plane:
    """Fills holes inside a mask, such as a print, a valve or a crease that the segmenter missed."""
    outlines, _ = cv2.findContours(plane, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return cv2.drawContours(np.zeros_like(plane), outlines, -1, 1, cv2.FILLED)


def _face(side: int) -> Plane:
    plane = np.zeros((side, side), np.uint8)
    centre = tuple(round(value * side) for value in FACE_CENTRE)
    axes = tuple(round(value * side) for value in FACE_AXES)
    return cv2.ellipse(plane, centre, axes, 0, 0, 360, 1, cv2.FILLED)
