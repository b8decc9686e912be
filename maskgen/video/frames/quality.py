"""Which frames are worth keeping: how sharp, how alike, eyes open or not; and a choice of many poses."""

from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import Float32, UInt8
from numpy import ndarray

from maskgen.types import Face, Plane, Pose, RGBImage

ROLL_COUNTS = 0.5  # a tilted head is turned upright by the crop: half as new a sight as a turned one

Hash = UInt8[ndarray, "8"]


def sharpness(grey: Plane) -> float:
    """Measures fine detail: the Laplacian's standard deviation divided by the grey levels' own.

    Args:
        grey: a face at a size of `LOOKED_AT`, so that numbers of near and far faces can be compared.
    """
    spread = float(grey.std())
    return float(cv2.Laplacian(grey, cv2.CV_32F).std()) / max(spread, 1.0)


def fingerprint(grey: Plane) -> Hash:
    """Computes a perceptual hash: the signs of the 64 lowest frequencies of an image, packed."""
    small = cv2.resize(grey, (32, 32), interpolation=cv2.INTER_AREA).astype(np.float32)
    waves = cv2.dct(small)[:8, :8].ravel()
    waves[0] = 0  # the brightness says nothing of what is seen
    return np.packbits(waves > np.median(waves))


def distance(one: Hash, others: Sequence[Hash]) -> int:
    """Computes the least Hamming distance, 0 to 64 bits, of a hash to others; 64 if there are none."""
    if not others:
        return 64
    return int(np.unpackbits(np.stack(list(others)) ^ one, axis=1).sum(1).min())


def is_cut_off(face: Face, pixels: RGBImage) -> bool:
    """Tells whether part of a face lies outside the frame."""
    height, width = pixels.shape[:2]
    x0, y0, x1, y1 = face.box
    return x0 < 0 or y0 < 0 or x1 > width - 1 or y1 > height - 1


def spread_out(poses: Sequence[Pose], count: int) -> list[int]:
    """Indices of `count` poses that differ as much as can be: the most frontal, then each farthest from those taken."""
    points: Float32[ndarray, "n 3"] = np.array(
        [[pose.yaw, pose.pitch, ROLL_COUNTS * pose.roll] for pose in poses], np.float32
    ).reshape(-1, 3)
    taken: list[int] = []
    away = -np.linalg.norm(points, axis=1)  # at first, the nearest to a frontal head is the one to take
    while len(taken) < min(count, len(points)):
        taken.append(int(np.argmax(away)))
        gaps = np.linalg.norm(points - points[taken[-1]], axis=1)
        away = gaps if len(taken) == 1 else np.minimum(away, gaps)
        away[taken] = -np.inf
    return sorted(taken)
