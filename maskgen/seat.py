"""Seat a mask on a face: carry it over, and where it would lie over an eye, pull it down as its wearer would."""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from jaxtyping import Float32, UInt8
from numpy import ndarray

from maskgen.shell import Shell
from maskgen.warp import Box, Carried, Fit, Looseness, Seen, box_around, carry, rasterise

# Contours of the lids, the subject's right eye and left eye, in order round the eye.
LIDS = (
    (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246),
    (263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466),
)
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
        over = _eyes(mesh, round(LASHES * fit.scale), box).reshape(-1)[seen.at] > 0
        if not over.any():
            break
        loose = replace(loose, down=loose.down + PULL)
    if over.any():
        seen = Seen(seen.at[~over], seen.uv[~over])
    return Seat(carried, box, seen) if len(seen.at) else None


def _eyes(mesh: Float32[ndarray, "468 3"], around: int, box: Box) -> UInt8[ndarray, "h w"]:
    """1 in the pixels of the box between the lids and up to `around` pixels from them."""
    canvas = np.zeros(box.shape, np.uint8)
    for lids in LIDS:
        contour = np.rint(mesh[list(lids), :2] - (box.x0, box.y0)).astype(np.int32)
        cv2.fillPoly(canvas, [contour], 1)
        cv2.polylines(canvas, [contour], True, 1, 2 * around + 1)
    return canvas
