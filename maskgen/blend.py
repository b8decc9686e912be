"""A layer over a photo: what is touched, by what, and by nothing else.

The map is the contract of a data set: where it is 0 the two pictures are the same to the bit. So effects too weak to
see are cut to nothing here, before anything is encoded.
"""

import cv2
import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from maskgen.types import Picture, Plane

FAINT = 4  # grey levels; a change below it is none
NOTHING, TOO_FAINT = (0, 0, 0, 0), (FAINT - 1, FAINT - 1, FAINT - 1, 255)
HALF = 128  # opacity from which a pixel counts as covered
COVERS = 0.55 * 255  # half of what the shadow takes, and a little: more opaque, and it is no shadow
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
    four = cv2.cvtColor(photo, cv2.COLOR_RGB2RGBA)  # twice as fast as three
    opacity = cv2.extractChannel(layer, 3)
    left = cv2.multiply(cv2.bitwise_not(opacity), shade, scale=1 / 255)
    masked = cv2.add(cv2.multiply(four, cv2.merge([left] * 4), scale=1 / 255), layer)
    # what is covered is hidden, also where its colour happens to be the photo's: a map has no pinholes
    same = cv2.inRange(cv2.absdiff(masked, four), NOTHING, TOO_FAINT)
    touched = ((same == 0) | (opacity >= HALF)) & (inside > 0)
    mask = cv2.subtract(opacity, strap)
    covers = cv2.max(mask, strap) >= cv2.convertScaleAbs(shade, alpha=-0.5, beta=COVERS)
    # counted up: touched at all is 1, SHADOW; covered is 2, STRAP; covered by the mask first of all is 3, MASK
    hole = touched.view(np.uint8)
    parts = hole * (1 + covers.view(np.uint8) * (1 + (mask >= strap).view(np.uint8)))
    return cv2.cvtColor(cv2.copyTo(masked, hole, four), cv2.COLOR_RGBA2RGB), hole, parts
