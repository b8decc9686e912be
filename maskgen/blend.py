"""A layer over a photo: what is touched, by what, and by nothing else.

The map is the contract of a data set: where it is 0 the two pictures are the same to the bit. So effects too weak to
see are cut to nothing here, before anything is encoded.
"""

import cv2
import numpy as np
from jaxtyping import Float32, UInt8
from numpy import ndarray

from maskgen.types import Picture, Plane

FAINT = 4  # grey levels; a change below it is none
SHADOW, STRAP, MASK = 1, 2, 3


def blend(
    photo: Picture,
    layer: Float32[ndarray, "h w 4"],
    strap: Float32[ndarray, "h w"],
    shade: Float32[ndarray, "h w"],
    inside: UInt8[ndarray, "h w"],
) -> tuple[Picture, Plane, Plane]:
    """Lay a mask over a photo.

    Args:
        photo: RGB, 0-255.
        layer: mask and straps in the frame of `photo`: premultiplied RGB, 0-255, and opacity, 0-1.
        strap: the part of the layer's opacity that is strap, 0-1.
        shade: what the shadow leaves of the light on the photo, 0-1; 1 is no shadow.
        inside: 1 where `photo` is one; the map is 0 elsewhere.

    Returns:
        The masked photo; the map, 1 where it differs; the parts: 0 untouched, 1 shadow only, 2 strap, 3 mask.
    """
    four = cv2.cvtColor(photo, cv2.COLOR_RGB2RGBA)  # twice as fast as three
    opacity = cv2.extractChannel(layer, 3)
    left = cv2.merge([shade * (1 - opacity)] * 4)
    masked = cv2.add(cv2.multiply(four, left, dtype=cv2.CV_32F), layer, dtype=cv2.CV_8U)
    red, green, blue, _ = cv2.split(cv2.absdiff(masked, four))
    change = cv2.max(cv2.max(red, green), blue)
    # what is covered is hidden, also where its colour happens to be the photo's: a map has no pinholes
    touched = (((change >= FAINT) | (opacity >= 0.5)) & (inside > 0)).view(np.uint8)
    mask = opacity - strap
    covers = np.maximum(mask, strap) >= 0.5 * (1 - shade) + 0.05
    # counted up: touched at all is 1, SHADOW; covered is 2, STRAP; covered by the mask first of all is 3, MASK
    parts = touched * (1 + covers.view(np.uint8) * (1 + (mask >= strap).view(np.uint8)))
    return cv2.cvtColor(cv2.copyTo(masked, touched, four), cv2.COLOR_RGBA2RGB), touched, parts
