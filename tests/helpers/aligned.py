"""Aligned crops for tests of transforms: the face of scikit-image's photo on ArcFace's template, and its points."""

from functools import cache

import cv2
import numpy as np

from maskgen.faces.arcface import arcface_matrix, five_points
from maskgen.faces.landmarks.points68_to_mesh import ON_MESH
from tests.helpers.faces import astronaut, detector


@cache
def aligned(size=112):
    """Returns a crop and the mesh of its face, in its pixels."""
    face = detector().detect(astronaut())[0]
    matrix = arcface_matrix(five_points(face.mesh), size)
    crop = cv2.warpAffine(astronaut(), matrix, (size, size), flags=cv2.INTER_AREA)
    crop.setflags(write=False)
    return crop, face.moved(matrix).mesh


def five(size=112):
    return five_points(aligned(size)[1]).astype(np.float64)


def sixty_eight(size=112):
    return np.array([aligned(size)[1][list(on), :2].mean(0) for on in ON_MESH], np.float64)


def crops(count):
    """Returns crops that differ in a few pixels of a corner, as photos of a data set differ."""
    made = []
    for nth in range(count):
        crop = aligned()[0].copy()
        crop[:4, :4] = (nth * 7 % 256, nth * 3 % 256, nth)
        made.append(crop)
    return made
