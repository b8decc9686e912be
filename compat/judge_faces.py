"""Verdicts on what readers of detectors' layouts return: boxes of faces with their classes, and pixels of masks."""

import numpy as np

EXACT, ROUNDED = 0.02, 1.01  # pixels: of two decimals; of whole pixels
MASK = 3  # value of a mask's own pixels in `parts`


def judge_boxes(array: np.ndarray, wanted: np.ndarray) -> str:
    """Compares the boxes and classes of an image's faces.

    Args:
        array: n 5, as the reader returned them: x0, y0, x1, y1 in pixels, and the number of the class from 0; or n 1,
            the classes alone.
        wanted: n 5.

    Returns:
        The verdict; a box may differ by the rounding of the layout.
    """
    if array.ndim != 2 or array.shape[1] not in (1, 5):
        return f"wrong, {array.shape}"
    if len(array) != len(wanted):
        return f"wrong, {len(array)} of {len(wanted)} faces"
    if (array[:, -1] != wanted[:, -1]).any():
        return "wrong, other classes"
    if array.shape[1] == 1:
        return "right, classes"
    apart = np.abs(array[:, :4] - wanted[:, :4]).max(initial=0.0)
    if apart > ROUNDED:
        return f"wrong, {apart:.1f} px apart"
    return "right" if apart <= EXACT else "right, within 1 px"


def judge_mask(array: np.ndarray, parts: np.ndarray) -> str:
    """Compares the pixels of the masks of an image.

    Args:
        array: h w, not 0 where the reader says that a mask is.
        parts: h w.

    Returns:
        The verdict; the edge of a polygon may differ by a pixel.
    """
    wanted, seen = parts == MASK, np.asarray(array) != 0
    if seen.shape != wanted.shape:
        return f"wrong, {seen.shape}"
    if np.array_equal(seen, wanted):
        return "right"
    inside, outside = _shrunk(wanted), ~_shrunk(~wanted)
    wrong = int((inside & ~seen).sum() + (seen & ~outside).sum())
    return f"wrong, {wrong} pixels" if wrong else "right, within 1 px"


def _shrunk(plane: np.ndarray) -> np.ndarray:
    """Returns the pixels whose eight neighbours are all set; those beyond the image count as set."""
    padded = np.pad(plane, 1, constant_values=True)
    height, width = plane.shape
    return np.logical_and.reduce([padded[y : y + height, x : x + width] for y in range(3) for x in range(3)])
