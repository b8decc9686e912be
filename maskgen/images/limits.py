"""Limits of what a decoder is given: time and memory of a photo are bounded by its format and its number of pixels.

Each check reads only the structure of a file. JPEG and PNG have further ones in `jpeg` and `png`.
"""

import struct

from maskgen.errors import Skip
from maskgen.images import tiff
from maskgen.images.jpeg import MAX_SCANS

MAX_TAGS = 4_096  # entries of one directory of a TIFF, or of EXIF data
MAX_GIF_BLOCKS = 65_536  # blocks of 255 bytes before the first image: 16 MB of comments and metadata
MAX_RLE_PIXELS = 10_000_000  # of a run-length coded BMP, which Pillow decodes in Python
_TIFF_MARKS = (b"II*\0", b"MM\0*")
_MOST_MARKS = 16  # places in one file that are checked for EXIF data
_SHARED_BYTES = 2**20  # by which values may overlap: sound files share some, as two resolutions
_EXIF, _INTEROP, _INTEROP_INDEX = 0x8769, 0xA005, 1


def over_limits(kind: str, data: bytes) -> Skip | None:
    """Checks a file of any format but JPEG before a decoder sees it; None if it is within the limits.

    Args:
        kind: its format.
        data: its bytes; of a PNG, its EXIF data.
    """
    if kind == "gif":
        return _gif(data)
    if kind == "bmp":
        return _bmp(data)
    if kind == "tiff":
        return _tiff(data)
    return None if exif_is_bounded(data) else Skip("unreadable", f"{kind}: EXIF data that overlap themselves")


def exif_is_bounded(data: bytes) -> bool:
    """Tells whether reading all EXIF data inside `data` takes no more memory than `data` itself.

    The entries of a directory may all point to the same large block; whoever reads them all would copy it thousands of
    times.
    """
    if (
        len(data) ** 2 < 12 * _SHARED_BYTES
    ):  # an entry has 12 bytes, and cannot have more than all as its value
        return True
    looked = 0
    for mark in _TIFF_MARKS:
        at = data.find(mark)
        while at >= 0 and looked < _MOST_MARKS:
            if sum(tag.size for tag in tiff.directory(data, at)) > len(data) + _SHARED_BYTES:
                return False
            looked, at = looked + 1, data.find(mark, at + 4)
    return looked < _MOST_MARKS


def is_adobe_rgb(exif: bytes) -> bool:
    """Tells whether EXIF data mark a photo as Adobe RGB, as cameras do without a colour profile (DCF, index R03).

    Args:
        exif: from the byte order mark on.
    """
    if b"R03" not in exif:
        return False
    try:
        order, first = tiff.byte_order(exif, 0), 0
        for pointer in (_EXIF, _INTEROP):
            tags = {tag.number: tag for tag in tiff.directory(exif, 0, first)}
            (first,) = struct.unpack_from(order + "I", exif, tags[pointer].at)
        index = {tag.number: tag for tag in tiff.directory(exif, 0, first)}[_INTEROP_INDEX]
        return exif[index.at : index.at + 3] == b"R03"
    except (KeyError, struct.error):
        return False


def _tiff(data: bytes) -> Skip | None:
    tags = {tag.number: tag for tag in tiff.directory(data, 0)}
    first = next(iter(tiff.values_of(data, tags.get(tiff.SUBFILE_TYPE))), 0)
    if first & 1:
        return Skip(
            "unreadable", "tiff: begins with a preview, as a camera's raw file: convert it to JPEG first"
        )
    everything = [*tiff.directory(data, 0)]
    if len(everything) > MAX_TAGS or sum(tag.size for tag in everything) > len(data) + _SHARED_BYTES:
        return Skip("unreadable", "tiff: tags that overlap themselves")
    strips = tiff.number_of_parts(tags)
    if strips > tiff.MAX_STRIPS:
        return Skip("unreadable", f"tiff: {strips} strips or tiles, at most {tiff.MAX_STRIPS} are allowed")
    coding = tiff.value_of(data, tags, tiff.COMPRESSION, tiff.PLAIN)
    refused = _jpeg_in_tiff(data, tags, coding) if coding in (tiff.JPEG, tiff.OLD_JPEG) else None
    return refused or tiff.missing_parts(data, tags)


def _jpeg_in_tiff(data: bytes, tags: dict[int, tiff.Tag], coding: int) -> Skip | None:
    """Checks the number of scans of each strip; a decoder would decode each of them fully."""
    refused = Skip("unreadable", f"tiff: more than {MAX_SCANS} JPEG scans in a strip")
    if coding == tiff.OLD_JPEG:
        return refused if data.count(b"\xff\xda") > MAX_SCANS else None
    parts = tiff.parts_of(data, tags)
    if len(parts) < tiff.number_of_parts(tags) or sum(size for _, size in parts) > 2 * len(data):
        return Skip("unreadable", "tiff: JPEG strips without a size, or that overlap")
    scans = (data.count(b"\xff\xda", at, at + size) for at, size in parts)
    return refused if any(count > MAX_SCANS for count in scans) else None


def _gif(data: bytes) -> Skip | None:
    """Counts the blocks before the first image."""
    at = 13 + (3 << (data[10] & 7) + 1 if len(data) > 10 and data[10] & 0x80 else 0)
    left = MAX_GIF_BLOCKS
    while data[at : at + 1] == b"!":
        at += 2
        while at < len(data) and data[at]:
            at, left = at + 1 + data[at], left - 1
            if left < 0:
                return Skip("unreadable", f"gif: more than {MAX_GIF_BLOCKS} blocks before its image")
        at, left = at + 1, left - 1
        if left < 0:
            return Skip("unreadable", f"gif: more than {MAX_GIF_BLOCKS} blocks before its image")
    return None


def _bmp(data: bytes) -> Skip | None:
    if len(data) < 34 or int.from_bytes(data[14:18], "little") < 40:
        return None
    width, height, _, _, coding = struct.unpack_from("<iiHHI", data, 18)
    if coding in (1, 2) and abs(width * height) > MAX_RLE_PIXELS:
        return Skip(
            "too_large",
            f"bmp: {abs(width)} x {abs(height)} pixels, run-length coded; at most {MAX_RLE_PIXELS} are allowed",
        )
    return None
