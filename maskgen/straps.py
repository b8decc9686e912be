"""Straps: from the mask's edge over the cheek to where the ear or the head hides them."""

import cv2
import numpy as np
from jaxtyping import Bool, Float32
from numpy import ndarray

from maskgen.warp import Box, Carried

SUBPIXEL = 4  # bits of sub-pixel accuracy that OpenCV draws with
EDGE_ON = 0.10  # z of a unit normal up to which the skin under a strap is still seen


def draw_straps(carried: Carried, widths: tuple[float, ...], box: Box) -> Float32[ndarray, "h w"]:
    """Opacity of the straps inside `box`, 0-1, both sides; what the turned head hides is left out.

    Args:
        carried: the shell on the face.
        widths: of each strap, pixels.
        box: the pixels to draw.
    """
    opacity = np.zeros(box.shape, np.uint8)
    corner = np.array([box.x0, box.y0], np.float32)
    for line, normals, width in zip(carried.straps, carried.strap_normals, widths, strict=True):
        for run in _runs(line[:, :2] - corner, normals[:, 2] < EDGE_ON):
            ribbon = np.rint(_ribbon(run, max(width, 1.0)) * 2**SUBPIXEL).astype(np.int32)
            cv2.fillPoly(opacity, [ribbon], min(width, 1.0) * 255, cv2.LINE_AA, SUBPIXEL)
    return opacity * np.float32(1 / 255)


def _runs(points: Float32[ndarray, "n 2"], seen: Bool[ndarray, "n"]) -> list[Float32[ndarray, "m 2"]]:
    """Stretches of at least two points that are seen."""
    ends = np.flatnonzero(np.diff(seen, prepend=False, append=False))
    return [points[a:b] for a, b in zip(ends[::2], ends[1::2], strict=True) if b - a > 1]


def _ribbon(points: Float32[ndarray, "n 2"], width: float) -> Float32[ndarray, "m 2"]:
    """The outline of a band of a width along a line."""
    along = np.concatenate([points[1:2] - points[:1], points[2:] - points[:-2], points[-1:] - points[-2:-1]])
    across = along[:, ::-1] * np.array([-1, 1], np.float32)
    across *= width / 2 / np.maximum(np.hypot(along[:, 0], along[:, 1]), 1e-6)[:, None]
    return np.concatenate([points + across, (points - across)[::-1]])
