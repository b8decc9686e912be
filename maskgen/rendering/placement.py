"""Seat a mask on a face: carry it over, and where it would lie over an eye, pull it down as its wearer would."""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from maskgen.masks.shell import Shell
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

# Contours of the lids, the subject's right eye and left eye, in order round the eye.
LIDS = np.array([
    (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246),
    (263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466),
])  # fmt: skip
PULL, PULLS = 0.05, 3  # head units, and how often
LASHES = 0.06  # head units around the lids that stay free


@dataclass(frozen=True)
class Seat:
    """A mask in its place: the carried shell, the pixels around it (not its straps), the place of it seen at each."""

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

    On a far-turned head a cup can hide the far eye however it sits; what is then left of it over an eye is cut.

    Args:
        shell: the mask.
        fit: the head's place in the picture.
        loose: how it sits.
        mesh: of the face, pixels.
        margin: pixels around the mask that its soft edge may reach.
        shape: height and width of the picture.
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
    """Rows and columns of the seen pixels that lie between the lids or up to `around` pixels from them, if any do."""
    points = np.rint(mesh.take(LIDS, axis=0)[..., :2]).astype(np.int32)
    left, top, wide, tall = cv2.boundingRect(points.reshape(-1, 2))
    near = Box(
        max(left - around - 1, box.x0), max(top - around - 1, box.y0),
        min(left + wide + around + 1, box.x1), min(top + tall + around + 1, box.y1),
    )  # fmt: skip
    if min(near.shape) <= 0:
        return None
    bare = places[near.inside(box)][..., 0] == UNSEEN
    if bare.all():
        return None
    canvas = np.zeros(near.shape, np.uint8)
    contours = list(points - np.array([near.x0, near.y0], np.int32))
    cv2.fillPoly(canvas, contours, 1)
    cv2.polylines(canvas, contours, True, 1, 2 * around + 1)
    canvas[bare] = 0
    if not canvas.any():
        return None
    rows, columns = np.nonzero(canvas)
    return rows + (near.y0 - box.y0), columns + (near.x0 - box.x0)
