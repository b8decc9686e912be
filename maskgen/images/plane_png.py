"""8-bit grey PNGs of maps and parts, several times as fast as Pillow.

Most rows of a map lie above or below the mask and are 0. Their compressed form depends only on their number, so it is
made once and then put before and behind that of the rows between, as parts of one deflate stream (RFC 1951) that end
with whole bytes. A reader that knows the parts need not expand them either. For any other reader it is a usual PNG.
"""

import struct
import zlib
from functools import lru_cache

import cv2
import numpy as np

from maskgen.types import Plane

# level, method, window (negative: no header), memory, strategy; run-length only, as a map consists of runs
DEFLATE = (1, zlib.DEFLATED, -15, 8, zlib.Z_RLE)
ZLIB_HEADER = b"\x78\x01"  # window of 32 kB, fastest level
PART_END = b"\x00\x00\xff\xff"  # what zlib's full flush writes
LONGEST = 4096  # bytes of a part that is looked up
START, END = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", b"IEND\xaeB`\x82"
GREY = struct.pack(">BBBBB", 8, 0, 0, 0, 0)  # bits, colour type, compression, filters, interlacing


def encode_grey(plane: Plane) -> bytes:
    """Encodes a plane as an 8-bit grey PNG without row filters."""
    height, width = plane.shape
    _, top, _, used = cv2.boundingRect(np.ascontiguousarray(plane))
    filtered = np.zeros((used, width + 1), np.uint8)
    filtered[:, 1:] = plane[top : top + used]
    rows = filtered.tobytes()
    above, below = top * (width + 1), (height - top - used) * (width + 1)
    packer = zlib.compressobj(*DEFLATE)
    middle = packer.compress(rows) + packer.flush(zlib.Z_FULL_FLUSH)
    checksum = _after_zeros(zlib.adler32(rows, _after_zeros(1, above)), below)
    pixels = ZLIB_HEADER + _zeros(above) + middle + _zeros(below, last=True) + struct.pack(">I", checksum)
    header = struct.pack(">II", width, height) + GREY
    return b"".join((START[:8], _chunk(b"IHDR", header), _chunk(b"IDAT", pixels), _chunk(b"IEND", b"")))


def decode_grey(data: bytes, max_pixels: int) -> Plane | None:
    """Decodes what `encode_grey` wrote; returns None for any other, a larger or a damaged file."""
    if not (data.startswith(START) and data.endswith(END) and data[24:29] == GREY and data[37:41] == b"IDAT"):
        return None
    width, height = struct.unpack_from(">II", data, 16)
    (length,) = struct.unpack_from(">I", data, 33)
    stream = data[43 : 41 + length - 4]
    first, last = stream.find(PART_END) + 4, stream.rfind(PART_END) + 4
    if not 0 < width * height <= max_pixels or not 4 <= first < last:
        return None
    if max(first, len(stream) - last) > LONGEST:
        return None
    above, below = _zeros_in(stream[:first], max_pixels), _zeros_in(stream[last:], max_pixels)
    size = (width + 1) * height - above - below
    if above < 0 or below < 0 or size < 0 or above % (width + 1) or below % (width + 1):
        return None
    try:
        middle = zlib.decompressobj(-15).decompress(stream[first:last], size + 1)
    except zlib.error:
        return None
    checksum = _after_zeros(zlib.adler32(middle, _after_zeros(1, above)), below)
    if len(middle) != size or data[41 + length - 4 : 41 + length] != struct.pack(">I", checksum):
        return None
    rows = np.frombuffer(middle, np.uint8).reshape(-1, width + 1)
    if rows[:, 0].any():
        return None
    plane = np.zeros((height, width), np.uint8)
    top = above // (width + 1)
    plane[top : top + len(rows)] = rows[:, 1:]
    return plane


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


@lru_cache(maxsize=1024)
def _zeros(count: int, *, last: bool = False) -> bytes:
    """Compresses zeros to a part of a raw deflate stream that ends with a whole byte, or with the stream if `last`."""
    packer = zlib.compressobj(*DEFLATE)
    return packer.compress(bytes(count)) + packer.flush(zlib.Z_FINISH if last else zlib.Z_FULL_FLUSH)


@lru_cache(maxsize=1024)
def _zeros_in(part: bytes, most: int) -> int:
    """Counts the zeros that a part of a raw deflate stream expands to; -1 if it has others, more, or is damaged."""
    try:
        expanded = zlib.decompressobj(-15).decompress(part, 2 * most + 1)
    except zlib.error:
        return -1
    return -1 if len(expanded) > 2 * most or expanded.strip(b"\0") else len(expanded)


def _after_zeros(checksum: int, count: int) -> int:
    """Computes the Adler-32 checksum (RFC 1950) of data followed by `count` zeros from that of the data."""
    low, high = checksum & 0xFFFF, checksum >> 16
    return (high + low * count) % 65521 << 16 | low
