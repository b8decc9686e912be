"""Loads a photo that is given as a path, bytes, an open file, an array or a Pillow image."""

from os import PathLike
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy import ndarray
from PIL import Image

from maskgen.errors import InputError, Skip
from maskgen.images.codecs import decode, exif_orientation, rgb_of, too_many_pixels, turn_upright
from maskgen.images.colour import profile_of, to_srgb
from maskgen.images.png import stated_space
from maskgen.reading import PHOTO_BYTES, read_regular_file
from maskgen.types import RGBImage

if TYPE_CHECKING:
    PhotoInput = ndarray | Image.Image | str | PathLike[str] | bytes | bytearray | memoryview | IO[bytes]
else:
    PhotoInput = Any

_KINDS = "a path, bytes, a file opened in binary mode, a NumPy array or a Pillow image"
_ARRAYS = "uint8, uint16 or bool of shape (h, w), (h, w, 1), (h, w, 3) or (h, w, 4)"
_ARRAY_METHODS = ("__array__", "__array_interface__", "__array_struct__", "__buffer__", "__len__")


def load_photo(image: PhotoInput, *, max_pixels: int, background: int) -> RGBImage | Skip:
    """Loads a photo as upright sRGB; the same photo gives the same pixels, whichever way it is given.

    Args:
        image: the path of a file; its bytes; a file opened in binary mode, which is read from its start; a Pillow
            image of any mode but F and 32-bit I, whose EXIF orientation and colour profile are applied; or an upright
            sRGB array, uint8, uint16 (its high byte counts) or bool, of shape `h w`, `h w 1`, `h w 3` (RGB) or
            `h w 4` (RGBA).
        max_pixels: larger files and Pillow images are skipped before they are decoded.
        background: grey level, 0-255, behind transparent pixels.

    Returns:
        RGB, 0-255, contiguous, not to be written to; or a Skip: unreadable, truncated, too_large, too_small. Files
        need at least 16 pixels a side, images in memory do not.

    Raises:
        InputError: the file cannot be read, or the array or Pillow image is of a kind that is not supported.
    """
    if isinstance(image, (str, PathLike)):
        return decode(_read(image), max_pixels=max_pixels, background=background)
    if isinstance(image, (bytes, bytearray, memoryview)):
        return decode(bytes(image), max_pixels=max_pixels, background=background)
    if isinstance(image, Image.Image):
        return _from_pillow(image, max_pixels, background)
    if hasattr(image, "read"):
        return decode(_read_open(image), max_pixels=max_pixels, background=background)
    return _from_array(image, background)


def _read(path: str | PathLike[str]) -> bytes:
    try:
        return read_regular_file(path, PHOTO_BYTES)
    except (OSError, ValueError, TypeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(
            f"{path or 'empty path'}: cannot be read: {reason}. Give the path of a photo"
        ) from error


def _read_open(file: Any) -> bytes:
    """Reads an open file from its start, as Pillow does; a stream that cannot seek is read from where it is."""
    try:
        if getattr(file, "seekable", lambda: False)():
            file.seek(0)
        data = file.read()
    except (OSError, ValueError) as error:
        raise InputError(f"photo: the open file cannot be read: {error}. Give {_KINDS}") from error
    if not isinstance(data, bytes):
        raise InputError(
            f"photo: got a file that reads as {type(data).__name__}; open it in binary mode, 'rb'"
        )
    return data


def _from_pillow(image: Image.Image, max_pixels: int, background: int) -> RGBImage | Skip:
    width, height = image.size
    if refused := too_many_pixels(image.size, max_pixels):
        return refused
    if not width or not height:
        raise InputError(f"photo: got a Pillow image of {width} x {height} pixels; give one that has pixels")
    try:
        image.load()
    except Exception as error:  # as in `decode`: the parser of a hostile file raises anything
        if _is_closed(image, error):
            raise InputError(
                "photo: got a Pillow image that is closed; give it before you close it"
            ) from error
        if isinstance(error, MemoryError):
            return Skip("too_large", str(error) or "decoding needs more memory than there is")
        return Skip("truncated" if "truncated" in str(error) else "unreadable", str(error))
    try:
        # Pillow converts La only to LA. It converts LA to PA without the alpha channel, so such a PA image is opaque.
        plain = image.convert("LA") if image.mode == "La" else image
        pixels = rgb_of(to_srgb(plain, _stated_profile(image)), background)
    except (ValueError, TypeError) as error:
        raise InputError(
            f"photo: got a Pillow image of mode {image.mode}: {error}. {_way_to_rgb(image.mode)}"
        ) from error
    return np.ascontiguousarray(turn_upright(pixels, exif_orientation(image)))


def _stated_profile(image: Image.Image) -> bytes:
    """Returns the ICC profile of a Pillow image: its own, or one made of what Pillow read of a PNG; b"" for sRGB."""
    profile = bytes(image.info.get("icc_profile") or b"")
    if profile or image.format != "PNG" or "srgb" in image.info:
        return profile
    return profile_of(stated_space(image.info.get("gamma", 0.0), image.info.get("chromaticity")))


def _is_closed(image: Image.Image, error: Exception) -> bool:
    """Tells whether an image was not loaded because it, or its file, was closed before."""
    if isinstance(error, AssertionError):  # Pillow asserts that the file is open
        return getattr(image, "fp", image) is None
    return any(words in str(error) for words in ("closed image", "closed file"))


def _way_to_rgb(mode: str) -> str:
    if mode in ("I", "F"):  # Pillow's conversion clips at 255 instead of scaling
        return "Scale them to 0-255 and convert the image to L first"
    return "Convert it to RGB first"


def _from_array(given: Any, background: int) -> RGBImage:
    try:
        array = np.asarray(given) if any(hasattr(given, name) for name in _ARRAY_METHODS) else None
    except Exception as error:
        raise InputError(f"photo: got {type(given).__name__}: {error}. Give {_KINDS}") from error
    if array is None or array.dtype.hasobject:
        raise InputError(f"photo: got {type(given).__name__}; give {_KINDS}")
    channels = array.shape[2] if array.ndim == 3 else 1
    if (
        array.dtype.newbyteorder("=") not in (np.uint8, np.uint16, np.bool_)
        or array.ndim not in (2, 3)
        or channels not in (1, 3, 4)
        or not array.size
    ):
        advice = (
            " For floats of 0 to 1: (image * 255).round().astype('uint8')" if array.dtype.kind == "f" else ""
        )
        raise InputError(
            f"photo: got an array of {array.dtype}, shape {array.shape}; give {_ARRAYS}.{advice}"
        )
    if array.dtype == np.bool_:
        array = array * np.uint8(255)
    elif array.dtype.itemsize == 2:
        array = (array >> 8).astype(np.uint8)
    if channels == 1:
        return np.repeat(array.reshape(*array.shape[:2], 1), 3, axis=2)
    if channels == 4:
        return rgb_of(Image.fromarray(np.ascontiguousarray(array)), background)
    return np.ascontiguousarray(array)
