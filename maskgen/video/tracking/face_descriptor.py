"""What is to be recognised of a face within a clip: edges and their directions, less those of any face.

No network for identities: in one clip light, hair and clothes stay, and this costs half a millisecond.
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

SIDE, CELLS, BINS = 96, 12, 8  # of the crop in pixels; cells a side; directions, over half a turn
FLOOR = 20.0  # grey levels a pixel; a cell with weaker edges than that counts less

Look = Float32[ndarray, "1152"]


def look_of(pixels: RGBImage, place: Place) -> Look:
    """Describes a face as a vector of length 1.

    Args:
        pixels: the photo.
        place: of the face's crop in it.
    """
    look = edges(pixels, place) - mean_edges()
    return np.asarray(look / max(float(np.linalg.norm(look)), 1e-6), np.float32)


def edges(pixels: RGBImage, place: Place) -> Look:
    """Histograms of the gradient's directions in each cell of a face's crop."""
    crop = warp(pixels, matrix_of(place, SIDE), SIDE, "reflect")
    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY).astype(np.float32)
    across, down = cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)
    strength = np.hypot(across, down)
    turn = np.arctan2(down, across) % np.pi * (BINS / np.pi)
    low = np.floor(turn).astype(np.int64)
    share = (turn - low) * strength
    cell = np.arange(SIDE) // (SIDE // CELLS)
    first = (cell[:, None] * CELLS + cell[None]) * BINS
    counts: ndarray = np.bincount(
        (first + low % BINS).ravel(), (strength - share).ravel(), CELLS * CELLS * BINS
    )
    counts += np.bincount((first + (low + 1) % BINS).ravel(), share.ravel(), CELLS * CELLS * BINS)
    cells = counts.reshape(-1, BINS)
    cells = cells / (np.linalg.norm(cells, axis=1, keepdims=True) + FLOOR)
    return np.asarray(cells.ravel() / max(float(np.linalg.norm(cells)), 1e-6), np.float32)


@cache
def mean_edges() -> Look:
    """Loads the mean of `edges` over faces, which `tools/build_look.py` made."""
    with np.load(asset("models/look.npz"), allow_pickle=False) as data:
        return np.asarray(data["mean"], np.float32)


def likeness(some: list[Look], others: list[Look]) -> float:
    """Computes the similarity of the two most similar descriptors of two sets, -1 to 1."""
    return float((np.stack(some) @ np.stack(others).T).max())
