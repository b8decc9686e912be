"""Loads a photo that is given as a path, bytes, an array or a Pillow image."""

from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy import ndarray
from PIL import Image

from maskgen.errors import InputError, Skip
from maskgen.images.codecs import decode, exif_orientation, rgb_of, too_many_pixels, turn_upright
from maskgen.types import RGBImage

if TYPE_CHECKING:
    PhotoInput = ndarray | Image.Image | str | PathLike[str] | bytes | bytearray | memoryview
else:
    PhotoInput = Any

_WANTED = "uint8, uint16 or bool of shape (h, w), (h, w, 1), (h, w, 3) or (h, w, 4)"


def load_photo(image: PhotoInput, *, max_pixels: int, background: int) -> RGBImage | Skip:
    """Loads a photo as upright RGB; the same photo gives the same pixels, whichever way it is given.

    Args:
        image: a file's path or its bytes; a Pillow image of any mode but F and 32-bit I, whose EXIF orientation is
            applied; or an upright array, uint8, uint16 (its high byte counts) or bool, of shape `h w`, `h w 1`,
            `h w 3` (RGB) or `h w 4` (RGBA).
        max_pixels: larger files and Pillow images are skipped before they are decoded.
        background: grey level, 0-255, under transparent pixels.

    Returns:
        RGB, 0-255, contiguous, not to be written to; or a Skip: unreadable, truncated, too_large, too_small. Files
        need at least 16 pixels a side, images in memory do not.

    Raises:
        InputError: the file cannot be read, or the array or Pillow image is of a kind that is not supported.
    """
    if isinstance(image, (str, PathLike)):
        return decode(_read(Path(image)), max_pixels=max_pixels, background=background)
    if isinstance(image, (bytes, bytearray, memoryview)):
        return decode(bytes(image), max_pixels=max_pixels, background=background)
    if isinstance(image, Image.Image):
        return _of_pillow(image, max_pixels, background)
    return _of_array(image, background)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{path}: cannot be read: {reason}. Give the path of a photo") from error


def _of_pillow(image: Image.Image, max_pixels: int, background: int) -> RGBImage | Skip:
    width, height = image.size
    if refused := too_many_pixels(image.size, max_pixels):
        return refused
    if not width or not height:
        raise InputError(f"photo: got a Pillow image of {width} x {height} pixels; give one that has pixels")
    try:
        image.load()
    except (OSError, SyntaxError) as error:
        return Skip("truncated" if "truncated" in str(error) else "unreadable", str(error))
    try:
        pixels = rgb_of(image, background)
    except ValueError as error:
        raise InputError(
            f"photo: got a Pillow image of mode {image.mode}: {error}. Convert it to RGB first"
        ) from error
    return np.ascontiguousarray(turn_upright(pixels, exif_orientation(image)))


def _of_array(given: Any, background: int) -> RGBImage:
    try:
        array = np.asarray(given)
    except Exception as error:
        raise InputError(
            f"photo: got {type(given).__name__}; give a path, bytes, a NumPy array or a Pillow image"
        ) from error
    channels = array.shape[2] if array.ndim == 3 else 1
    if (
        array.dtype.newbyteorder("=") not in (np.uint8, np.uint16, np.bool_)
        or array.ndim not in (2, 3)
        or channels not in (1, 3, 4)
        or not array.size
    ):
        raise InputError(f"photo: got an array of {array.dtype}, shape {array.shape}; give {_WANTED}")
    if array.dtype == np.bool_:
        array = array * np.uint8(255)
    elif array.dtype.itemsize == 2:
        array = (array >> 8).astype(np.uint8)
    if channels == 1:
        return np.repeat(array.reshape(*array.shape[:2], 1), 3, axis=2)
    if channels == 4:
        return rgb_of(Image.fromarray(np.ascontiguousarray(array)), background)
    return np.ascontiguousarray(array)
