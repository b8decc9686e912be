"""Limits of what a decoder is given: time and memory of a photo are bounded by its format and its number of pixels.

Each check reads only the structure of a file. JPEG and PNG have further ones in `jpeg` and `png`.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from maskgen.errors import Skip
from maskgen.images.jpeg import MAX_SCANS

MAX_STRIPS = 100_000  # strips or tiles of a TIFF; 100 megapixels in tiles of 64 are 25,000
MAX_TAGS = 4_096  # entries of one directory of a TIFF, or of EXIF data
MAX_GIF_BLOCKS = 65_536  # blocks of 255 bytes before the first image: 16 MB of comments and metadata
MAX_RLE_PIXELS = 10_000_000  # of a run-length coded BMP, which Pillow decodes in Python
_TIFF_MARKS = (b"II*\0", b"MM\0*")
_MOST_MARKS = 16  # places in one file that are checked for EXIF data
# Bytes per value of the types 1-13 of TIFF, and 16-18 of BigTIFF
_TYPE_BYTES = {
    1: 1,
    2: 1,
    3: 2,
    4: 4,
    5: 8,
    6: 1,
    7: 1,
    8: 2,
    9: 4,
    10: 8,
    11: 4,
    12: 8,
    13: 4,
    16: 8,
    17: 8,
    18: 8,
}
_SHARED_BYTES = 2**20  # by which values may overlap: sound files share some, as two resolutions
_STRIP_OFFSETS, _STRIP_BYTES, _TILE_OFFSETS, _TILE_BYTES = 273, 279, 324, 325
_SUBFILE_TYPE, _COMPRESSION, _OLD_JPEG, _JPEG = 254, 259, 6, 7
_EXIF, _INTEROP, _INTEROP_INDEX = 0x8769, 0xA005, 1


class Tag(NamedTuple):
    """Entry of a TIFF directory: number, type, number of values, and the position and size of its values in bytes."""

    number: int
    type: int
    values: int
    at: int
    size: int


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
            if sum(tag.size for tag in _directory(data, at)) > len(data) + _SHARED_BYTES:
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
        order, first = _order(exif, 0), 0
        for pointer in (_EXIF, _INTEROP):
            tags = {tag.number: tag for tag in _directory(exif, 0, first)}
            (first,) = struct.unpack_from(order + "I", exif, tags[pointer].at)
        index = {tag.number: tag for tag in _directory(exif, 0, first)}[_INTEROP_INDEX]
        return exif[index.at : index.at + 3] == b"R03"
    except (KeyError, struct.error):
        return False


def _order(data: bytes, at: int) -> str:
    return "<" if data[at : at + 2] == b"II" else ">"


def _directory(data: bytes, start: int, first: int = 0) -> Iterator[Tag]:
    """Yields the entries of a directory whose values lie in `data`.

    Args:
        data: the file.
        start: where the byte order mark is, from which positions count.
        first: position of the directory; 0: the one that the header names.
    """
    order, big = _order(data, start), data[start + 2 : start + 4].strip(b"\0") == b"+"
    count_as, entry_as, offset_as = (
        (order + "Q", order + "HHQ", order + "Q") if big else (order + "H", order + "HHI", order + "I")
    )
    room = struct.calcsize(offset_as)
    try:
        if not first:
            (first,) = struct.unpack_from(offset_as, data, start + (8 if big else 4))
        (count,) = struct.unpack_from(count_as, data, start + first)
        at = start + first + struct.calcsize(count_as)
        for _ in range(min(count, 65_535)):
            number, type_, values = struct.unpack_from(entry_as, data, at)
            size, place = values * _TYPE_BYTES.get(type_, 1), at + struct.calcsize(entry_as)
            if size > room:
                place = start + struct.unpack_from(offset_as, data, place)[0]
            if place + size <= len(data):
                yield Tag(number, type_, values, place, size)
            at += struct.calcsize(entry_as) + room
    except struct.error:
        return


def _tiff(data: bytes) -> Skip | None:
    tags = {tag.number: tag for tag in _directory(data, 0)}
    first = next(iter(_values(data, tags.get(_SUBFILE_TYPE))), 0)
    if first & 1:
        return Skip(
            "unreadable", "tiff: begins with a preview, as a camera's raw file: convert it to JPEG first"
        )
    everything = [*_directory(data, 0)]
    if len(everything) > MAX_TAGS or sum(tag.size for tag in everything) > len(data) + _SHARED_BYTES:
        return Skip("unreadable", "tiff: tags that overlap themselves")
    strips = max(
        (tags[number].values for number in (_STRIP_OFFSETS, _TILE_OFFSETS) if number in tags), default=0
    )
    if strips > MAX_STRIPS:
        return Skip("unreadable", f"tiff: {strips} strips or tiles, at most {MAX_STRIPS} are allowed")
    coding = next(iter(_values(data, tags.get(_COMPRESSION))), 0)
    return _jpeg_in_tiff(data, tags, coding) if coding in (_JPEG, _OLD_JPEG) else None


def _jpeg_in_tiff(data: bytes, tags: dict[int, Tag], coding: int) -> Skip | None:
    """Checks the number of scans of each strip; a decoder would decode each of them fully."""
    refused = Skip("unreadable", f"tiff: more than {MAX_SCANS} JPEG scans in a strip")
    if coding == _OLD_JPEG:
        return refused if data.count(b"\xff\xda") > MAX_SCANS else None
    places = [*_values(data, tags.get(_STRIP_OFFSETS)), *_values(data, tags.get(_TILE_OFFSETS))]
    sizes = [*_values(data, tags.get(_STRIP_BYTES)), *_values(data, tags.get(_TILE_BYTES))]
    if len(sizes) < len(places) or sum(sizes) > 2 * len(data):
        return Skip("unreadable", "tiff: JPEG strips without a size, or that overlap")
    scans = (data.count(b"\xff\xda", at, at + size) for at, size in zip(places, sizes, strict=False))
    return refused if any(count > MAX_SCANS for count in scans) else None


def _values(data: bytes, tag: Tag | None) -> tuple[int, ...]:
    """Reads the values of a tag of unsigned whole numbers; empty if it is not there or of another type."""
    letter = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q"}.get(tag.type, "") if tag else ""
    if tag is None or not letter or tag.values > MAX_STRIPS:
        return ()
    return struct.unpack_from(f"{_order(data, 0)}{tag.values}{letter}", data, tag.at)


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
