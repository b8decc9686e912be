"""Quality measures of frames: sharpness, near-duplicates, faces outside the frame; and the choice of diverse poses."""

from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import Float32, UInt8
from numpy import ndarray

from maskgen.types import Face, Plane, Pose, RGBImage

ROLL_COUNTS = 0.5  # weight of roll in pose distances: the crop undoes roll, so it changes a photo less

Hash = UInt8[ndarray, "8"]


def sharpness(grey: Plane) -> float:
    """Computes the sharpness: the Laplacian's standard deviation divided by that of the grey levels.

    Args:
        grey: a face at `LOOKED_AT` pixels, so that values of near and far faces are comparable.
    """
    spread = float(grey.std())
    return float(cv2.Laplacian(grey, cv2.CV_32F).std()) / max(spread, 1.0)


def fingerprint(grey: Plane) -> Hash:
    """Computes a perceptual hash: which of the 64 lowest DCT coefficients are above their median, packed."""
    small = cv2.resize(grey, (32, 32), interpolation=cv2.INTER_AREA).astype(np.float32)
    waves = cv2.dct(small)[:8, :8].ravel()
    waves[0] = 0  # ignores the mean brightness
    return np.packbits(waves > np.median(waves))


def distance(one: Hash, others: Sequence[Hash]) -> int:
    """Computes the smallest Hamming distance, 0 to 64 bits, from a hash to others; 64 if there are none."""
    if not others:
        return 64
    return int(np.unpackbits(np.stack(list(others)) ^ one, axis=1).sum(1).min())


def is_cut_off(face: Face, pixels: RGBImage) -> bool:
    """Tells whether part of a face lies outside the frame."""
    height, width = pixels.shape[:2]
    x0, y0, x1, y1 = face.box
    return x0 < 0 or y0 < 0 or x1 > width - 1 or y1 > height - 1


def spread_out(poses: Sequence[Pose], count: int) -> list[int]:
    """Returns the indices of `count` poses that differ as much as possible, in ascending order.

    The first choice is the most frontal pose, each further one the pose farthest from all chosen before.
    """
    points: Float32[ndarray, "n 3"] = np.array(
        [[pose.yaw, pose.pitch, ROLL_COUNTS * pose.roll] for pose in poses], np.float32
    ).reshape(-1, 3)
    chosen: list[int] = []
    distances = -np.linalg.norm(points, axis=1)  # negative at first, so that the most frontal pose is chosen
    while len(chosen) < min(count, len(points)):
        chosen.append(int(np.argmax(distances)))
        gaps = np.linalg.norm(points - points[chosen[-1]], axis=1)
        distances = gaps if len(chosen) == 1 else np.minimum(distances, gaps)
        distances[chosen] = -np.inf
    return sorted(chosen)
