"""Decoder of a sample's members (images, map, parts), by an explicit list of names; no other member is decoded.

Maps and parts as `gen-data` writes them, PNGs of packed bits without filters, are decoded by a fast path; all other
files by `maskgen.images.codecs`.
"""

import struct
import zlib
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from maskgen.errors import InputError, Skip
from maskgen.images import codecs
from maskgen.types import Plane, RGBImage
from unmasknet.data.augment import Views

SUFFIXES = ("jpg", "jpeg", "png", "webp")  # of images
MAX_PIXELS = 1 << 26
QUARTERS = (np.arange(256)[:, None] >> np.array([6, 4, 2, 0]) & 3).astype(
    np.uint8
)  # byte -> its four 2-bit values
PNG_START, PNG_END = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", b"IEND\xaeB`\x82"


ALL = ("masked", "gt", "map", "parts")


def decode_sample(members: Mapping[str, Any], roles: Collection[str] = ALL) -> Views:
    """Decodes photo, ground truth, map and parts.

    Args:
        members: members of one sample, by the part of the name after the key's dot.
        roles: members to decode. If only one of `masked` and `gt` is given, its image is used for both; without
            `parts`, parts are 0. The map is always decoded.

    Raises:
        InputError: a member is missing or cannot be decoded, or sizes differ.
    """
    try:
        masked = _picture(members, "masked" if "masked" in roles else "gt")
        gt = _picture(members, "gt") if {"masked", "gt"} <= set(roles) else masked
        map = _map(members)
        if "parts" not in roles:
            parts: Plane | None = np.zeros_like(map)
        else:
            parts = _plain_plane(members["parts.png"], bits=2, colour_type=3)
        parts = codecs.decode_parts(members["parts.png"]) if parts is None else parts
    except KeyError as error:
        raise InputError(f"it has no {error.args[0]}") from error
    sizes = {array.shape[:2] for array in (masked, gt, map, parts)}
    if len(sizes) > 1:
        raise InputError(f"its images have different sizes: {sorted(sizes)}")
    return Views(masked, gt, map, parts)


def has_hole(members: Mapping[str, Any]) -> bool:
    """Tells whether the map of a sample marks a pixel; true as well if it is damaged, which `decode_sample` reports."""
    try:
        return bool(_map(members).any())
    except (KeyError, InputError):
        return True


def _map(members: Mapping[str, Any]) -> Plane:
    map = _plain_plane(members["map.png"], bits=1, colour_type=0)
    return codecs.decode_map(members["map.png"]) if map is None else map


def _picture(members: Mapping[str, Any], role: str) -> RGBImage:
    for suffix in SUFFIXES:
        data = members.get(f"{role}.{suffix}")
        if data is not None:
            picture = codecs.decode(data, max_pixels=MAX_PIXELS, background=255)
            if isinstance(picture, Skip):
                raise InputError(f"{role}.{suffix} is {picture.reason}: {picture.detail}")
            return picture
    raise KeyError(role)


def _plain_plane(data: bytes, bits: int, colour_type: int) -> Plane | None:
    """Decodes a PNG of packed, unfiltered rows; returns None for any other or a damaged file."""
    if not data.startswith(PNG_START) or not data.endswith(PNG_END):
        return None
    width, height, depth, colours, *rest = struct.unpack_from(">IIBBBBB", data, 16)
    start = data.find(b"IDAT")
    if (depth, colours, rest) != (bits, colour_type, [0, 0, 0]) or width * height > MAX_PIXELS or start < 0:
        return None
    stride = (width * bits + 7) // 8 + 1
    (length,) = struct.unpack_from(">I", data, start - 4)
    try:
        unpacker = zlib.decompressobj()
        packed = unpacker.decompress(data[start + 4 : start + 4 + length], stride * height + 1)
    except zlib.error:
        return None
    if len(packed) != stride * height:
        return None
    rows = np.frombuffer(packed, np.uint8).reshape(height, stride)
    if rows[:, 0].any():
        return None
    if bits == 1:
        return np.unpackbits(rows[:, 1:], axis=1, count=width)
    return np.ascontiguousarray(QUARTERS[rows[:, 1:]].reshape(height, -1)[:, :width])
