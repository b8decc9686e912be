"""A layer over a photo: what is touched, by what, and by nothing else.

The map is the contract of a data set: where it is 0 the two pictures are the same to the bit. So effects too weak to
see are cut to nothing here, before anything is encoded.
"""

import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from maskgen.native import compiled
from maskgen.types import Picture, Plane

FAINT = 4  # grey levels; a change below it is none
HALF = 128  # opacity from which a pixel counts as covered
COVERS = 281  # of 510: see `_blend`
SHADOW, STRAP, MASK = 1, 2, 3


def blend(
    photo: Picture,
    layer: UInt8[ndarray, "h w 4"],
    strap: UInt8[ndarray, "h w"],
    shade: UInt8[ndarray, "h w"],
    inside: UInt8[ndarray, "h w"],
) -> tuple[Picture, Plane, Plane]:
    """Lay a mask over a photo.

    Args:
        photo: RGB, 0-255.
        layer: mask and straps in the frame of `photo`: premultiplied RGB, and opacity, 0-255.
        strap: the part of the layer's opacity that is strap, 0-255.
        shade: what the shadow leaves of the light on the photo, 0-255; 255 is no shadow.
        inside: 1 where `photo` is one; the map is 0 elsewhere.

    Returns:
        The masked photo; the map, 1 where it differs; the parts: 0 untouched, 1 shadow only, 2 strap, 3 mask.
    """
    masked, hole, parts = (
        np.empty_like(photo),
        np.empty(shade.shape, np.uint8),
        np.empty(shade.shape, np.uint8),
    )
    _blend(
        np.ascontiguousarray(photo), layer, strap, shade, np.ascontiguousarray(inside), masked, hole, parts
    )
    return masked, hole, parts


@compiled
def _blend(
    photo: UInt8[ndarray, "h w 3"],
    layer: UInt8[ndarray, "h w 4"],
    strap: UInt8[ndarray, "h w"],
    shade: UInt8[ndarray, "h w"],
    inside: UInt8[ndarray, "h w"],
    masked: UInt8[ndarray, "h w 3"],
    hole: UInt8[ndarray, "h w"],
    parts: UInt8[ndarray, "h w"],
) -> None:
    """`blend`; the last three are the results."""
    opacity, below = layer[..., 3].astype(np.int32), photo.astype(np.int32)
    left = ((255 - opacity) * shade + 127) // 255
    over = np.minimum((below * left[..., None] + 127) // 255 + layer[..., :3], 255)
    changed = np.abs(over - below).max(-1) >= FAINT
    # what is covered is hidden, also where its colour happens to be the photo's: a map has no pinholes
    touched = (changed | (opacity >= HALF)) & (inside > 0)
    mask = np.maximum(opacity - strap, 0)
    # half of what the shadow takes, and a little: more opaque, and it is no shadow
    covers = 2 * np.maximum(mask, strap) + shade >= COVERS
    # counted up: touched at all is 1, SHADOW; covered is 2, STRAP; covered by the mask first of all is 3, MASK
    hole[:] = touched
    parts[:] = touched * (1 + covers * (1 + (mask >= strap)))
    masked[:] = np.where(touched[..., None], over, photo)
