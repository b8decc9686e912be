"""Placement of a mask on a face; a mask that would cover an eye is pulled down, as its wearer would do."""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from jaxtyping import Float32, Int64
from numpy import ndarray

from maskgen.masks.shell import Shell
from maskgen.native import compiled
from maskgen.rendering.projection import (
    UNSEEN,
    Box,
    Carried,
    Fit,
    Looseness,
    Places,
    box_around,
    carry,
    rasterise,
)

# Mesh points of the eyelid contours in order, the subject's right eye, then the left eye.
LIDS = np.array([
    (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246),
    (263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466),
])  # fmt: skip
PULL, PULLS = 0.05, 3  # head units per pull, greatest number of pulls
LASHES = 0.06  # head units around the lids that a mask leaves free


@dataclass(frozen=True)
class Seat:
    """Placed mask.

    Attributes:
        carried: the shell in the image.
        box: the pixels around the shell, without its straps.
        places: position on the mask visible at each pixel of `box`, see `rasterise`.
    """

    carried: Carried
    box: Box
    places: Places


def seat(
    shell: Shell,
    fit: Fit,
    loose: Looseness,
    mesh: Float32[ndarray, "468 3"],
    margin: float,
    shape: tuple[int, int],
) -> Seat | None:
    """Places the mask; returns None if it lies outside the image.

    On a head turned far to the side, a cup can cover the far eye wherever it sits. The part that still covers an eye
    after `PULLS` pulls is cut off.

    Args:
        shell: the mask.
        fit: fit of the head to the image.
        loose: how far the mask deviates from its ideal position.
        mesh: the face's mesh, pixels.
        margin: pixels around the mask that its soft edge may reach.
        shape: height and width of the image.
    """
    pulls = 0
    while True:
        carried = carry(shell, fit, loose)
        box = box_around(carried.bounds[0], margin, *shape)
        places = rasterise(carried.grid, box) if min(box.shape) >= 4 else None
        if places is None:
            return None
        covered = _over_eyes(places, mesh, round(LASHES * fit.scale), box)
        if covered is None:
            return Seat(carried, box, places)
        if pulls == PULLS:
            places[covered] = UNSEEN
            return Seat(carried, box, places) if places[..., 0].max() > UNSEEN else None
        pulls, loose = pulls + 1, replace(loose, down=loose.down + PULL)


def _over_eyes(
    places: Places, mesh: Float32[ndarray, "468 3"], around: int, box: Box
) -> tuple[ndarray, ndarray] | None:
    """Returns rows and columns of the mask pixels between the lids or within `around` pixels of them, or None."""
    if not _is_near_eyes(mesh, LIDS, places, around, box.x0, box.y0):
        return None  # most masks: their lids need not be drawn
    points = np.rint(mesh.take(LIDS, axis=0)[..., :2]).astype(np.int32)
    left, top, wide, tall = cv2.boundingRect(points.reshape(-1, 2))
    near = Box(
        max(left - around - 1, box.x0), max(top - around - 1, box.y0),
        min(left + wide + around + 1, box.x1), min(top + tall + around + 1, box.y1),
    )  # fmt: skip
    bare = places[near.inside(box)][..., 0] == UNSEEN
    canvas = np.zeros(near.shape, np.uint8)
    contours = list(points - np.array([near.x0, near.y0], np.int32))
    cv2.fillPoly(canvas, contours, 1)
    cv2.polylines(canvas, contours, True, 1, 2 * around + 1)
    canvas[bare] = 0
    if not canvas.any():
        return None
    rows, columns = np.nonzero(canvas)
    return rows + (near.y0 - box.y0), columns + (near.x0 - box.x0)


@compiled
def _is_near_eyes(
    mesh: Float32[ndarray, "n 3"],
    lids: Int64[ndarray, "eyes k"],
    places: Float32[ndarray, "h w 2"],
    around: int,
    left: int,
    top: int,
) -> int:
    """Tells, by 1 or 0, whether a mask reaches the rectangle around an eye that its lids and `around` pixels need.

    Args:
        mesh: x, y in pixels, and z.
        lids: `LIDS`.
        places: position on the mask visible at each pixel of a box, see `rasterise`.
        around: pixels around the lids.
        left, top: column and row of the box's first pixel in the image.
    """
    for points in np.rint(mesh[lids, :2]):
        (x0, y0), (x1, y1) = (
            np.clip(at - np.array([left, top], np.float32), 0, places.shape[1::-1]).astype(int)
            for at in (points.min(0) - np.float32(around + 1), points.max(0) + np.float32(around + 2))
        )
        if (places[y0:y1, x0:x1, 0] >= 0).any():
            return 1
    return 0
