"""A layer over a photo: what is touched, by what, and by nothing else.

The map is the contract of a data set: where it is 0 the two pictures are the same to the bit. So effects too weak to
see are cut to nothing here, before anything is encoded.
"""

import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from maskgen.native import compiled

FAINT = 4  # grey levels; a change below it is none
HALF = 128  # opacity from which a pixel counts as covered
COVERS = 281  # of 510: see `_blend`
SHADOW, STRAP, MASK = 1, 2, 3


def blend(
    layer: UInt8[ndarray, "h w 4"],
    strap: UInt8[ndarray, "h w"],
    shade: UInt8[ndarray, "h w"],
    inside: UInt8[ndarray, "tall wide"],
    corner: tuple[int, int],
    masked: UInt8[ndarray, "tall wide 3"],
    hole: UInt8[ndarray, "tall wide"],
    parts: UInt8[ndarray, "tall wide"],
) -> bool:
    """Lays a mask over a photo.

    Args:
        layer: mask and straps: premultiplied RGB, and opacity, 0-255.
        strap: the part of the layer's opacity that is strap, 0-255.
        shade: what the shadow leaves of the light on the photo, 0-255; 255 is no shadow.
        inside: 1 where `masked` is photo; the map is 0 elsewhere.
        corner: the layer's first column and row in the photo.
        masked: the photo, RGB, 0-255; changed.
        hole: the map, 1 where the photo was changed, by this mask or an earlier one; changed.
        parts: 0 untouched, 1 shadow only, 2 strap, 3 mask; changed.

    Returns:
        Whether the mask is seen; if it is not, nothing is changed.
    """
    return _blend(layer, strap, shade, np.ascontiguousarray(inside), *corner, masked, hole, parts) > 0


@compiled
def _blend(
    layer: UInt8[ndarray, "h w 4"],
    strap: UInt8[ndarray, "h w"],
    shade: UInt8[ndarray, "h w"],
    inside: UInt8[ndarray, "tall wide"],
    left: int,
    top: int,
    masked: UInt8[ndarray, "tall wide 3"],
    hole: UInt8[ndarray, "tall wide"],
    parts: UInt8[ndarray, "tall wide"],
) -> int:
    """Computes `blend`; returns 1 or 0."""
    at = slice(top, top + len(layer)), slice(left, left + layer.shape[1])
    opacity, below = layer[..., 3].astype(np.int32), masked[at].astype(np.int32)
    remaining = ((255 - opacity) * shade + 127) // 255
    over = np.minimum((below * remaining[..., None] + 127) // 255 + layer[..., :3], 255)
    changed = np.abs(over - below).max(-1) >= FAINT
    # what is covered is hidden, also where its colour happens to be the photo's: a map has no pinholes
    touched = (changed | (opacity >= HALF)) & (inside[at] > 0)
    mask = np.maximum(opacity - strap, 0)
    # half of what the shadow takes, and a little: more opaque, and it is no shadow
    covers = 2 * np.maximum(mask, strap) + shade >= COVERS
    # counted up: touched at all is 1, SHADOW; covered is 2, STRAP; covered by the mask first of all is 3, MASK
    kinds = touched * (1 + covers * (1 + (mask >= strap)))
    if not (kinds == MASK).any():
        return 0
    masked[at] = np.where(touched[..., None], over, below)
    hole[at] |= touched
    parts[at] = np.where(kinds > SHADOW, kinds, np.maximum(kinds, parts[at]))
    return 1
