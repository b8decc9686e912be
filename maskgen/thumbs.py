"""Small pictures of skipped photos, kept beside a data set's plan so that a person can see why they were skipped.

They hold no metadata, their names no part of the source's names, and they are no part of the data set.
"""

from pathlib import Path

import numpy as np
from PIL import Image

from maskgen import imageio
from maskgen.errors import Skip
from maskgen.files import write_atomic
from maskgen.seeds import hash64
from maskgen.types import Picture

SIDE = 192  # pixels
A_SHARD = 12  # thumbnails kept of a shard's skipped photos: a source of landscapes must not fill the disk
_QUALITY = 85


def thumb_path(out: Path, photo: str) -> Path:
    """Where the thumbnail of a photo lies, by the photo's id in its source."""
    return out / ".work" / "skipped" / f"{hash64('skipped', photo):016x}.jpg"


def keep_thumb(out: Path, photo: str, pixels: Picture) -> None:
    """Store a skipped photo's thumbnail: a function of id and pixels, whole or not there.

    Raises:
        MissingError: the disk has no room. UnmaskError: the folder takes no file.
    """
    path = thumb_path(out, photo)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, imageio.encode_jpeg(shrink(pixels, SIDE), _QUALITY))


def read_thumb(out: Path, photo: str) -> Picture | None:
    """The thumbnail of a photo if there is one."""
    try:
        picture = imageio.decode(thumb_path(out, photo).read_bytes(), max_pixels=SIDE * SIDE, background=255)
    except OSError:
        return None
    return None if isinstance(picture, Skip) else picture


def shrink(pixels: Picture, side: int) -> Picture:
    """The picture, at most `side` pixels wide and high."""
    image = Image.fromarray(pixels)
    image.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=2.0)
    return np.asarray(image)
