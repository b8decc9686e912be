"""Strip image of a photo: masked photo, map overlaid on it, result and, if there is one, the truth."""

import cv2
import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from maskgen.types import Plane, RGBImage
from unmasknet.restore.provenance import encode_result
from unmasknet.restore.unmasker import Unmasker

SIDE = 512  # pixels; the most that the longer side of a part has
GAP = 6
TINT = np.array((255, 64, 32), np.float32)
PAPER = 250


def draw_strip(
    photo: RGBImage, map: Plane, result: RGBImage, truth: UInt8[ndarray, "_ _ 3"] | None
) -> UInt8[ndarray, "tall wide 3"]:
    """Draws the parts side by side. `map`: 255 where the mask is; `truth`: of any size, resized to the photo's."""
    shown = photo.astype(np.float32)
    shown[map == 255] = 0.45 * shown[map == 255] + 0.55 * TINT
    parts = [photo, shown.astype(np.uint8), result, *([] if truth is None else [truth])]
    scale = min(1.0, SIDE / max(photo.shape[:2]))
    size = (max(1, round(photo.shape[1] * scale)), max(1, round(photo.shape[0] * scale)))
    small = [cv2.resize(part, size, interpolation=cv2.INTER_AREA) for part in parts]
    gap = np.full((size[1], GAP, 3), PAPER, np.uint8)
    return np.hstack([part for one in small for part in (one, gap)][:-1])


def restored_strip(masked: RGBImage, truth: RGBImage) -> bytes:
    """Draws masked photo, map, result and truth side by side, as a PNG with the note in its metadata.

    Raises:
        MissingError: the released weights are missing. InputError: they are damaged.
    """
    restored = Unmasker.from_pretrained()(masked)
    return encode_result(draw_strip(masked, restored.map, restored.picture, truth), ".png")
