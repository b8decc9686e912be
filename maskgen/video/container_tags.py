"""Colour tags in MP4 (ISO 14496-12, `colr`) and Matroska (RFC 9559, `Colour`), read from the file itself.

The same for the configuration record of Dolby Vision ("Dolby Vision streams within the ISO base media file format",
version 2.6, and the same within Matroska).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from maskgen.video.colours import UNSPECIFIED, Colours

MOST = 1 << 26  # bytes of an index that are searched
MOST_BOXES = 100_000  # boxes or elements before the index
SEGMENT, TRACKS, TRACK, VIDEO, COLOUR = 0x18538067, 0x1654AE6B, 0xAE, 0xE0, 0x55B0
MATRIX, TRANSFER, PRIMARIES = 0x55B1, 0x55BA, 0x55BB
ADDITION, ADDITION_TYPE, ADDITION_DATA = 0x41E4, 0x41E7, 0x41ED
RECORDS = (b"dvcC", b"dvvC", b"dvwC")  # names of the record, by profile
RECORD_BOX = 32  # bytes
DOLBY = (b"dvhe", b"dvh1", b"dvav", b"dva1", b"dav1")  # codes of streams that may need a Dolby Vision decoder

Element = tuple[int, int, int]  # name, position of the content, size of the content


def colours_in_container(path: Path) -> Colours | None:
    """Reads the colour tags of the first video track that has some; None if the container holds none."""
    with path.open("rb") as file:
        return _in_matroska(file) if file.read(4) == b"\x1aE\xdf\xa3" else _in_mp4(file)


def is_dolby_vision_alone(path: Path) -> bool:
    """Tells whether a clip is Dolby Vision whose pixels are neither SDR nor HDR10 nor HLG without its metadata.

    Such pixels (profile 5) are in a colour space of Dolby's own, and are usually tagged as nothing or as BT.2020.
    """
    with path.open("rb") as file:
        matroska = file.read(4) == b"\x1aE\xdf\xa3"
        records = _dolby_in_matroska(file) if matroska else _dolby_in_mp4(file)
    return any(len(record) < 5 or record[4] >> 4 == 0 for record in records)  # bl_signal_compatibility_id


def _dolby_in_mp4(file: BinaryIO) -> list[bytes]:
    """Reads the records; one of length 0 stands for a stream that should have one."""
    index = _box(file, b"moov")
    places = [at for name in RECORDS for at in _places(index, name)]
    records = [
        index[at + 4 : at + 28] for at in places if int.from_bytes(index[at - 4 : at], "big") == RECORD_BOX
    ]
    named = any(index[at + 16 : at + 20] in DOLBY for at in _places(index, b"stsd"))
    return records or [b""] * named


def _places(data: bytes, name: bytes) -> Iterator[int]:
    at = data.find(name)
    while at >= 0:
        yield at
        at = data.find(name, at + 1)


def _dolby_in_matroska(file: BinaryIO) -> list[bytes]:
    data = _tracks(file)
    found = []
    for addition in _reach(data, (TRACK, ADDITION)):
        value = {name: data[start : start + size] for name, start, size in _inside(data, addition)}
        if value.get(ADDITION_TYPE, b"").lstrip(b"\0") in RECORDS:
            found.append(value.get(ADDITION_DATA, b""))
    return found


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
    for _ in range(MOST_BOXES):
        if at + 8 > end:
            break
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
    data = _tracks(file)
    found = next(_reach(data, (TRACK, VIDEO, COLOUR)), None)
    if found is None:
        return None
    children = _inside(data, found)
    value = {name: int.from_bytes(data[start : start + size], "big") for name, start, size in children}
    return Colours(*(value.get(name, UNSPECIFIED) for name in (MATRIX, TRANSFER, PRIMARIES)))


def _tracks(file: BinaryIO) -> bytes:
    """Reads the description of the tracks; b"" if there is none."""
    end = file.seek(0, 2)
    tracks = next((one for one in _children(file, 0, end, TRACKS) if one[0] == TRACKS), None)
    if tracks is None:
        return b""
    file.seek(tracks[1])
    return file.read(min(max(tracks[2], 0), MOST))


def _children(file: BinaryIO, at: int, end: int, last: int) -> Iterator[Element]:
    """Yields the elements of a Matroska file and of its segment, up to one named `last` or of unknown size."""
    for _ in range(MOST_BOXES):
        if at >= end:
            return
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


def _reach(data: bytes, path: tuple[int, ...]) -> Iterator[Element]:
    """Yields the elements that are reached by the names of `path`."""
    reached: list[Element] = [(0, 0, len(data))]
    for name in path:
        reached = [child for parent in reached for child in _inside(data, parent) if child[0] == name]
    yield from reached


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
