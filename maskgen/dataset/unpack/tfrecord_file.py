"""Records of a TFRecord file: length, checksum of the length, content, checksum of the content.

Checksums are CRC-32C (Castagnoli, RFC 3720, appendix B.4), masked as TensorFlow's `record_writer` does. A CRC is
linear: that of a block is the exclusive or of what each byte adds at its place, which NumPy looks up for a whole block.
"""

from functools import cache
from struct import Struct

import numpy as np
from jaxtyping import UInt32
from numpy import ndarray

_POLYNOMIAL = 0x82F63B78  # reflected
_BLOCK = 2048  # bytes; the table of a block has 2 MB and stays in the cache of the processor
_MASK = 0xA282EAD8
_UINT32, _UINT64 = Struct("<I"), Struct("<Q")


def frame(content: bytes) -> bytes:
    """Returns the record of a content."""
    length = _UINT64.pack(len(content))
    return b"".join((length, _masked_crc(length), content, _masked_crc(content)))


def crc32c(data: bytes) -> int:
    """Computes the CRC-32C of at least four bytes."""
    assert len(data) >= 4, "the initial value is added to the first four bytes"
    values = np.zeros(-(-len(data) // _BLOCK) * _BLOCK, np.uint8)  # leading zeros change nothing
    values[-len(data) :] = np.frombuffer(data, np.uint8)
    values[len(values) - len(data) :][:4] ^= 0xFF
    table, places = _table(), np.arange(_BLOCK)
    crc = 0
    for block in values.reshape(-1, _BLOCK):
        block[:4] ^= np.frombuffer(_UINT32.pack(crc), np.uint8)
        crc = int(np.bitwise_xor.reduce(table[places, block]))
    return crc ^ 0xFFFFFFFF


@cache
def _table() -> UInt32[ndarray, "2048 256"]:
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
