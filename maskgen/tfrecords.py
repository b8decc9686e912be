"""Records of TFRecord files and TensorBoard logs: length, checksum of the length, content, checksum of the content.

Checksums are CRC-32C (Castagnoli, RFC 3720, appendix B.4), masked as TensorFlow's `record_writer` does. A CRC is
linear: that of a block is the exclusive or of what each byte adds at its place, which NumPy looks up for a whole block.

The contents are messages of Protocol Buffers, of which `field` and `varint` encode the parts.
"""

from collections.abc import Iterator
from functools import cache
from struct import Struct

import numpy as np
from jaxtyping import UInt8, UInt32
from numpy import ndarray

_POLYNOMIAL = 0x82F63B78  # reflected
_BLOCK = 512  # bytes; the table of a block has 512 kB and stays in the cache of the processor
_AT_ONCE = 64  # blocks
_MASK = 0xA282EAD8
_LENGTH_DELIMITED = 2  # wire type
_UINT32, _UINT64 = Struct("<I"), Struct("<Q")


def frame(content: bytes) -> bytes:
    """Returns the record of a content."""
    length = _UINT64.pack(len(content))
    return b"".join((length, _masked_crc(length), content, _masked_crc(content)))


def field(number: int, content: bytes) -> bytes:
    """Encodes a length-delimited field: field number (at most 15) and wire type, length, content."""
    return bytes([number << 3 | _LENGTH_DELIMITED]) + varint(len(content)) + content


def varint(value: int) -> bytes:
    """Encodes an integer in groups of seven bits, the lowest first; negative ones as their 64-bit complement."""
    value &= (1 << 64) - 1
    groups = bytearray()
    while value > 0x7F:
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*groups, value])


def crc32c(data: bytes) -> int:
    """Computes the CRC-32C of at least four bytes."""
    assert len(data) >= 4, "the initial value is added to the first four bytes"
    values = np.zeros(-(-len(data) // _BLOCK) * _BLOCK, np.uint8)  # leading zeros change nothing
    values[-len(data) :] = np.frombuffer(data, np.uint8)
    values[len(values) - len(data) :][:4] ^= 0xFF
    table = _table()
    first = [row.tolist() for row in table[:4]]  # what the CRC of the bytes before a block adds to it
    crc = 0
    for block in _added(values.reshape(-1, _BLOCK), table):
        crc = (
            block
            ^ first[0][crc & 255]
            ^ first[1][crc >> 8 & 255]
            ^ first[2][crc >> 16 & 255]
            ^ first[3][crc >> 24]
        )
    return crc ^ 0xFFFFFFFF


def _added(blocks: UInt8[ndarray, "n 512"], table: UInt32[ndarray, "512 256"]) -> Iterator[int]:
    """Yields what each block adds to the CRC, if nothing but zeros came before it."""
    places = np.arange(0, table.size, 256)
    for start in range(0, len(blocks), _AT_ONCE):
        entries = table.ravel().take(blocks[start : start + _AT_ONCE] + places)
        yield from np.bitwise_xor.reduce(entries, axis=1).tolist()


@cache
def _table() -> UInt32[ndarray, "512 256"]:
    """Returns what each value of a byte adds to the CRC, by its place in a block."""
    last: ndarray = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        last = last >> 1 ^ np.where(last & 1, np.uint32(_POLYNOMIAL), np.uint32(0))
    table = np.empty((_BLOCK, 256), np.uint32)
    table[-1] = last
    for place in range(_BLOCK - 2, -1, -1):
        table[place] = last[table[place + 1] & 0xFF] ^ table[place + 1] >> 8
    return table


def _masked_crc(data: bytes) -> bytes:
    """Returns the checksum as TensorFlow stores it: rotated, so that a file may hold checksums of itself."""
    crc = crc32c(data)
    return _UINT32.pack(((crc >> 15 | crc << 17) + _MASK) & 0xFFFFFFFF)
