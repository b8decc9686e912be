"""Colours of a photo: which colour space its numbers are in, and the conversion to sRGB and back.

A colour space is given as an ICC profile, b"" for sRGB. Where a file states its space in another way (PNG's gAMA, cHRM
and cICP, the nclx box of HEIC and AVIF, the EXIF mark of Adobe RGB), an ICC profile is made of it, so that one
conversion serves all, and a result can carry the space of its photo.
"""

import io
import struct
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64
from numpy import ndarray
from PIL import Image, ImageCms

from maskgen.types import RGBImage

MAX_PROFILE_BYTES = 4 * 2**20  # profiles of printing presses have 2 MB; a larger one is not parsed
NOTICEABLE = 1  # grey levels; a profile whose colours differ by at most so much from sRGB counts as sRGB
# As Photoshop converts by default. For spaces of screens and cameras all intents are the same.
_INTENT, _FLAGS = ImageCms.Intent.RELATIVE_COLORIMETRIC, ImageCms.Flags.BLACKPOINTCOMPENSATION
_D50 = np.array([0.9642, 1.0, 0.8249])  # white of profiles
_D65, _WHITE_C, _WHITE_P3 = (0.3127, 0.3290), (0.310, 0.316), (0.314, 0.351)
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
_STEPS = 1024  # of a tone curve
SRGB_GAMMA = 0.0  # stands for the curve of sRGB, which is no power

Corners = tuple[float, ...]  # x, y of white, red, green, blue


class Space(NamedTuple):
    """RGB colour space: x, y of white, red, green and blue, and the exponent of its tone curve."""

    corners: Corners
    gamma: float


_SRGB_COLOURS = (0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
SRGB = Space((*_D65, *_SRGB_COLOURS), SRGB_GAMMA)
ADOBE_RGB = Space((*_D65, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06), 563 / 256)
# ITU-T H.273, table 2: numbers of primaries; those not listed here are taken as those of sRGB
_PRIMARIES: dict[int, Corners] = {
    4: (*_WHITE_C, 0.67, 0.33, 0.21, 0.71, 0.14, 0.08),
    5: (*_D65, 0.64, 0.33, 0.29, 0.60, 0.15, 0.06),
    6: (*_D65, 0.630, 0.340, 0.310, 0.595, 0.155, 0.070),
    7: (*_D65, 0.630, 0.340, 0.310, 0.595, 0.155, 0.070),
    8: (*_WHITE_C, 0.681, 0.319, 0.243, 0.692, 0.145, 0.049),
    9: (*_D65, 0.708, 0.292, 0.170, 0.797, 0.131, 0.046),
    11: (*_WHITE_P3, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
    12: (*_D65, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
    22: (*_D65, 0.630, 0.340, 0.295, 0.605, 0.155, 0.077),
}
# H.273, table 3: numbers of tone curves. Those of video (1, 6, 14, 15) are shown like sRGB by browsers and viewers.
_GAMMAS = {4: 2.2, 5: 2.8, 8: 1.0, 17: 2.6}
_NOT_FOR_8_BITS = {9: "logarithmic", 10: "logarithmic", 16: "HDR (PQ)", 18: "HDR (HLG)"}


def coded_space(primaries: int, transfer: int) -> Space | str:
    """Looks up the colour space of a pair of numbers of ITU-T H.273, as in PNG's cICP and HEIC's nclx.

    Returns:
        The space; or, for brightness that has no agreed place in 8 bits, a text that says what it is.
    """
    if transfer in _NOT_FOR_8_BITS:
        return f"{_NOT_FOR_8_BITS[transfer]} colours, which need a choice of brightness: convert it to sRGB first"
    return Space(_PRIMARIES.get(primaries, SRGB.corners), _GAMMAS.get(transfer, SRGB_GAMMA))


@lru_cache(maxsize=32)
def profile_of(space: Space) -> bytes:
    """Builds the ICC profile of a colour space; b"" for sRGB, or if its colours do not span a space."""
    matrix = _to_xyz(space.corners)
    if matrix is None or space == SRGB:
        return b""
    curve = b"curv\0\0\0\0" + struct.pack(f">I{_STEPS}H", _STEPS, *_curve(space.gamma).tolist())
    text = b"unmask: colours as the file states them\0"
    tags = {
        b"desc": b"desc\0\0\0\0" + struct.pack(">I", len(text)) + text + b"\0" * 78,
        b"cprt": b"text\0\0\0\0public domain\0",
        b"wtpt": _xyz(_D50),
        **{name: _xyz(matrix[:, i]) for i, name in enumerate((b"rXYZ", b"gXYZ", b"bXYZ"))},
        **dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve),
    }
    table, body, placed = b"", b"", {}
    for name, data in tags.items():
        if data not in placed:
            placed[data] = 128 + 4 + 12 * len(tags) + len(body)
            body += data + b"\0" * (-len(data) % 4)
        table += name + struct.pack(">II", placed[data], len(data))
    whole = 128 + 4 + len(table) + len(body)
    head = struct.pack(">I4sI4s4s4s", whole, b"\0" * 4, 0x02400000, b"mntr", b"RGB ", b"XYZ ")
    head += struct.pack(">6H4s", 2026, 1, 1, 0, 0, 0, b"acsp") + b"\0" * 28 + _xyz(_D50)[8:]
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


def _to_xyz(corners: Corners) -> Float64[ndarray, "3 3"] | None:
    """Computes the matrix from RGB to XYZ, adapted to the white of profiles (Bradford); None if there is none."""
    white, *colours = np.reshape(corners, (4, 2)).astype(float)
    try:
        columns = np.column_stack([_with_y(*colour) for colour in colours])
        source = _with_y(*white)
        matrix = columns * np.linalg.solve(columns, source)
        gains = (_BRADFORD @ _D50) / (_BRADFORD @ source)
        matrix = np.linalg.solve(_BRADFORD, np.diag(gains) @ _BRADFORD @ matrix)
    except (ZeroDivisionError, np.linalg.LinAlgError):
        return None
    return matrix if np.isfinite(matrix).all() and np.abs(matrix).max() < 8 else None


def rgb_to_srgb_light(space: Space) -> Float64[ndarray, "3 3"]:
    """Computes the matrix from linear RGB of a space that has a profile to linear sRGB."""
    own, srgb = _to_xyz(space.corners), _to_xyz(SRGB.corners)
    assert own is not None, "a space with a profile has a matrix"
    assert srgb is not None
    return np.linalg.solve(srgb, own)


def _with_y(x: float, y: float) -> Float64[ndarray, "3"]:
    if y <= 0:
        raise ZeroDivisionError
    return np.array([x / y, 1.0, (1 - x - y) / y])


def _xyz(values: Float64[ndarray, "3"]) -> bytes:
    return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(float(value) * 65536) for value in values))


def _curve(gamma: float) -> ndarray:
    """Computes a tone curve: linear light, 0-65535, of equally spaced values."""
    return np.round(linear_light(np.linspace(0, 1, _STEPS), gamma) * 65535).astype(np.uint16)


def linear_light(values: Float64[ndarray, "*shape"], gamma: float) -> Float64[ndarray, "*shape"]:
    """Computes linear light, 0-1, of values, 0-1, by an exponent or the curve of sRGB."""
    if gamma != SRGB_GAMMA:
        return values**gamma
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def to_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """Converts a loaded image to sRGB.

    Args:
        image: of any mode that `flattened` takes.
        profile: ICC profile of its colours. It is left out where it is not for an image of that mode, cannot be used,
            or is that of sRGB.

    Returns:
        The image itself if nothing had to be done; else an image of mode RGB or RGBA.
    """
    if not profile:
        return image
    of, alpha = profile[16:20], image.has_transparency_data
    if of == b"CMYK" and image.mode == "CMYK":
        return _converted(image, profile, "CMYK", "RGB")
    if of == b"RGB " and image.mode not in ("CMYK", "I", "F") and not image.mode.startswith("I;16"):
        mode = "RGBA" if alpha else "RGB"
        return _converted(image if image.mode == mode else image.convert(mode), profile, mode, mode)
    if of == b"GRAY" and image.mode in ("1", "L", "LA"):
        grey = _converted(
            image.getchannel("L") if image.mode == "LA" else image.convert("L"), profile, "L", "RGB"
        )
        if alpha and grey.mode == "RGB":
            grey.putalpha(image.convert("LA").getchannel("A"))
        return grey if grey.mode.startswith("RGB") else image
    return image


def srgb_of(pixels: RGBImage, profile: bytes) -> RGBImage:
    """Converts RGB pixels in the space of an RGB or grey profile to sRGB; `b""` leaves them as they are."""
    if profile[16:20] == b"GRAY":
        grey = _converted(Image.fromarray(np.ascontiguousarray(pixels[..., 0])), profile, "L", "RGB")
        return np.asarray(grey) if grey.mode == "RGB" else pixels
    if profile[16:20] != b"RGB " or _transform(profile, "RGB", "RGB") is None:
        return pixels
    return np.asarray(_converted(Image.fromarray(pixels), profile, "RGB", "RGB"))


def from_srgb(pixels: RGBImage, profile: bytes) -> RGBImage:
    """Converts sRGB pixels to the space of an RGB profile, for which `is_other_space` is true."""
    return np.asarray(_way_back(profile).apply(Image.fromarray(np.ascontiguousarray(pixels))))


def is_other_space(profile: bytes) -> bool:
    """Tells whether an ICC profile is a usable one for RGB and noticeably different from sRGB."""
    return profile[16:20] == b"RGB " and _transform(profile, "RGB", "RGB") is not None


def is_noticeable(space: Space) -> bool:
    """Tells whether a space differs noticeably from sRGB."""
    return is_other_space(profile_of(space))


def _converted(image: Image.Image, profile: bytes, mode: str, target: str) -> Image.Image:
    """Converts an image from `mode` to `target`; returns it as it is if the profile is unusable or sRGB's."""
    transform = _transform(profile, mode, target)
    return image if transform is None else transform.apply(image)


def _transform(profile: bytes, mode: str, target: str) -> ImageCms.ImageCmsTransform | None:
    """Builds the transform to sRGB; None if the profile is unusable, or nothing would change noticeably."""
    # checked before the cache, which would hold the bytes of large profiles
    return _built(profile, mode, target) if len(profile) <= MAX_PROFILE_BYTES else None


@lru_cache(maxsize=16)
def _built(profile: bytes, mode: str, target: str) -> ImageCms.ImageCmsTransform | None:
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        made = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, target, _INTENT, _FLAGS)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None
    return made if mode == "CMYK" or _changes(made, mode) else None


def _changes(transform: ImageCms.ImageCmsTransform, mode: str) -> bool:
    """Tells whether a transform of grey, RGB or RGBA changes some colour noticeably."""
    greys = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)
    levels = np.linspace(0, 255, 9).astype(np.uint8)
    colours = np.vstack([greys, np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(-1, 3)])
    image = Image.fromarray(colours[None]) if mode != "L" else Image.fromarray(greys[None, :, 0])
    before = np.asarray(image.convert("RGB")).astype(int)
    after = np.asarray(transform.apply(image.convert(mode)).convert("RGB"))
    return bool(np.abs(after - before).max() > NOTICEABLE)


@lru_cache(maxsize=4)
def _way_back(profile: bytes) -> ImageCms.ImageCmsTransform:
    target = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    return ImageCms.buildTransform(ImageCms.createProfile("sRGB"), target, "RGB", "RGB", _INTENT, _FLAGS)
