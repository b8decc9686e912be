"""Seat a mask on a face: carry it over, and where it would lie over an eye, pull it down as its wearer would."""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from jaxtyping import Bool, Float32
from numpy import ndarray

from maskgen.shell import Shell
from maskgen.warp import Box, Carried, Fit, Looseness, Seen, box_around, carry, rasterise

# Contours of the lids, the subject's right eye and left eye, in order round the eye.
LIDS = [
    (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246),
    (263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466),
]
PULL, PULLS = 0.05, 3  # head units, and how often
LASHES = 0.06  # head units around the lids that stay free


@dataclass(frozen=True)
class Seat:
    """A mask in its place: the carried shell, the pixels around it, and where in them it is seen."""

    carried: Carried
    box: Box
    seen: Seen


def seat(
    shell: Shell,
    fit: Fit,
    loose: Looseness,
    mesh: Float32[ndarray, "468 3"],
    margin: float,
    shape: tuple[int, int],
) -> Seat | None:
    """The mask in its place, or None where it lies outside the picture.

    On a far-turned head a cup can hide the far eye however it sits; what is then left of it over an eye is cut.

    Args:
        shell: the mask.
        fit: the head's place in the picture.
        loose: how it sits.
        mesh: of the face, pixels.
        margin: pixels around the mask that its shadow may reach.
        shape: height and width of the picture.
    """
    for _ in range(PULLS + 1):
        carried = carry(shell, fit, loose)
        box = box_around(carried, margin, *shape)
        if min(box.shape) < 4:
            return None
        seen = rasterise(carried.grid, shell.uv, box)
        over = _over_eyes(seen, mesh, round(LASHES * fit.scale), box)
        if not over.any():
            break
        loose = replace(loose, down=loose.down + PULL)
    if over.any():
        seen = Seen(seen.at[~over], seen.uv[~over])
    return Seat(carried, box, seen) if len(seen.at) else None


def _over_eyes(seen: Seen, mesh: Float32[ndarray, "468 3"], around: int, box: Box) -> Bool[ndarray, "n"]:
    """Which seen pixels lie between the lids or up to `around` pixels from them."""
    over = np.zeros(len(seen.at), bool)
    contours = np.rint(mesh[LIDS, :2]).astype(np.int32) - np.array([box.x0, box.y0], np.int32)
    top = min(max(int(contours[..., 1].min()) - around - 1, 0), box.shape[0])
    bottom = min(max(int(contours[..., 1].max()) + around + 2, top), box.shape[0])
    first, last = np.searchsorted(seen.at, (top * box.shape[1], bottom * box.shape[1]))
    if first == last:
        return over
    canvas = np.zeros((bottom - top, box.shape[1]), np.uint8)
    for contour in contours - np.array([0, top], np.int32):
        cv2.fillPoly(canvas, [contour], 1)
        cv2.polylines(canvas, [contour], True, 1, 2 * around + 1)
    over[first:last] = canvas.reshape(-1)[seen.at[first:last] - top * box.shape[1]] > 0
    return over
