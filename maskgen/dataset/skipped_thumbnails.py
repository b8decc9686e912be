"""Thumbnails of skipped photos, stored beside the plan so that people can see why a photo was skipped.

They have no metadata, their names reveal nothing of the source's names, and they are not part of the data set.
"""

from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from numpy import ndarray
from PIL import Image

from maskgen.errors import FACE_REASONS, Skip
from maskgen.files import WORK, make_folder, write_atomic
from maskgen.images import codecs
from maskgen.reading import PHOTO_BYTES, read_regular_file
from maskgen.seeds import hash64
from maskgen.settings import SourceSettings
from maskgen.sources import Source, load
from maskgen.types import PhotoRef, RGBImage

SIDE = 192  # pixels
A_SHARD = 12  # limit of thumbnails per shard, so that a source of landscapes does not fill the disk
_QUALITY = 85


def thumbs_folder(out: Path) -> Path:
    """Returns the thumbnail folder of a data set."""
    return out / WORK / "skipped"


def thumb_path(out: Path, photo: str) -> Path:
    """Returns the path of a thumbnail; `photo` is the id of the photo in its source."""
    return thumbs_folder(out) / f"{hash64('skipped', photo):016x}.jpg"


def keep_thumb(out: Path, photo: str, pixels: RGBImage) -> None:
    """Stores the thumbnail of a skipped photo atomically; it depends only on id and pixels.

    Raises:
        MissingError: the disk is full.
        UnmaskError: the folder cannot be written to.
    """
    path = thumb_path(out, photo)
    make_folder(path.parent)
    write_atomic(path, codecs.encode_jpeg(shrink(pixels, SIDE), _QUALITY))


def keep_skipped(
    out: Path, number: int, ref: PhotoRef, skip: Skip, source: Source, settings: SourceSettings
) -> None:
    """Stores the thumbnail of a photo that was skipped for its faces, up to `A_SHARD` per shard.

    The photo is loaded again, which is rare. Photos skipped for their file or as poison are not opened.

    Args:
        out: folder of the data set.
        number: number of the skipped photo in its shard, from 1.
        ref: the photo.
        skip: why it was skipped.
        source: the source of the photo.
        settings: how photos are loaded.

    Raises:
        MissingError: the disk is full.
        UnmaskError: the folder cannot be written to.
    """
    if number > A_SHARD or skip.reason not in FACE_REASONS:
        return
    photo = load(source, ref, settings)
    if not isinstance(photo, Skip):
        keep_thumb(out, ref.id, photo.pixels)


def read_thumb(out: Path, photo: str) -> RGBImage | None:
    """Reads the thumbnail of a photo, None if there is none."""
    try:
        image = codecs.decode(
            read_regular_file(thumb_path(out, photo), PHOTO_BYTES), max_pixels=SIDE * SIDE, background=255
        )
    except OSError:
        return None
    return None if isinstance(image, Skip) else image


def shrink(pixels: RGBImage, side: int) -> UInt8[ndarray, "_ _ 3"]:
    """Shrinks the image to at most `side` pixels in width and height."""
    image = Image.fromarray(pixels)
    image.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=2.0)
    return np.asarray(image)
