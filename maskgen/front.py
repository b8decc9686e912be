"""What stays in front of a mask: hair over the cheek and the rims of glasses, told by their darkness.

Only where they can be expected: hair at the mask's sides above the jaw, rims along its upper edge. There a pixel that
is much darker than skin would be under the photo's light is no skin, and the mask goes behind it. Light hair is not
told from skin: it is then covered, as it would be by a mask put on over it.
"""

import cv2
import numpy as np
from jaxtyping import Bool, Float32, Int, UInt8
from numpy import ndarray

from maskgen.light import LUMA, Light
from maskgen.shell import MARGIN
from maskgen.types import Picture
from maskgen.warp import UNSEEN, Box

DARK, DARKER = 0.30, 0.17  # light on a pixel relative to skin: from here it may be hair, from here it is
CORE = 0.08  # how much of a pixel must be hidden for it to count as part of something
DIM = 0.05  # linear light on skin below which its shaded side is as dark as hair, and nothing can be told
# Places are 0-1 over the grid, which reaches MARGIN beyond the mask; u is twice as far from its middle.
_U, _V = 0.5 / (1 + 2 * MARGIN), 1 / (1 + 2 * MARGIN)
SIDE, JAW = 0.62 * _U, (0.75 + MARGIN) * _V  # hair is looked for beyond |u| = .62 and above v = .75
NOSE, RIM = (
    0.24 * _U,
    (0.12 + MARGIN) * _V,
)  # rims beyond |u| = .24, above v = .12: the nose has its own shadows
FADE_U, FADE_V, RIM_FADE = 0.08 * _U, 0.08 * _V, 0.03 * _V  # of these borders


def in_front(
    picture: Picture,
    box: Box,
    places: Float32[ndarray, "r c 3"],
    light: Light,
    shade: Float32[ndarray, "tall wide"],
) -> tuple[Int[ndarray, "n"], Float32[ndarray, "n"]]:
    """Which pixels of a mask may be behind hair or a rim, as indices in the flattened box, and how far they are, 0-1.

    Args:
        picture: without the mask.
        box: the pixels that `places` speaks of.
        places: which place of the mask is seen at each.
        light: of the photo on this face.
        shade: light on the mask at each place, relative to a surface that faces the viewer.
    """
    if len(light.skin) == 0 or light.skin @ LUMA < DIM:
        return np.zeros(0, np.int64), np.zeros(0, np.float32)
    row, column, _ = cv2.split(places)
    aside = cv2.absdiff(column, 0.5)
    look = ((aside > SIDE) & (row < JAW)) | ((aside > NOSE) & (row < RIM))
    at = np.flatnonzero(look & (row != UNSEEN))
    y, x = np.divmod(at, box.shape[1])
    pixels = picture[y + box.y0, x + box.x0].astype(np.float32) * np.float32(1 / 255)
    tall, wide = shade.shape
    row, column, aside = row.reshape(-1)[at], column.reshape(-1)[at], aside.reshape(-1)[at]
    texel = (row * (tall - 1)).astype(np.intp) * wide + (column * (wide - 1)).astype(np.intp)
    expected = np.clip(shade.reshape(-1)[texel], 0.3, 1.2) * np.float32(light.skin @ LUMA)
    darkness = (pixels * pixels) @ LUMA / expected
    # what is looked for fades out at the borders of where it is looked for, or a shaded cheek would be cut along them
    hair = np.minimum((aside - SIDE) * (1 / FADE_U), (JAW - row) * (1 / FADE_V))
    rim = np.minimum((aside - NOSE) * (1 / FADE_U), (RIM - row) * (1 / RIM_FADE))
    reach = np.clip(np.maximum(hair, rim), 0, 1)
    hidden = (np.clip((DARK - darkness) * (1 / (DARK - DARKER)), 0, 1) * reach).astype(np.float32)
    found = np.flatnonzero(hidden > CORE)
    if len(found):
        around = cv2.compare(places[..., 0], UNSEEN, cv2.CMP_EQ)
        hidden[found[_hangs_loose(around, at[found])]] = 0
    return at, hidden


def _hangs_loose(around: UInt8[ndarray, "r c"], dark: Int[ndarray, "n"]) -> Bool[ndarray, "n"]:
    """Which dark pixels do not hang together with what lies around the mask.

    Hair and rims come over its edge; a nostril or a mole does not.

    Args:
        around: 255 where no mask is; it is changed.
        dark: indices of pixels of the mask.
    """
    around.reshape(-1)[dark] = 255
    framed = cv2.copyMakeBorder(around, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=255)
    cv2.floodFill(framed, None, (0, 0), 0)
    y, x = np.divmod(dark, around.shape[1])
    return framed[y + 1, x + 1] > 0
