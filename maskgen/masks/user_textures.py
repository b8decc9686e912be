"""Texture from a user's image: decoded once, with its opacity, as a pyramid."""

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from maskgen.errors import InputError, Skip
from maskgen.images.codecs import decode
from maskgen.reading import PHOTO_BYTES, read_regular_file
from maskgen.settings import MAX_PHOTO_PIXELS

LARGEST = 1024  # longer side in pixels, to which larger images are reduced; no mask shows more
SMALLEST = 16  # shorter side in pixels of the smallest level, at least


@dataclass(frozen=True, eq=False)
class Artwork:
    """User's image that masks can wear as a texture.

    Attributes:
        levels: premultiplied R, G, B and opacity, 0-255, from full size down, each level half the size of the
            previous one.
        tile: whether it is repeated over the mask; otherwise it fills the mask once.
        digest: 16 hex digits of the hash of the file's bytes.
    """

    levels: tuple[UInt8[ndarray, "_ _ 4"], ...]
    tile: bool
    digest: str

    @property
    def aspect(self) -> float:
        """Width over height."""
        height, width = self.levels[0].shape[:2]
        return width / height


@cache
def load_artwork(path: Path, tile: bool) -> Artwork:
    """Reads an image of any common format, once per process; transparent parts will show the mask's own colour.

    Raises:
        InputError: it is missing or cannot be read.
    """
    try:
        data = read_regular_file(path, PHOTO_BYTES)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from error
    # The opacity is the difference of the image on black and on white: this works for every format and mode.
    on_black, on_white = (decode(data, max_pixels=MAX_PHOTO_PIXELS, background=grey) for grey in (0, 255))
    if isinstance(on_black, Skip) or isinstance(on_white, Skip):
        assert isinstance(on_black, Skip)
        raise InputError(f"{path}: {on_black.reason}: {on_black.detail}")
    opacity = 255 - cv2.subtract(on_white, on_black).max(-1)
    picture = np.dstack([on_black, opacity])
    scale = LARGEST / max(picture.shape[:2])
    if scale < 1:
        picture = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return Artwork(_levels(picture), tile, hashlib.sha256(data).hexdigest()[:16])


def _levels(picture: ndarray) -> tuple[ndarray, ...]:
    levels = [picture]
    while min(levels[-1].shape[:2]) >= 2 * SMALLEST:
        rows, columns = levels[-1].shape[:2]
        levels.append(cv2.resize(levels[-1], (columns // 2, rows // 2), interpolation=cv2.INTER_AREA))
    return tuple(levels)
