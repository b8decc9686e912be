"""Reading of maps that people and other programs made: white, or 1, where a mask is.

Transparent pixels are outside, whatever their colour. Maps of the values 0 and 1 are as common as those of 0 and 255,
in 8 and in 16 bits. A map that covers nothing, nearly everything, or the rim of the photo is a mistake: an empty layer,
an inverted map, or another kind of image.
"""

import io
import warnings

import cv2
import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from maskgen.errors import Skip
from maskgen.images import codecs
from maskgen.images.formats import HEAD_BYTES, OPENERS, picture_format
from maskgen.types import Plane, RGBImage

WHITE = 128  # level from which a pixel is inside
MOST = 0.95  # fraction of a photo that a map may cover
MOST_RIM = 0.9  # fraction of the photo's outermost pixels that a map may cover
GREY = slice(64, 192)  # levels that hardly occur in a map
MOST_GREY, MOST_ALIKE = (
    0.25,
    0.2,
)  # fraction of grey pixels, and of one level among them, that tell a map from a photo
SHAPE_WITHIN = 0.02  # relative difference of the aspect ratios of map and photo


def read_map(data: bytes, *, max_pixels: int, height: int, width: int) -> Plane | Skip:
    """Reads the map of a photo.

    Args:
        data: bytes of an image file.
        max_pixels: larger images are refused by their header.
        height: of the photo, in pixels. A map of another size and the same shape is scaled.
        width: of the photo, in pixels.

    Returns:
        The map at the size of the photo, 1 inside, else 0; or Skip: a reason of `codecs.decode`, or bad_map.
    """
    plane = read_plane(data, max_pixels=max_pixels)
    if isinstance(plane, Skip):
        return plane
    if problem := other_shape(plane.shape, height, width):
        return Skip("bad_map", problem)
    if plane.shape != (height, width):
        soft = cv2.resize(plane * np.uint8(255), (width, height), interpolation=cv2.INTER_LINEAR)
        plane = (soft >= WHITE).astype(np.uint8)
    if problem := why_unusable(plane):
        return Skip("bad_map", problem)
    return plane


def read_plane(data: bytes, *, max_pixels: int) -> Plane | Skip:
    """Reads a map at its own size, without judging what it covers: 1 inside, else 0; or Skip."""
    levels = read_levels(data, max_pixels=max_pixels)
    if isinstance(levels, Skip):
        return levels
    brightest = levels.max(2)
    counts = np.bincount(brightest.ravel(), minlength=256)
    grey = counts[GREY]
    if grey.sum() > MOST_GREY * brightest.size and grey.max() < MOST_ALIKE * grey.sum():
        return Skip(
            "bad_map", f"{100 * grey.sum() / brightest.size:.0f} % of it is grey: it looks like a photo"
        )
    plane = (brightest >= WHITE).astype(np.uint8)
    if not plane.any() and brightest.any():
        return Skip("bad_map", f"covers nothing: its values are 0 to {brightest.max()}, a mask is 255 or 1")
    return plane


def read_levels(data: bytes, *, max_pixels: int) -> RGBImage | Skip:
    """Decodes the image of a map or label.

    Args:
        data: bytes of an image file.
        max_pixels: larger images are refused by their header.

    Returns:
        Upright RGB, 0-255, black where the image is transparent; of an image that has only the values 0 and 1, 1 is
        255. Or Skip: a reason of `codecs.decode`, or bad_map.
    """
    levels = codecs.decode(data, max_pixels=max_pixels, background=0)
    if isinstance(levels, Skip):
        return levels
    if levels.max() <= 1 and (deep := _deep_levels(data)) is not None:
        levels = np.repeat(deep[..., None], 3, axis=2)
    if levels.max() == 1:
        return levels * np.uint8(255)
    if set(np.flatnonzero(np.bincount(levels.ravel(), minlength=256)).tolist()) == {0, 1, 255}:
        return Skip("bad_map", "has the values 0, 1 and 255, so it is unclear what is inside; use 0 and 255")
    return levels


def _deep_levels(data: bytes) -> UInt8[ndarray, "h w"] | None:
    """Reads an image of 16 bits that has only values of 8 bits, which `codecs.decode` takes for black."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as in `codecs.decode`
        image = OPENERS[picture_format(data[:HEAD_BYTES])][1](io.BytesIO(data))
        image.load()
    if not image.mode.startswith("I"):
        return None
    values = np.asarray(image)
    return values.astype(np.uint8) if values.max() < 256 else None


def other_shape(size: tuple[int, ...], height: int, width: int) -> str:
    """Says why a map of `size`, height and width, cannot be that of a photo; "" if it can."""
    ratio = size[1] * height / (size[0] * width)
    if abs(ratio - 1) <= SHAPE_WITHIN + 1 / min(size):
        return ""
    return f"has {size[1]} x {size[0]} pixels, which is not the shape of the photo of {width} x {height}"


def why_unusable(plane: Plane) -> str:
    """Says why a map cannot be meant, with the fraction that it covers; "" if it can. `plane`: not 0 inside."""
    inside = plane != 0
    share = float(inside.mean())
    if share == 0:
        return "covers nothing (0 %) of the photo; paint white where a mask is"
    rim = np.concatenate([inside[0], inside[-1], inside[:, 0], inside[:, -1]]).mean()
    covers = f"covers {100 * share:.0f} % of the photo"
    if share > MOST:
        return f"{covers}, nearly everything; paint white where a mask is, black elsewhere"
    if rim > MOST_RIM:
        return f"{covers} and its whole rim: it looks inverted; paint white where a mask is, black elsewhere"
    return ""
