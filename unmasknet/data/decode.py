"""Decoder of a sample's members (images, map, parts), by an explicit list of names; no other member is decoded.

Maps and parts as `gen-data` writes them, PNGs without row filters, are decoded by a fast path: in format 2 by
`maskgen.images.plane_png`, in format 1, with 1 and 2 bits per pixel, here; all other files by `maskgen.images.codecs`.
"""

import re
import struct
import zlib
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from maskgen.errors import InputError, Skip
from maskgen.images import codecs
from maskgen.images.plane_png import END, START, decode_grey
from maskgen.types import Plane, RGBImage
from unmasknet.data.augment import Views

SUFFIXES = ("jpg", "jpeg", "png", "webp")  # of images
MAX_PIXELS = 1 << 26
QUARTERS = (np.arange(256)[:, None] >> np.array([6, 4, 2, 0]) & 3).astype(
    np.uint8
)  # byte -> its four 2-bit values
HOLE = re.compile(
    rb'"hole"\s*:\s*([0-9]+(?:\.[0-9]+)?)'
)  # label `hole`: fraction of the image that the map marks


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
        parts = _parts(members) if "parts" in roles else np.zeros_like(map)
    except KeyError as error:
        raise InputError(f"it has no {error.args[0]}") from error
    sizes = {array.shape[:2] for array in (masked, gt, map, parts)}
    if len(sizes) > 1:
        raise InputError(f"its images have different sizes: {sorted(sizes)}")
    return Views(masked, gt, map, parts)


def has_hole(labels: bytes) -> bool:
    """Tells by a sample's json whether its map marks a pixel; true as well if the json does not say it.

    The number is searched for: parsing hundreds of landmarks would take a tenth of the time of a sample.
    """
    found = HOLE.search(labels)
    return found is None or float(found[1]) > 0


def _map(members: Mapping[str, Any]) -> Plane:
    data = members["map.png"]
    if (grey := decode_grey(data, MAX_PIXELS)) is not None:
        return grey >> 7
    packed = _packed_plane(data, bits=1, colour_type=0)
    return codecs.decode_map(data) if packed is None else packed


def _parts(members: Mapping[str, Any]) -> Plane:
    data = members["parts.png"]
    grey = decode_grey(data, MAX_PIXELS)
    if grey is not None and grey.max(initial=0) <= 3:
        return grey
    packed = _packed_plane(data, bits=2, colour_type=3)
    return codecs.decode_parts(data) if packed is None else packed


def _picture(members: Mapping[str, Any], role: str) -> RGBImage:
    for suffix in SUFFIXES:
        data = members.get(f"{role}.{suffix}")
        if data is not None:
            picture = codecs.decode(data, max_pixels=MAX_PIXELS, background=255)
            if isinstance(picture, Skip):
                raise InputError(f"{role}.{suffix} is {picture.reason}: {picture.detail}")
            return picture
    raise KeyError(role)


def _packed_plane(data: bytes, bits: int, colour_type: int) -> Plane | None:
    """Decodes a PNG of packed, unfiltered rows, as in format 1; returns None for any other or a damaged file."""
    if not data.startswith(START) or not data.endswith(END):
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
