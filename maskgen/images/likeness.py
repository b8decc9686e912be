"""Perceptual hash of a photo: alike for re-encoded, resized or slightly brightened copies, far apart for other photos.

128 bits: the DCT hash (pHash) and the difference hash (dHash) of the photo in 32 x 32 grey levels, 64 bits each. On
9,800 photos of LFW, pairs within both limits were copies or shots of one moment; 97 to 100 % of copies at JPEG quality
40 to 95 and 0.3 to 4 times the size were within them.
"""

from functools import cache

import cv2
import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from maskgen.types import RGBImage

DCT_BITS, STEP_BITS = (
    4,
    8,
)  # largest numbers of different bits of two copies: in the DCT hash, in the difference hash
SIDE, LOW = 32, 8  # side of the small image; number of the lowest frequencies per axis
LOOKED_AT = (
    3 * SIDE
)  # pixels per axis that are read of a photo: a mean over all of them would take four times as long


def likeness(pixels: RGBImage) -> str:
    """Computes the perceptual hash of a photo.

    The arithmetic is exact, so the same pixels give the same bits on every machine.

    Args:
        pixels: the photo.

    Returns:
        32 hex digits: 16 of the DCT hash, 16 of the difference hash.
    """
    few = cv2.resize(pixels, (LOOKED_AT, LOOKED_AT), interpolation=cv2.INTER_NEAREST)
    small = cv2.resize(cv2.cvtColor(few, cv2.COLOR_RGB2GRAY), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    waves = _cosines()
    strengths = (waves @ small.astype(np.float64) @ waves.T).reshape(-1)
    middle = np.partition(strengths, (31, 32))[31:33].sum()  # twice the median
    steps = cv2.resize(small, (LOW + 1, LOW), interpolation=cv2.INTER_AREA)
    bits = np.concatenate([2 * strengths > middle, (steps[:, 1:] > steps[:, :-1]).reshape(-1)])
    return np.packbits(bits).tobytes().hex()


@cache
def _cosines() -> Float64[ndarray, "8 32"]:
    """Computes the lowest frequencies of the DCT, as whole numbers: sums of their products are exact."""
    angles = np.pi * np.outer(np.arange(LOW), 2 * np.arange(SIDE) + 1) / (2 * SIDE)
    return np.rint(np.cos(angles) * 4096)
