"""Descriptor of a face within one clip: histograms of edge directions, minus their mean over many faces.

No identity network is used: within a clip light, hair and clothes stay the same, and this takes half a millisecond.
"""

from functools import cache

import cv2
import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from maskgen.assets import asset
from maskgen.images.resample import warp
from maskgen.types import RGBImage
from maskgen.video.tracking.crop_smoothing import Place, matrix_of

SIDE, CELLS, BINS = 96, 12, 8  # crop side in pixels; cells per side; directions over 180 degrees
FLOOR = 20.0  # grey levels per pixel; a cell with weaker edges counts less

Look = Float32[ndarray, "1152"]


def look_of(pixels: RGBImage, place: Place) -> Look:
    """Computes the descriptor of a face, a vector of norm 1.

    Args:
        pixels: the photo.
        place: place of the face's crop in the photo.
    """
    look = edges(pixels, place) - mean_edges()
    return np.asarray(look / max(float(np.linalg.norm(look)), 1e-6), np.float32)


def edges(pixels: RGBImage, place: Place) -> Look:
    """Computes histograms of the gradient direction in each cell of a face's crop, weighted by strength."""
    crop = warp(pixels, matrix_of(place, SIDE), SIDE, "reflect")
    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY).astype(np.float32)
    across, down = cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)
    strength = np.hypot(across, down)
    direction = np.arctan2(down, across) % np.pi * (BINS / np.pi)  # in bins
    low = np.floor(direction).astype(np.int64)
    upper = (direction - low) * strength  # each strength is split between the two nearest bins
    cell = np.arange(SIDE) // (SIDE // CELLS)
    first = (cell[:, None] * CELLS + cell[None]) * BINS
    counts: ndarray = np.bincount(
        (first + low % BINS).ravel(), (strength - upper).ravel(), CELLS * CELLS * BINS
    )
    counts += np.bincount((first + (low + 1) % BINS).ravel(), upper.ravel(), CELLS * CELLS * BINS)
    cells = counts.reshape(-1, BINS)
    cells = cells / (np.linalg.norm(cells, axis=1, keepdims=True) + FLOOR)
    return np.asarray(cells.ravel() / max(float(np.linalg.norm(cells)), 1e-6), np.float32)


@cache
def mean_edges() -> Look:
    """Loads the mean of `edges` over many faces, made by `tools/build_look.py`."""
    with np.load(asset("models/look.npz"), allow_pickle=False) as data:
        return np.asarray(data["mean"], np.float32)


def likeness(some: list[Look], others: list[Look]) -> float:
    """Computes the similarity of the two most similar descriptors of two sets, -1 to 1."""
    return float((np.stack(some) @ np.stack(others).T).max())
