"""Colour tags in MP4 (ISO 14496-12, `colr`) and Matroska (RFC 9559, `Colour`), read from the file itself."""

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from maskgen.video.colours import UNSPECIFIED, Colours

MOST = 1 << 26  # bytes of an index that are searched
SEGMENT, TRACKS, TRACK, VIDEO, COLOUR = 0x18538067, 0x1654AE6B, 0xAE, 0xE0, 0x55B0
MATRIX, TRANSFER, PRIMARIES = 0x55B1, 0x55BA, 0x55BB

Element = tuple[int, int, int]  # name, position of the content, size of the content


def colours_in_container(path: Path) -> Colours | None:
    """Reads the colour tags of the first video track that has some; None if the container holds none."""
    with path.open("rb") as file:
        return _in_matroska(file) if file.read(4) == b"\x1aE\xdf\xa3" else _in_mp4(file)


def _in_mp4(file: BinaryIO) -> Colours | None:
    index = _box(file, b"moov")
    at = max(index.find(b"colrnclx"), index.find(b"colrnclc"))
    if at < 0 or len(index) < at + 14:
        return None
    primaries, transfer, matrix = (int.from_bytes(index[at + n : at + n + 2], "big") for n in (8, 10, 12))
    return Colours(matrix, transfer, primaries)


def _box(file: BinaryIO, name: bytes) -> bytes:
    """Reads the content of a top-level box; b"" if there is none."""
    end = file.seek(0, 2)
    at = 0
    while at + 8 <= end:
        file.seek(at)
        head = file.read(16)
        size, length = int.from_bytes(head[:4], "big"), 8
        if size == 1:
            size, length = int.from_bytes(head[8:], "big"), 16
        size = size or end - at
        if head[4:8] == name:
            file.seek(at + length)
            return file.read(min(size, MOST))
        if size < length:
            break
        at += size
    return b""


def _in_matroska(file: BinaryIO) -> Colours | None:
    end = file.seek(0, 2)
    tracks = next((one for one in _children(file, 0, end, TRACKS) if one[0] == TRACKS), None)
    if tracks is None:
        return None
    file.seek(tracks[1])
    data = file.read(min(max(tracks[2], 0), MOST))
    found = _descend(data, (TRACK, VIDEO, COLOUR))
    if found is None:
        return None
    value = {name: int.from_bytes(data[start : start + size], "big") for name, start, size in found}
    return Colours(*(value.get(name, UNSPECIFIED) for name in (MATRIX, TRANSFER, PRIMARIES)))


def _children(file: BinaryIO, at: int, end: int, last: int) -> Iterator[Element]:
    """Yields the elements of a Matroska file and of its segment, up to one named `last` or of unknown size."""
    while at < end:
        file.seek(at)
        element = _element(file.read(12), 0)
        if element is None:
            return
        name, start, size = element
        if name == SEGMENT:
            at += start
            continue
        yield name, at + start, size
        if name == last or size < 0:
            return
        at += start + size


def _descend(data: bytes, path: tuple[int, ...]) -> list[Element] | None:
    """Returns the children of the first element reached by the names of `path`; None if there is none."""
    reached = [(0, 0, len(data))]
    for name in path:
        reached = [child for parent in reached for child in _inside(data, parent) if child[0] == name]
    return list(_inside(data, reached[0])) if reached else None


def _inside(data: bytes, parent: Element) -> Iterator[Element]:
    _, at, size = parent
    end = min(at + size, len(data))
    while at < end:
        element = _element(data, at)
        if element is None or element[2] < 0:
            return
        yield element
        at = element[1] + element[2]


def _element(data: bytes, at: int) -> Element | None:
    """Reads the head of an element; its size is negative if it is unknown. None if there is no element."""
    numbers = []
    for _ in ("name", "size"):
        if at >= len(data) or not data[at]:
            return None
        length = 9 - data[at].bit_length()
        numbers.append(int.from_bytes(data[at : at + length], "big"))
        at += length
    most = 1 << 7 * length  # a size holds the mark of its length; all ones mean unknown
    return numbers[0], at, -1 if numbers[1] == 2 * most - 1 else numbers[1] - most
