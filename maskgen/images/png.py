"""PNG beyond what Pillow tells: chunks and their limits, the colour space, and 16-bit pixels."""

import struct

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
# Files in the colours of sRGB say 1/2.2 where they mean its curve, as PNG's specification advises.
_MEANS_SRGB = 0.0035
_STRIP = 256  # rows that are converted at once, so that floats need little memory

Chunks = dict[bytes, bytes]


def chunks(data: bytes) -> Chunks | Skip:
    """Reads the chunks before the pixels that tell colours and transparency, and EXIF data anywhere.

    Returns:
        Name -> content; or Skip, unreadable: the file has more chunks than allowed.
    """
    found: Chunks = {}
    at, before = START, True
    for _ in range(MAX_CHUNKS):
        if at + 8 > len(data):
            return found
        (length,), name = struct.unpack_from(">I", data, at), data[at + 4 : at + 8]
        before = before and name != b"IDAT"
        if before and name in (b"cICP", b"iCCP", b"sRGB", b"gAMA", b"cHRM", b"tRNS"):
            found.setdefault(name, data[at + 8 : at + 8 + min(length, 2**10)])
        elif name == b"eXIf":
            found.setdefault(name, data[at + 8 : at + 8 + length])
        at += 12 + length
    return Skip("unreadable", f"png: more than {MAX_CHUNKS} chunks")


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
