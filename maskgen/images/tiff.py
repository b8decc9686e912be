"""Structure of a TIFF, or of EXIF data, which have the same: directories of tags, and the strips that they name."""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from maskgen.errors import Skip
from maskgen.images import jpeg

MAX_STRIPS = 100_000  # strips or tiles; 100 megapixels in tiles of 64 are 25,000
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
STRIP_OFFSETS, STRIP_BYTES, TILE_OFFSETS, TILE_BYTES = 273, 279, 324, 325
SUBFILE_TYPE, COMPRESSION, PLAIN, OLD_JPEG, JPEG = 254, 259, 1, 6, 7
_WIDTH, _HEIGHT, _BITS, _COLOURS, _YCBCR, _SAMPLES = 256, 257, 258, 262, 6, 277
_STRIP_ROWS, _PLANAR, _SEPARATE, _TILE_WIDTH, _TILE_HEIGHT = 278, 284, 2, 322, 323


class Tag(NamedTuple):
    """Entry of a TIFF directory: number, type, number of values, and the position and size of its values in bytes."""

    number: int
    type: int
    values: int
    at: int
    size: int


def byte_order(data: bytes, at: int) -> str:
    """Returns the letter of `struct` for the byte order mark at a position."""
    return "<" if data[at : at + 2] == b"II" else ">"


def directory(data: bytes, start: int, first: int = 0) -> Iterator[Tag]:
    """Yields the entries of a directory whose values lie in `data`.

    Args:
        data: the file.
        start: where the byte order mark is, from which positions count.
        first: position of the directory; 0: the one that the header names.
    """
    order, big = byte_order(data, start), data[start + 2 : start + 4].strip(b"\0") == b"+"
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


def values_of(data: bytes, tag: Tag | None) -> tuple[int, ...]:
    """Reads the values of a tag of unsigned whole numbers; empty if it is not there or of another type."""
    letter = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q"}.get(tag.type, "") if tag else ""
    if tag is None or not letter or tag.values > MAX_STRIPS:
        return ()
    return struct.unpack_from(f"{byte_order(data, 0)}{tag.values}{letter}", data, tag.at)


def value_of(data: bytes, tags: dict[int, Tag], number: int, default: int = 0) -> int:
    """Reads the first value of a tag."""
    return next(iter(values_of(data, tags.get(number))), default)


def parts_of(data: bytes, tags: dict[int, Tag]) -> list[tuple[int, int]]:
    """Lists position and number of bytes of each strip or tile, as far as both are stated."""
    starts = [*values_of(data, tags.get(STRIP_OFFSETS)), *values_of(data, tags.get(TILE_OFFSETS))]
    sizes = [*values_of(data, tags.get(STRIP_BYTES)), *values_of(data, tags.get(TILE_BYTES))]
    return list(zip(starts, sizes, strict=False))


def number_of_parts(tags: dict[int, Tag]) -> int:
    """Returns the number of strips or tiles."""
    return max((tags[number].values for number in (STRIP_OFFSETS, TILE_OFFSETS) if number in tags), default=0)


def missing_parts(data: bytes, tags: dict[int, Tag]) -> Skip | None:
    """Checks that the strips or tiles cover the image; a decoder leaves the rest black, or reads what lies behind."""
    width, height = value_of(data, tags, _WIDTH), value_of(data, tags, _HEIGHT)
    coding = value_of(data, tags, COMPRESSION, PLAIN)
    if not width or not height or coding == OLD_JPEG:
        return None  # a decoder tells
    there, planes = number_of_parts(tags), 1
    if value_of(data, tags, _PLANAR, 1) == _SEPARATE:
        planes = value_of(data, tags, _SAMPLES, 1)
    if TILE_OFFSETS in tags:
        across, down = value_of(data, tags, _TILE_WIDTH), value_of(data, tags, _TILE_HEIGHT)
        needed = planes * -(-width // across) * -(-height // down) if across and down else 0
        return _parts_lacking(there, needed) if there < needed else None
    rows = min(value_of(data, tags, _STRIP_ROWS, height) or height, height)
    a_plane = -(-height // rows)
    if there < planes * a_plane:
        return _parts_lacking(there, planes * a_plane)
    if _STRIP_ROWS not in tags and there > planes:
        return Skip("unreadable", f"tiff: {there} strips of unknown height")
    heights = [min(rows, height - number % a_plane * rows) for number in range(there)]
    if coding == PLAIN and _are_short(data, tags, width, heights, planes):
        return Skip("truncated", "tiff: its strips are too short for its size")
    if coding == JPEG and planes == 1 and _are_small(data, tags, width, heights):
        return Skip("truncated", "tiff: its strips have fewer pixels than its size needs")
    return None


def _parts_lacking(there: int, needed: int) -> Skip:
    return Skip("truncated", f"tiff: {there} of {needed} strips or tiles")


def _are_short(data: bytes, tags: dict[int, Tag], width: int, heights: list[int], planes: int) -> bool:
    """Tells whether an uncompressed strip has fewer bytes than its rows need.

    Strips whose sizes are not stated are not checked, nor those whose colours have fewer pixels.
    """
    if value_of(data, tags, _COLOURS) == _YCBCR:
        return False
    bits = values_of(data, tags.get(_BITS)) or (1,)
    row = -(-width * (max(bits) if planes > 1 else sum(bits)) // 8)
    return any(0 < size < row * rows for (_, size), rows in zip(parts_of(data, tags), heights, strict=False))


def _are_small(data: bytes, tags: dict[int, Tag], width: int, heights: list[int]) -> bool:
    """Tells whether the JPEG of a strip has fewer pixels than the strip."""
    for (start, size), rows in zip(parts_of(data, tags), heights, strict=False):
        found = jpeg.structure(data[start : start + size])
        if not isinstance(found, Skip) and found.frame and (found.size[0] < width or found.size[1] < rows):
            return True
    return False


def ends_early(data: bytes) -> bool:
    """Tells whether a TIFF that cannot be decoded lacks its end: its directory, values of it, a strip or a tile."""
    found = list(directory(data, 0))
    tags = {tag.number: tag for tag in found}
    return len(found) < _stated_tags(data) or any(
        start + size > len(data) for start, size in parts_of(data, tags)
    )


def _stated_tags(data: bytes) -> int:
    """Reads the number of tags in the first directory; 1 if that begins behind the end of the file."""
    order, big = byte_order(data, 0), data[2:4].strip(b"\0") == b"+"
    try:
        (first,) = struct.unpack_from(order + ("Q" if big else "I"), data, 8 if big else 4)
        count: int = struct.unpack_from(order + ("Q" if big else "H"), data, first)[0]
    except struct.error:
        return 1
    return count
