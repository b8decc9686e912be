"""What stays in front of a mask: hair over the cheek and the rims of glasses, told by their darkness.

Only where they can be expected: hair at the mask's sides above the jaw, rims along its upper edge. There a pixel that
is much darker than skin would be under the photo's light is no skin, and the mask goes behind it. Light hair is not
told from skin: it is then covered, as it would be by a mask put on over it.
"""

import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from maskgen.light import LUMA, Light
from maskgen.types import Picture
from maskgen.warp import Box, Seen

DARK, DARKER = 0.30, 0.17  # light on a pixel relative to skin: from here it may be hair, from here it is
DIM = 0.05  # linear light on skin below which its shaded side is as dark as hair, and nothing can be told
SIDE, JAW = 0.62, 0.75  # hair is looked for beyond this |u| and above this v
FADE, RIM_FADE = 0.08, 0.03  # of these borders, in |u| or v
RIM, NOSE = 0.12, 0.24  # rims are looked for above this v, beyond this |u|: the nose has shadows of its own


def in_front(
    picture: Picture, box: Box, seen: Seen, light: Light, shade: Float32[ndarray, "n"]
) -> Float32[ndarray, "n"]:
    """How much of each seen pixel of a mask is behind hair or a rim, 0-1.

    Args:
        picture: without the mask.
        box: the pixels that `seen` speaks of.
        seen: where the mask is seen.
        light: of the photo on this face.
        shade: light on the mask at each seen pixel, relative to a surface that faces the viewer.
    """
    hidden = np.zeros(len(seen.at), np.float32)
    aside = np.abs(seen.uv[:, 0])
    down = seen.uv[:, 1]
    look = np.flatnonzero(((aside > SIDE) & (down < JAW)) | ((aside > NOSE) & (down < RIM)))
    if len(light.skin) == 0 or light.skin @ LUMA < DIM or len(look) == 0:
        return hidden
    rows, columns = np.divmod(seen.at[look], box.shape[1])
    pixels = picture[rows + box.y0, columns + box.x0].astype(np.float32) * np.float32(1 / 255)
    expected = float(light.skin @ LUMA) * np.clip(shade[look], 0.3, 1.2)
    darkness = (pixels * pixels) @ LUMA / expected
    aside, down = aside[look], down[look]
    # what is looked for fades out at the borders of where it is looked for, or a shaded cheek would be cut along them
    hair = np.minimum((aside - SIDE) * (1 / FADE), (JAW - down) * (1 / FADE))
    rim = np.minimum((aside - NOSE) * (1 / FADE), (RIM - down) * (1 / RIM_FADE))
    reach = np.clip(np.maximum(hair, rim), 0, 1)
    hidden[look] = np.clip((DARK - darkness) * (1 / (DARK - DARKER)), 0, 1) * reach
    return hidden
