"""RecordIO, the format of MXNet's `.rec` and `.idx` files, as face-recognition data sets are passed on in it.

A record in the file, after dmlc-core's `recordio.h`; all numbers are little-endian:

    magic   4 bytes, 0xced7230a
    length  3 bits: part (0 whole, 1 first, 2 middle, 3 last), 29 bits: bytes of this part
    data    padded with zeros to a multiple of 4

Where the data hold the magic number at a multiple of 4 bytes, the number is left out and the record is divided there; a
reader puts it between the parts again. A record of an image starts with MXNet's header: flag (uint32), label (float32),
id and second id (uint64). With a flag n > 0, n labels of float32 follow and `label` is 0.

The index has a line `key<TAB>offset` per record. MXNet itself is not needed, whose last release was in 2022.
"""

import os
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Int64
from numpy import ndarray

from maskgen.files import size_text
from maskgen.reading import read_regular_file

MAGIC = 0xCED7230A
MAGIC_BYTES = struct.pack("<I", MAGIC)
FRAME, HEADER = struct.Struct("<II"), struct.Struct("<IfQQ")
WHOLE, FIRST, MIDDLE, LAST = range(4)
LENGTH_BITS = 29
MOST_BYTES = (1 << LENGTH_BITS) - 1  # of one part
MOST_LABELS = 1 << 16  # of a record; a larger flag is damage
EXACT = 1 << 24  # labels are float32: larger whole numbers are rounded
INDEX_BYTES = 1 << 32
LARGEST = 10**18  # of keys and offsets in an index; a larger one is damage
PEEK = 64  # bytes that hold the frame, the header and two labels of a record, and some of its content


@dataclass(frozen=True)
class Record:
    """Content of a record.

    Attributes:
        labels: one number for an image: its class. Others, such as ranges of keys, have several.
        content: encoded image; b"" for a record of labels only.
        id: key of the record, as its writer numbered it.
        several: whether the labels are stored as a list, which is always so if they are not one.
    """

    labels: tuple[float, ...]
    content: bytes = b""
    id: int = 0
    several: bool = False


def pack_record(record: Record) -> bytes:
    """Returns the bytes of a record with MXNet's header, without the frame."""
    if record.several or len(record.labels) != 1:
        labels = np.asarray(record.labels, "<f4").tobytes()
        return HEADER.pack(len(record.labels), 0.0, record.id, 0) + labels + record.content
    return HEADER.pack(0, record.labels[0], record.id, 0) + record.content


def unpack_record(data: bytes) -> Record:
    """Reads MXNet's header; the inverse of `pack_record`.

    Raises:
        ValueError: the record is too short for its header and its labels.
    """
    if len(data) < HEADER.size:
        raise ValueError(f"has {len(data)} bytes, a header has {HEADER.size}")
    flag, label, key, _ = HEADER.unpack_from(data)
    if not flag:
        return Record((label,), data[HEADER.size :], key)
    end = HEADER.size + 4 * flag
    if flag > MOST_LABELS or end > len(data):
        raise ValueError(f"its header promises {flag} labels, which do not fit into {len(data)} bytes")
    labels = np.frombuffer(data, "<f4", flag, HEADER.size)
    return Record(tuple(labels.tolist()), data[end:], key, several=True)


def frame_record(data: bytes) -> bytes:
    """Returns the bytes of a record in a file: divided where they hold the magic number, with frames and padding.

    Raises:
        ValueError: the record is too long.
    """
    if len(data) > MOST_BYTES:
        raise ValueError(
            f"a record of {size_text(len(data))} is too long, the format allows {MOST_BYTES} bytes"
        )
    pieces, start = [], 0
    for at in _aligned_magic(data):
        part = FIRST if start == 0 else MIDDLE
        pieces += [FRAME.pack(MAGIC, part << LENGTH_BITS | at - start), data[start:at]]
        start = at + 4
    part = LAST if start else WHOLE
    return b"".join(
        (
            *pieces,
            FRAME.pack(MAGIC, part << LENGTH_BITS | len(data) - start),
            data[start:],
            bytes(-len(data) % 4),
        )
    )


def _aligned_magic(data: bytes) -> Iterator[int]:
    """Yields the places, multiples of 4, at which data hold the magic number."""
    at = data.find(MAGIC_BYTES)
    while at >= 0:
        if at % 4 == 0:
            yield at
        at = data.find(MAGIC_BYTES, at + 4 if at % 4 == 0 else at + 1)


def read_framed(descriptor: int, offset: int, limit: int = MOST_BYTES) -> bytes:
    """Reads the record at an offset, and puts its parts together.

    Args:
        descriptor: of the open file; its position is not used.
        offset: of the record's frame, as the index states it.
        limit: largest number of bytes to be read.

    Raises:
        ValueError: there is no record at the offset, it is cut or damaged, or it has more bytes; the message has no
            path.
    """
    parts: list[bytes] = []
    total, at = 0, offset
    while True:
        frame = os.pread(descriptor, FRAME.size, at)
        if not frame and not parts:
            raise ValueError(f"byte {offset} is behind the end of the file")
        if len(frame) < FRAME.size:
            raise ValueError("ends before its length: the file is cut")
        magic, word = FRAME.unpack(frame)
        part, length = word >> LENGTH_BITS, word & MOST_BYTES
        if magic != MAGIC:
            raise ValueError(
                f"byte {at} is no start of a record: found {magic:#010x}, expected {MAGIC:#010x}"
            )
        if part not in ((MIDDLE, LAST) if parts else (WHOLE, FIRST)):
            raise ValueError(f"byte {at} is part {part} of a record, out of order")
        total += length + 4 * bool(parts)
        if total > limit:
            raise TooLong(total, limit)
        data = os.pread(descriptor, length, at + FRAME.size)
        if len(data) < length:
            raise ValueError(f"has {len(data)} of {length} bytes: the file is cut")
        parts.append(data)
        if part in (WHOLE, LAST):
            return MAGIC_BYTES.join(parts)
        at += FRAME.size + length + -length % 4


def end_of_record(descriptor: int, offset: int) -> int:
    """Returns the place behind the record at an offset, without reading its data.

    Raises:
        ValueError: there is no record.
    """
    at = offset
    while True:
        frame = os.pread(descriptor, FRAME.size, at)
        magic, word = FRAME.unpack(frame) if len(frame) == FRAME.size else (0, 0)
        if magic != MAGIC:
            raise ValueError(f"byte {at} is no start of a record")
        length = word & MOST_BYTES
        at += FRAME.size + length + -length % 4
        if word >> LENGTH_BITS in (WHOLE, LAST):
            return at


def peek_record(descriptor: int, offset: int) -> Record:
    """Reads the labels of the record at an offset, and no more than the start of its content.

    Raises:
        ValueError: as `read_framed` and `unpack_record` raise it.
    """
    start = os.pread(descriptor, PEEK, offset)
    if len(start) >= FRAME.size:
        magic, word = FRAME.unpack_from(start)
        length = min(word & MOST_BYTES, len(start) - FRAME.size)
        if magic == MAGIC and word >> LENGTH_BITS == WHOLE and length:
            try:
                return unpack_record(start[FRAME.size : FRAME.size + length])
            except ValueError:
                pass  # many labels, or a damaged record: the whole tells
    return unpack_record(read_framed(descriptor, offset))


class TooLong(ValueError):
    """Error of a record that is longer than the caller allows; `size` is its number of bytes."""

    def __init__(self, size: int, limit: int) -> None:
        self.size = size
        super().__init__(f"{size} bytes, at most {limit} are allowed")


@dataclass(frozen=True)
class Index:
    """Index of a file of records.

    Attributes:
        keys: keys of the records, sorted, each once.
        offsets: offset of each record in bytes.
    """

    keys: Int64[ndarray, " n"]
    offsets: Int64[ndarray, " n"]

    def place(self, key: int) -> int | None:
        """Returns the place of a key in both arrays; None if it is not listed."""
        place = int(np.searchsorted(self.keys, key))
        return place if place < len(self.keys) and self.keys[place] == key else None


def read_index(path: Path) -> Index:
    """Reads an `.idx` file.

    Raises:
        OSError: it cannot be read.
        ValueError: a line is not `key<TAB>offset`, with whole numbers, or a key occurs twice; without a path.
    """
    data = read_regular_file(path, INDEX_BYTES)
    try:
        numbers = np.array(data.split(), dtype=np.int64) if _in_pairs(data) else None
    except (ValueError, OverflowError):
        numbers = None
    if numbers is None or numbers.max(initial=0) >= LARGEST:
        raise ValueError(_odd_line(data))
    order = np.argsort(numbers[::2], kind="stable")
    keys, offsets = numbers[::2][order], numbers[1::2][order]
    if (keys[1:] == keys[:-1]).any():
        raise ValueError(f"lists the key {keys[1:][keys[1:] == keys[:-1]][0]} twice")
    return Index(keys, offsets)


def _in_pairs(data: bytes) -> bool:
    """Tells whether every line that is not empty holds two fields of digits; an index may have many millions."""
    if data.translate(None, b"0123456789\t \r\n"):
        return False
    levels = np.frombuffer(data + b"\n", np.uint8)
    blank = levels <= ord(" ")
    starts = np.flatnonzero(~blank & np.append(True, blank[:-1]))
    fields = np.diff(np.searchsorted(starts, np.flatnonzero(levels == ord("\n"))), prepend=0)
    return bool(((fields == 0) | (fields == 2)).all())


def _odd_line(data: bytes) -> str:
    """Names the first line that is no entry of an index."""
    for number, line in enumerate(data.splitlines(), 1):
        fields = line.split()
        if fields and not (len(fields) == 2 and all(field.isdigit() and len(field) < 19 for field in fields)):
            return f"line {number}: expected key<TAB>offset, got {line[:80]!r}"
    return "its lines are no pairs of key and offset"


def index_text(entries: Iterable[tuple[int, int]]) -> str:
    """Formats an `.idx` file of (key, offset) pairs."""
    return "".join(f"{key}\t{offset}\n" for key, offset in entries)
