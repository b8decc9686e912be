"""Blending of a mask layer into a photo, with the map and the part labels of the changed pixels.

A data set guarantees that the masked image and the photo are bit-identical where the map is 0. So changes too weak to
see are discarded here, before encoding.
"""

import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from maskgen.native import compiled

FAINT = 4  # grey levels; smaller changes are discarded
HALF = 128  # opacity from which a pixel counts as covered
COVERS = 281  # of 510; threshold between shadow and covered, see `_blend`
SHADOW, STRAP, MASK = 1, 2, 3


def blend(
    layer: UInt8[ndarray, "h w 4"],
    strap: UInt8[ndarray, "h w"],
    shade: UInt8[ndarray, "h w"],
    inside: UInt8[ndarray, "tall wide"],
    corner: tuple[int, int],
    masked: UInt8[ndarray, "tall wide 3"],
    map: UInt8[ndarray, "tall wide"],
    parts: UInt8[ndarray, "tall wide"],
) -> bool:
    """Lays a mask over a photo.

    Args:
        layer: mask and straps: premultiplied RGB and opacity, 0-255.
        strap: the part of the layer's opacity that belongs to straps, 0-255.
        shade: light that the shadow leaves on the photo, 0-255; 255 is no shadow.
        inside: 1 where `masked` shows the photo; the map is 0 elsewhere.
        corner: column and row of the layer's first pixel in the photo.
        masked: the photo, RGB, 0-255; modified in place.
        map: the map, 1 where this mask or an earlier one changed the photo; modified in place.
        parts: 0 untouched, 1 shadow only, 2 strap, 3 mask; modified in place.

    Returns:
        Whether any pixel of the mask is visible; if not, nothing is modified.
    """
    return _blend(layer, strap, shade, np.ascontiguousarray(inside), *corner, masked, map, parts) > 0


@compiled
def _blend(
    layer: UInt8[ndarray, "h w 4"],
    strap: UInt8[ndarray, "h w"],
    shade: UInt8[ndarray, "h w"],
    inside: UInt8[ndarray, "tall wide"],
    left: int,
    top: int,
    masked: UInt8[ndarray, "tall wide 3"],
    map: UInt8[ndarray, "tall wide"],
    parts: UInt8[ndarray, "tall wide"],
) -> int:
    """Implements `blend`; returns 1 if the mask is visible, else 0."""
    at = slice(top, top + len(layer)), slice(left, left + layer.shape[1])
    opacity, below = layer[..., 3].astype(np.int32), masked[at].astype(np.int32)
    remaining = ((255 - opacity) * shade + 127) // 255
    over = np.minimum((below * remaining[..., None] + 127) // 255 + layer[..., :3], 255)
    changed = np.abs(over - below).max(-1) >= FAINT
    # a covered pixel is hidden even if its colour equals the photo's, so the map has no pinholes
    touched = (changed | (opacity >= HALF)) & (inside[at] > 0)
    mask = np.maximum(opacity - strap, 0)
    # covered: the opacity exceeds half of the light that the shadow takes away, by a margin
    covers = 2 * np.maximum(mask, strap) + shade >= COVERS
    # touched adds 1 (SHADOW), covered adds 1 (STRAP), covered more by the mask than by a strap adds 1 (MASK)
    kinds = touched * (1 + covers * (1 + (mask >= strap)))
    if not (kinds == MASK).any():
        return 0
    masked[at] = np.where(touched[..., None], over, below)
    map[at] |= touched
    parts[at] = np.where(kinds > SHADOW, kinds, np.maximum(kinds, parts[at]))
    return 1
