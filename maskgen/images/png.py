"""PNG beyond what Pillow tells: chunks and their limits, the colour space, and 16-bit pixels."""

import struct
import zlib
from collections.abc import Iterator

import cv2
import numpy as np
from jaxtyping import UInt8, UInt16
from numpy import ndarray
from PIL import Image

from maskgen.errors import Skip
from maskgen.images.colour import (
    SRGB,
    SRGB_GAMMA,
    Space,
    coded_space,
    is_noticeable,
    linear_light,
    profile_of,
    rgb_to_srgb_light,
)

MAX_CHUNKS = 65_536  # encoders put 8 kB or more of the pixels into one
START = 8  # bytes of the signature
DEPTH_AT = 24  # position of the bits per sample
_HEADER = struct.Struct(">IIBBBBB")  # width, height, bits, colour type, two zeros, interlacing
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # per pixel, by colour type
_PASSES = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
_INFLATED = 2**16  # bytes that are inflated at once to count them
# Files in the colours of sRGB say 1/2.2 where they mean its curve, as PNG's specification advises.
_MEANS_SRGB = 0.0035
_STRIP = 256  # rows that are converted at once, so that floats need little memory

Chunks = dict[bytes, bytes]


def chunks(data: bytes) -> Chunks | Skip:
    """Reads the header, the chunks before the pixels that tell colours and transparency, and EXIF data anywhere.

    The checksums of the pixels are checked here, as Pillow checks those of the other chunks only.

    Returns:
        Name -> content; or Skip, unreadable: the file has more chunks than allowed, or its pixels a wrong checksum.
    """
    found: Chunks = {}
    at, before = START, True
    for _ in range(MAX_CHUNKS):
        if at + 8 > len(data):
            return found
        (length,), name = struct.unpack_from(">I", data, at), data[at + 4 : at + 8]
        before = before and name != b"IDAT"
        if name == b"IDAT" and _is_damaged(data, at, length):
            return Skip("unreadable", "png: its pixels do not match their checksum")
        if before and name in (b"cICP", b"iCCP", b"sRGB", b"gAMA", b"cHRM", b"tRNS"):
            found.setdefault(name, data[at + 8 : at + 8 + min(length, 2**10)])
        elif name in (b"IHDR", b"eXIf"):
            found.setdefault(name, data[at + 8 : at + 8 + length])
        at += 12 + length
    return Skip("unreadable", f"png: more than {MAX_CHUNKS} chunks")


def _is_damaged(data: bytes, at: int, length: int) -> bool:
    """Tells whether a chunk that is there as a whole does not match its checksum."""
    end = at + 8 + length
    stated = data[end : end + 4]
    return len(stated) == 4 and zlib.crc32(memoryview(data)[at + 4 : end]) != int.from_bytes(stated, "big")


def lacks_rows(data: bytes, found: Chunks, image: Image.Image) -> bool:
    """Tells whether the pixels of a PNG end before its last row; Pillow leaves the missing ones black.

    Args:
        data: the file.
        found: its chunks.
        image: the same, decoded. Only if its last row is black, or it is interlaced, the bytes are counted.
    """
    width, height, bits, colour, _, _, interlaced = _HEADER.unpack(found[b"IHDR"])
    if not interlaced and np.asarray(image.crop((0, height - 1, width, height))).any():
        return False
    passes = _PASSES if interlaced else [(0, 0, 1, 1)]
    sizes = [(-(-(width - x) // right), -(-(height - y) // down)) for x, y, right, down in passes]
    row_bits = bits * _SAMPLES.get(colour, 1)
    left = sum(rows * (1 + -(-columns * row_bits // 8)) for columns, rows in sizes if columns > 0)
    inflater = zlib.decompressobj()
    try:
        for packed in _packed(data):
            inflated = _INFLATED
            while left > 0 and (packed or inflated == _INFLATED):  # bytes may wait though all are taken
                inflated = len(inflater.decompress(packed, _INFLATED))
                left, packed = left - inflated, inflater.unconsumed_tail
    except zlib.error:
        return False  # a wrong checksum behind the last row, which Pillow does not look at
    return left > 0


def _packed(data: bytes) -> Iterator[bytes]:
    """Yields the packed pixels of each chunk."""
    at = START
    while at + 8 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        if data[at + 4 : at + 8] == b"IDAT":
            yield data[at + 8 : at + 8 + length]
        at += 12 + length


def space_of(found: Chunks) -> Space | str:
    """Determines the colour space from cICP, sRGB, gAMA and cHRM, in this order.

    An ICC profile, between the first two, is not read here.

    Returns:
        The space; or a text that says why its colours cannot be shown.
    """
    if len(coded := found.get(b"cICP", b"")) == 4:
        if not coded[3]:
            return "colours of limited range, which viewers show differently: convert it to sRGB first"
        return coded_space(coded[0], coded[1])
    if b"sRGB" in found:
        return SRGB
    gamma, corners = found.get(b"gAMA", b""), found.get(b"cHRM", b"")
    return stated_space(
        int.from_bytes(gamma, "big") / 100_000 if len(gamma) == 4 else 0.0,
        tuple(number / 100_000 for number in struct.unpack(">8I", corners)) if len(corners) == 32 else None,
    )


def stated_space(gamma: float, corners: tuple[float, ...] | None) -> Space:
    """Builds the space of gAMA, the exponent of the encoder or 0, and of cHRM, x, y of white, red, green, blue."""
    stated = Space(corners or SRGB.corners, SRGB_GAMMA)
    if gamma and (is_noticeable(stated) or abs(gamma - 1 / 2.2) > _MEANS_SRGB):
        return Space(stated.corners, 1 / gamma)
    return stated


def is_deep(data: bytes) -> bool:
    """Tells whether a PNG has 16 bits per sample."""
    return data[DEPTH_AT : DEPTH_AT + 1] == b"\x10"


def deep_image(data: bytes, found: Chunks, space: Space) -> Image.Image:
    """Decodes a complete 16-bit PNG, whose dark tones 8 bits would not hold.

    Returns:
        Its image in sRGB, of mode RGB or RGBA. Where `space` is sRGB, of 16 bits the 8 high ones are kept.
    """
    deep = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION)
    if deep is None or deep.dtype != np.uint16:
        raise ValueError("the data do not match the header")
    if deep.ndim == 2:
        deep = deep[:, :, None]
    channels = {1: (0, 0, 0), 3: (2, 1, 0), 4: (2, 1, 0)}[deep.shape[2]]
    rgb = np.ascontiguousarray(deep[:, :, channels])
    image = Image.fromarray(_deep_to_srgb(rgb, space))
    if deep.shape[2] == 4:
        image.putalpha(Image.fromarray((deep[:, :, 3] >> 8).astype(np.uint8)))
    elif len(key := found.get(b"tRNS", b"")) in (2, 6):
        colour = np.frombuffer(key, ">u2")
        image.putalpha(Image.fromarray(np.where((rgb == colour).all(axis=2), 0, 255).astype(np.uint8)))
    return image


def _deep_to_srgb(rgb: UInt16[ndarray, "h w 3"], space: Space) -> UInt8[ndarray, "h w 3"]:
    """Converts 16-bit values to 8-bit sRGB."""
    if not profile_of(space):
        return (rgb >> 8).astype(np.uint8)
    light = linear_light(np.linspace(0, 1, 65_536), space.gamma).astype(np.float32)
    matrix = rgb_to_srgb_light(space).astype(np.float32)
    srgb = np.empty(rgb.shape, np.uint8)
    for top in range(0, len(rgb), _STRIP):
        linear = np.clip(light[rgb[top : top + _STRIP]] @ matrix.T, 0, 1)
        curved = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** np.float32(1 / 2.4) - 0.055)
        srgb[top : top + _STRIP] = np.round(curved * 255)
    return srgb
