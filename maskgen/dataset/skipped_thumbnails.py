"""Small pictures of skipped photos, kept beside a data set's plan so that a person can see why they were skipped.

They hold no metadata, their names no part of the source's names, and they are no part of the data set.
"""

from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from numpy import ndarray
from PIL import Image

from maskgen.errors import FACE_REASONS, Skip
from maskgen.files import WORK, make_folder, write_atomic
from maskgen.images import codecs
from maskgen.seeds import hash64
from maskgen.settings import SourceSettings
from maskgen.sources import Source, load
from maskgen.types import PhotoRef, RGBImage

SIDE = 192  # pixels
A_SHARD = 12  # thumbnails kept of a shard's skipped photos: a source of landscapes must not fill the disk
_QUALITY = 85


def thumbs_folder(out: Path) -> Path:
    """Returns the folder of a data set's thumbnails."""
    return out / WORK / "skipped"


def thumb_path(out: Path, photo: str) -> Path:
    """Returns the path of a photo's thumbnail, by the photo's id in its source."""
    return thumbs_folder(out) / f"{hash64('skipped', photo):016x}.jpg"


def keep_thumb(out: Path, photo: str, pixels: RGBImage) -> None:
    """Stores a skipped photo's thumbnail: a function of id and pixels, whole or not there.

    Raises:
        MissingError: the disk has no room. UnmaskError: the folder takes no file.
    """
    path = thumb_path(out, photo)
    make_folder(path.parent)
    write_atomic(path, codecs.encode_jpeg(shrink(pixels, SIDE), _QUALITY))


def keep_skipped(
    out: Path, number: int, ref: PhotoRef, skip: Skip, source: Source, settings: SourceSettings
) -> None:
    """Stores the thumbnail of a shard's `number`-th skipped photo, counted from 1, if it is one that a person can see.

    The photo is loaded once more: that is rare, and what was skipped by its file alone, or as poison, is not touched.

    Raises:
        MissingError: the disk has no room. UnmaskError: the folder takes no file.
    """
    if number > A_SHARD or skip.reason not in FACE_REASONS:
        return
    photo = load(source, ref, settings)
    if not isinstance(photo, Skip):
        keep_thumb(out, ref.id, photo.pixels)


def read_thumb(out: Path, photo: str) -> RGBImage | None:
    """Reads the thumbnail of a photo, None if there is none."""
    try:
        picture = codecs.decode(thumb_path(out, photo).read_bytes(), max_pixels=SIDE * SIDE, background=255)
    except OSError:
        return None
    return None if isinstance(picture, Skip) else picture


def shrink(pixels: RGBImage, side: int) -> UInt8[ndarray, "_ _ 3"]:
    """Shrinks the image to at most `side` pixels in width and height."""
    image = Image.fromarray(pixels)
    image.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=2.0)
    return np.asarray(image)
