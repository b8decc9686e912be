"""Search for faces that are small in a large photo: a pyramid of overlapping tiles, and a closer look at each find.

BlazeFace sees 128 x 128 pixels. It finds all of 120 faces of LFW that are 18 of these pixels wide, 98 % at 16 pixels,
92 % at 14 and 67 % at 12. The tiles of the finest level are therefore so small that the smallest face has `LEAST_SEEN`
pixels of the view; each further level doubles the side, up to the tiles of `tile_looks`.
"""

from collections.abc import Iterator

import numpy as np

from maskgen.faces.landmarks.blazeface import SIDE, BlazeFace, Detection
from maskgen.faces.landmarks.crop_windows import TILE, tiles, tilt, window
from maskgen.images.resample import Blocks

LEAST_SEEN = 18  # pixels of BlazeFace's view; width of the smallest face in the finest tiles
OVERLAP = (
    0.375  # fraction of a tile that the next one repeats: a face of twice `LEAST_SEEN`, with some margin
)
CLOSER = 3.0  # side of the closer view, in sides of the box; BlazeFace's points are exact there
NEAR = 0.5  # sides of the box; largest distance of the same face in the closer view
SAME_FACE = 0.4  # fraction of the smaller box above which two overlapping boxes belong to one face


def tile_sides(height: int, width: int, smallest: float) -> list[float]:
    """Computes the sides of the tiles of each level, in pixels of the photo, largest first.

    Args:
        height, width: of the photo, in pixels.
        smallest: width of the smallest face to be found, in pixels.

    Returns:
        The sides; none if the faces are large enough in the tiles of `tile_looks`.
    """
    side, coarse = smallest * SIDE / LEAST_SEEN, TILE * max(height, width)
    sides: list[float] = []
    while side < coarse:
        sides.append(side)
        if side >= coarse / 2:
            break
        side *= 2
    return sides[::-1]


def small_detections(
    blazeface: BlazeFace, photo: Blocks, side: float, least: float, least_close: float
) -> list[Detection]:
    """Detects the faces in all tiles of one level, each confirmed and located by a closer view.

    Args:
        blazeface: the detector.
        photo: the photo.
        side: of the tiles, in pixels of the photo.
        least: least score in a tile, 0-1.
        least_close: least score in the closer view, 0-1.

    Returns:
        One detection per face, highest score first.
    """
    height, width = photo.pixels.shape[:2]
    looks = tiles(height, width, side, OVERLAP, SIDE)
    found = _distinct([one for look in looks for one in blazeface.find(photo, look, least)])
    return _distinct([near for one in found for near in _closer(blazeface, photo, one, least_close)])


def _closer(blazeface: BlazeFace, photo: Blocks, one: Detection, least: float) -> Iterator[Detection]:
    """Yields the same face as it is detected in a closer, upright view; nothing if it is not found there."""
    side = float(one.box[2:].max())
    look = window(one.box[:2], tilt(*one.eyes), SIDE / (CLOSER * max(side, 1.0)), SIDE)
    for near in blazeface.find(photo, look, least):
        if np.hypot(*(near.box[:2] - one.box[:2])) < NEAR * side:
            yield near
            return


def _distinct(detections: list[Detection]) -> list[Detection]:
    """Returns the best detection of each face, highest score first."""
    kept: list[Detection] = []
    boxes = np.empty((len(detections), 4), np.float32)  # corners of the kept ones
    for one in sorted(detections, key=lambda one: -one.score):
        low, high = one.box[:2] - one.box[2:] / 2, one.box[:2] + one.box[2:] / 2
        others = boxes[: len(kept)]
        common = np.minimum(others[:, 2:], high) - np.maximum(others[:, :2], low)
        areas = np.minimum(np.prod(others[:, 2:] - others[:, :2], axis=1), np.prod(one.box[2:]))
        if not (np.prod(np.clip(common, 0, None), axis=1) > SAME_FACE * areas).any():
            boxes[len(kept)] = (*low, *high)
            kept.append(one)
    return kept
