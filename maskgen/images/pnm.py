"""PGM and PPM with another white than 255, which Pillow decodes pixel by pixel in Python."""

from typing import cast

import numpy as np
from PIL import Image
from PIL.ImageFile import ImageFile


def scaled_image(data: bytes, opened: ImageFile) -> Image.Image | None:
    """Decodes a binary PGM or PPM whose largest value is not that of its bytes, such as 1023.

    Args:
        data: the file.
        opened: the same, opened by Pillow and not loaded.

    Returns:
        Its image, of mode L or RGB; None if Pillow decodes it as fast. Of 16 bits of grey the 8 high ones are kept.

    Raises:
        OSError: the file is truncated.
    """
    codec, _, start, args = opened.tile[0]
    if codec != "ppm":
        return None
    mode, white = cast(tuple[str, int], args)
    channels = 3 if mode == "RGB" else 1
    width, height = opened.size
    count, kind = width * height * channels, np.dtype(">u2" if white > 255 else np.uint8)
    if len(data) - start < count * kind.itemsize:
        raise OSError("image file is truncated")
    values = np.frombuffer(data, kind, count, start)
    levels = np.arange(white + 1) / white
    deep = opened.mode == "I"
    table = (np.round(levels * 65535).astype(np.uint32) >> 8 if deep else np.round(levels * 255)).astype(
        np.uint8
    )
    pixels = table[np.minimum(values, white)]
    return Image.fromarray(pixels.reshape((height, width, 3) if channels == 3 else (height, width)))
