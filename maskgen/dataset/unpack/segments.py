"""Outlines of worn masks: the pixels of each face's mask, as polygons or run lengths.

A segment holds the pixels of the mask itself, without straps and shadow: `parts` is 3. Straps are a pixel or two wide,
and the outlines that people draw by hand leave them out.
"""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from jaxtyping import Bool
from numpy import ndarray

from maskgen.dataset.unpack.face_boxes import CHIN
from maskgen.types import Plane

MASK = 3  # value of a mask's own pixels in `parts`
TOLERANCE = 0.6  # pixels; a polygon's distance from the exact outline
SPECK = 4  # pixels; smaller islands are left out of polygons
FINE = 4  # steps per pixel in which outlines are traced
LIPS = (13, 14)  # points of the mesh between the lips, near the centre of a mask worn correctly

Pixels = Bool[ndarray, "h w"]
Polygon = list[float]  # x0, y0, x1, y1, ... in pixels; the image's top-left corner is (0, 0)


def mask_pixels(parts: Plane, faces: Sequence[dict[str, Any]], masked: Sequence[int]) -> dict[int, Pixels]:
    """Finds the pixels of each worn mask.

    `parts` does not tell masks of different faces apart. Masks that do not touch are separate regions; a region belongs
    to the face whose centre is nearest, in widths of that face. A region of several masks that touch is divided by the
    same distance, pixel by pixel.

    Args:
        parts: plane of the sample; 3 where a mask is.
        faces: the label `faces`, in pixels of `parts`.
        masked: indices of the faces that wear a mask.

    Returns:
        index of a face -> its mask's pixels; a mask that is not visible has none.
    """
    every = parts == MASK
    if not masked:
        return {}
    if len(masked) == 1:
        return {masked[0]: every}
    owner = _nearest(every.shape, [faces[nth] for nth in masked])
    count, regions, stats, _ = cv2.connectedComponentsWithStats(every.astype(np.uint8), connectivity=8)
    for region in range(1, count):
        seats = [n for n, nth in enumerate(masked) if _holds(regions, region, faces[nth])]
        if len(seats) < 2:
            x, y, width, height = stats[region, :4].tolist()
            window = np.s_[y : y + height, x : x + width]
            own = regions[window] == region
            votes = np.bincount(owner[window][own], minlength=len(masked))
            owner[window][own] = seats[0] if seats else int(votes.argmax())
    return {nth: every & (owner == n) for n, nth in enumerate(masked)}


def _centre(face: dict[str, Any]) -> tuple[float, float]:
    """Returns the middle of the lips, or of the box's lower half."""
    if len(face["landmarks"]) == 468:
        (ax, ay), (bx, by) = (face["landmarks"][point] for point in LIPS)
        return (ax + bx) / 2, (ay + by) / 2
    x0, y0, x1, y1 = face["box"]
    return (x0 + x1) / 2, y0 + 0.75 * (y1 - y0)


def _nearest(shape: tuple[int, ...], faces: Sequence[dict[str, Any]]) -> ndarray:
    """Returns for each pixel the face whose centre is nearest, in widths of that face."""
    down, across = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    distances = []
    for face in faces:
        x, y = _centre(face)
        width = max(face["box"][2] - face["box"][0], 1.0)
        distances.append(np.hypot(across - x, down - y) / width)
    return np.argmin(distances, axis=0)


def _holds(regions: ndarray, region: int, face: dict[str, Any]) -> bool:
    """Tells whether the chin or the middle of the lips of a face lies in a region, so that its mask is part of it."""
    points = [_centre(face)]
    if len(face["landmarks"]) == 468:
        points.append(tuple(face["landmarks"][CHIN]))
    height, width = regions.shape
    spots = [(round(y), round(x)) for x, y in points]
    return any(0 <= y < height and 0 <= x < width and regions[y, x] == region for y, x in spots)


def polygons(pixels: Pixels) -> list[Polygon]:
    """Traces the outlines of a region, without its holes.

    Args:
        pixels: the region.

    Returns:
        A polygon per connected part of at least `SPECK` pixels, largest first, within `TOLERANCE` of the pixels' edges.
    """
    rows, columns = np.flatnonzero(pixels.any(1)), np.flatnonzero(pixels.any(0))
    if not len(rows):
        return []
    top, left = int(rows[0]), int(columns[0])
    cut = pixels[top : rows[-1] + 1, left : columns[-1] + 1].astype(np.uint8)
    fine = np.repeat(np.repeat(cut, FINE, 0), FINE, 1)
    outlines, _ = cv2.findContours(fine, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    found = []
    for outline in sorted(outlines, key=cv2.contourArea, reverse=True):
        if cv2.contourArea(outline) < SPECK * FINE * FINE * 0.5:
            continue
        # OpenCV's outline runs through the centres of the outermost fine pixels: half a fine pixel inside the edge.
        simple = cv2.approxPolyDP(outline, TOLERANCE * FINE, True)[:, 0].astype(np.float64)
        if len(simple) >= 3:
            points = (simple + 0.5) / FINE + (left, top)
            found.append([round(value, 2) for value in points.ravel().tolist()])
    return found


def run_lengths(pixels: Pixels) -> dict[str, Any]:
    """Encodes a region as COCO's uncompressed run lengths, which keep every pixel and hole.

    Returns:
        `size`: height and width. `counts`: lengths of runs of 0 and 1 in turn, column by column, beginning with 0.
    """
    flat = np.concatenate([[False], pixels.T.ravel(), [False]])
    edges = np.flatnonzero(flat[1:] != flat[:-1])
    total = pixels.size
    counts = np.diff(np.concatenate([[0], edges, [total]])).tolist()
    if len(edges) and edges[-1] == total:
        counts = counts[:-1]  # the last run is of ones
    return {"size": [int(side) for side in pixels.shape], "counts": [int(count) for count in counts]}
