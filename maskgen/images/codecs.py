"""Image codecs: decode a photo's bytes to upright RGB, encode arrays as JPEG, PNG or WebP.

All photos go through one safe loader. A file's bytes decide its format, never its name. The header is read first, so an
image with too many pixels costs no memory; a truncated image is refused instead of filled with grey.
"""

import io
import re
import struct
import warnings
import zlib
from collections.abc import Callable
from typing import Literal

import cv2
import numpy as np
from jaxtyping import Shaped, UInt8
from numpy import ndarray
from PIL import Image
from PIL.AvifImagePlugin import AvifImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.ExifTags import Base as ExifTag
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.PpmImagePlugin import PpmImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from maskgen.errors import InputError, Skip
from maskgen.types import Plane, RGBImage

MIN_SIDE = 16  # pixels; an image with a shorter side has no usable face
HEAD_BYTES = 512  # enough to recognise every format, and web pages, by the start of a file
MAX_MAP_PIXELS = 100_000_000  # larger maps are refused by their header
# level, method, window, memory, strategy; run-length only: a third of the time of level 6, for 50 more bytes per map
DEFLATE = (1, zlib.DEFLATED, 15, 8, zlib.Z_RLE)
PARTS_PALETTE = bytes((0, 0, 0, 96, 96, 96, 255, 176, 0, 0, 114, 178))  # untouched, shadow, strap, mask

# Pillow's plugins instead of Image.open: a closed list of formats (no PostScript, no playlists of other files), and the
# limit of pixels is an argument instead of Pillow's global variable.
OPENERS: dict[str, tuple[re.Pattern[bytes], Callable[[io.BytesIO], ImageFile]]] = {
    "jpeg": (re.compile(rb"\xff\xd8\xff"), JpegImageFile),
    "png": (re.compile(rb"\x89PNG\r\n\x1a\n"), PngImageFile),
    "webp": (re.compile(rb"RIFF....WEBP", re.DOTALL), WebPImageFile),
    "gif": (re.compile(rb"GIF8[79]a"), GifImageFile),
    "tiff": (re.compile(rb"II[*+]\0|MM\0[*+]"), TiffImageFile),
    "bmp": (re.compile(rb"BM"), BmpImageFile),
    "avif": (re.compile(rb"....ftypavi[fs]", re.DOTALL), AvifImageFile),
    "ppm": (re.compile(rb"P[1-6]\s"), PpmImageFile),
}
# JPEG segments: frame header, baseline or progressive; the others are tables, restart interval, JFIF mark, comment.
_FRAMES = (0xC0, 0xC1, 0xC2)
_PLAIN_SEGMENTS = {bytes((0xFF, kind)) for kind in (*_FRAMES, 0xC4, 0xDB, 0xDD, 0xE0, 0xFE)}
_LENGTH, _FRAME = struct.Struct(">H"), struct.Struct(">BHHB")  # of a segment; bits, height, width, channels
CLOSED_EARLY = Skip("truncated", "jpeg: closed before its image ends")
FULL_CHROMA = (cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444)
HTML = re.compile(
    rb"(\xef\xbb\xbf)?\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)?<(!doctype\s+html|html|head|body)",
    re.I | re.DOTALL,
)


def picture_format(head: bytes) -> str:
    """Returns the format of a file by its first bytes: a key of `OPENERS`, or "" if it is unknown."""
    return next((name for name, (magic, _) in OPENERS.items() if magic.match(head)), "")


def is_html(head: bytes) -> bool:
    """Tells whether a file's first bytes start a web page."""
    return HTML.match(head) is not None


def decode(data: bytes, *, max_pixels: int, background: int) -> RGBImage | Skip:
    """Decodes a photo of any usual format and mode to upright RGB.

    The EXIF orientation is applied. CMYK, palette, grey and 16-bit images are converted to RGB; of 16 bits the 8 high
    ones are kept. Transparent pixels are composited over grey. Of an animation the first frame is decoded.

    Args:
        data: the file's bytes.
        max_pixels: larger images are refused by their header, before memory is allocated.
        background: grey level, 0-255, under transparent pixels.

    Returns:
        RGB, 0-255, read-only; or Skip: unreadable, truncated, too_large, too_small.
    """
    kind = picture_format(data[:HEAD_BYTES])
    if not kind:
        return Skip("unreadable", _what_instead(data))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of odd metadata; only the pixels matter
            if kind == "jpeg" and (size := _plain_jpeg_size(data)):
                return _size_refused(size, max_pixels) or _jpeg_pixels(data)
            image = OPENERS[kind][1](io.BytesIO(data))
            refused = _size_refused(image.size, max_pixels)
            if refused is not None:
                return refused
            plain = kind == "jpeg" and image.mode in ("L", "RGB")
            pixels = _jpeg_pixels(data) if plain else rgb_of(image, background)
            if isinstance(pixels, Skip) or (kind == "jpeg" and not plain and _closed_early(data)):
                return CLOSED_EARLY
            orientation = exif_orientation(image)
    except (MemoryError, Image.DecompressionBombError) as error:
        return Skip("too_large", f"{kind}: {error or 'decoding needs more memory than there is'}")
    except Exception as error:  # noqa: BLE001 (a parser fed with hostile bytes raises anything)
        return Skip("truncated" if _ends_early(data, kind, error) else "unreadable", f"{kind}: {error}")
    return turn_upright(pixels, orientation)


def colour_profile(data: bytes) -> bytes:
    """Returns the ICC profile of an RGB photo; b"" if it has none, or the profile is not for RGB."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = OPENERS[picture_format(data[:HEAD_BYTES])][1](io.BytesIO(data))
        profile = bytes(image.info.get("icc_profile") or b"")
    except Exception:  # noqa: BLE001 (a parser fed with hostile bytes raises anything)
        return b""
    return profile if profile[16:20] == b"RGB " else b""


def _what_instead(data: bytes) -> str:
    if not data:
        return "the file is empty"
    return "a web page" if is_html(data[:HEAD_BYTES]) else "not a known image format"


def too_many_pixels(size: tuple[int, int], max_pixels: int) -> Skip | None:
    """Refuses an image of `size`, width and height, with more than `max_pixels` pixels."""
    width, height = size
    if width * height > max_pixels:
        return Skip("too_large", f"{width} x {height} pixels, at most {max_pixels} are allowed")
    return None


def _size_refused(size: tuple[int, int], max_pixels: int) -> Skip | None:
    width, height = size
    if refused := too_many_pixels(size, max_pixels):
        return refused
    if min(width, height) < MIN_SIDE:
        return Skip("too_small", f"{width} x {height} pixels, {MIN_SIDE} a side are needed")
    return None


def _plain_jpeg_size(data: bytes) -> tuple[int, int] | None:
    """Reads width and height of a JPEG without metadata, 8 bits, grey or with three channels.

    Returns None if it has other segments, such as EXIF or Adobe's colour transform, or odd ones: Pillow decodes these.
    Photos in data sets usually have no metadata; skipping Pillow's classes saves a tenth of their decoding time.
    """
    at, size = 2, None
    while data[at : at + 2] in _PLAIN_SEGMENTS and at + 10 <= len(data):
        if data[at + 1] in _FRAMES:
            bits, height, width, channels = _FRAME.unpack_from(data, at + 4)
            usual = bits == 8 and channels in (1, 3) and height and width  # height 0: given after the pixels
            size = (width, height) if usual else None
        at += 2 + int(_LENGTH.unpack_from(data, at + 2)[0])
    return size if data[at : at + 2] == b"\xff\xda" else None


def _jpeg_pixels(data: bytes) -> RGBImage | Skip:
    """Decodes the common case with OpenCV: twice as fast as Pillow, and bit-identical."""
    encoded = np.frombuffer(data, np.uint8)
    pixels = cv2.imdecode(encoded, cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION)
    if pixels is None:
        raise ValueError("the data do not match the header")
    # Decoders fill missing parts with grey: an image whose last pixel has another colour is complete.
    if pixels[-1, -1].tolist() == [128, 128, 128] and _closed_early(data):
        return CLOSED_EARLY
    return np.asarray(pixels)


def _closed_early(data: bytes) -> bool:
    """Tells whether a JPEG was cut and then closed by an end marker; decoders silently fill such a file with grey.

    A complete progressive JPEG has more than its first, coarsest scan. A sequential one is decoded again with the end
    marker replaced by some stuffed bytes: enough to finish a complete image, too few for a missing part.
    """
    if "progressive" in JpegImageFile(io.BytesIO(data)).info:
        return data.count(b"\xff\xda") < 2
    try:
        JpegImageFile(io.BytesIO(data[: data.rfind(b"\xff\xd9")] + b"\xff\x00" * 16)).load()
    except OSError:
        return True
    return False


def rgb_of(image: Image.Image, background: int) -> RGBImage:
    """Converts an image of any mode to RGB like `decode`, but without rotation.

    Raises:
        ValueError: its pixels are 32-bit numbers.
    """
    image.load()
    # PNG and PGM have no 32-bit pixels: if Pillow opens one in mode "I", its levels are 0 to 65,535
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format in ("PNG", "PPM")):
        grey = (np.asarray(image) >> 8).astype(np.uint8)
        return np.repeat(grey[:, :, None], 3, axis=2)
    if image.mode in ("I", "F"):
        raise ValueError("32-bit pixels have no agreed white")
    if image.has_transparency_data:
        ground = Image.new("RGBA", image.size, (background, background, background, 255))
        return np.asarray(Image.alpha_composite(ground, image.convert("RGBA")).convert("RGB"))
    return np.asarray(image if image.mode == "RGB" else image.convert("RGB"))


def exif_orientation(image: Image.Image) -> int:
    """Reads the EXIF orientation, 1-8. To be called after loading: Pillow rotates TIFFs itself and drops their tag."""
    try:
        value = image.getexif().get(ExifTag.Orientation, 1)
    except Exception:  # noqa: BLE001 (broken metadata raises anything; no rotation then)
        return 1
    return value if value in range(1, 9) else 1


def turn_upright(pixels: RGBImage, orientation: int) -> UInt8[ndarray, "tall wide 3"]:
    """Applies an EXIF orientation, 1-8, to pixels."""
    if orientation == 1:
        return pixels
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)


def _ends_early(data: bytes, kind: str, error: Exception) -> bool:
    """Tells whether an undecodable file lacks its end, by its structure or by the decoder's message."""
    if kind == "jpeg":
        return data.find(b"\xff\xd9", _scan_start(data)) < 0
    if kind == "png":
        return b"IEND" not in data
    if kind == "webp":
        return int(struct.unpack_from("<I", data, 4)[0]) + 8 > len(data)
    return "truncated" in str(error).lower()


def _scan_start(data: bytes) -> int:
    """Finds the start of a JPEG's pixels, after its segments (one may hold a thumbnail, which is a JPEG itself)."""
    at = 2
    while data[at : at + 1] == b"\xff" and at + 4 <= len(data) and data[at + 1] != 0xDA:
        at += 2 + int(struct.unpack_from(">H", data, at + 2)[0])
    return at


def encode_jpeg(image: RGBImage, quality: int) -> bytes:
    """Encodes a 4:4:4 JPEG without metadata.

    Subsampled chroma would save a third of the time and a fifth of the bytes, but it smears the edge of a coloured mask
    twice as far: at quality 95 the pixels outside the map on which `masked` and `gt` differ would be 35 % of the map's
    area instead of 19 %.
    """
    return _cv2_encode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality, *FULL_CHROMA])


def encode_lossless(image: RGBImage, kind: Literal["png", "webp"]) -> bytes:
    """Encodes a PNG or a lossless WebP without metadata, at the fastest level."""
    if kind == "png":
        return _cv2_encode(".png", image, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    out = io.BytesIO()  # OpenCV's lossless WebP takes 14 times as long; only Pillow offers the fast method
    Image.fromarray(image).save(out, "WEBP", lossless=True, quality=0, method=0)
    return out.getvalue()


def _cv2_encode(suffix: str, image: RGBImage, options: list[int]) -> bytes:
    done, encoded = cv2.imencode(suffix, cv2.cvtColor(image, cv2.COLOR_RGB2BGR), options)
    assert done, (suffix, image.shape)
    return encoded.tobytes()


def encode_map(plane: Plane) -> bytes:
    """Encodes a map as a 1-bit PNG, white where the map is not 0; three times as fast as Pillow."""
    return _png(plane.shape, bits=1, colour_type=0, rows=np.packbits(plane != 0, axis=1))


def encode_parts(parts: Plane) -> bytes:
    """Encodes `parts` as a 2-bit palette PNG: indices are the values 0-3, colours are easy to tell apart."""
    fours = (
        np.pad(parts, ((0, 0), (0, -parts.shape[1] % 4)))
        if parts.shape[1] % 4
        else np.ascontiguousarray(parts)
    )
    assert int(parts.max(initial=0)) < 4, "parts are 0-3"
    # Packs four bytes a, b, c, d into the byte aabbccdd: each set bit of the factor shifts one of them to its place.
    rows = ((fours.view("<u4") * np.uint32(0x40100401)) >> np.uint32(24)).astype(np.uint8)
    return _png(parts.shape, bits=2, colour_type=3, rows=rows, palette=PARTS_PALETTE)


def _png(shape: tuple[int, ...], bits: int, colour_type: int, rows: Plane, palette: bytes = b"") -> bytes:
    """Encodes rows that are already packed as a PNG without row filters."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", shape[1], shape[0], bits, colour_type, 0, 0, 0)
    filtered = np.zeros((rows.shape[0], rows.shape[1] + 1), np.uint8)
    filtered[:, 1:] = rows
    colours = chunk(b"PLTE", palette) if palette else b""
    packer = zlib.compressobj(*DEFLATE)
    pixels = chunk(b"IDAT", packer.compress(filtered.tobytes()) + packer.flush())
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + colours + pixels + chunk(b"IEND", b"")


def decode_map(data: bytes) -> Plane:
    """Decodes the PNG of a map to 0 or 1; grey values from 128 count as 1. InputError if it is not a map."""
    plane = _decode_plane(data, "map", modes=("1", "L"))
    return plane.astype(np.uint8) if plane.dtype == bool else (plane >> 7)


def decode_parts(data: bytes) -> Plane:
    """Decodes the PNG of parts to 0-3. InputError if it is not a PNG of parts."""
    plane = _decode_plane(data, "parts", modes=("P", "L"))
    if plane.max(initial=0) > 3:
        raise InputError(f"parts: value {plane.max()} found, expected 0 to 3. Make the data set again")
    return plane


def _decode_plane(data: bytes, what: str, modes: tuple[str, ...]) -> Shaped[ndarray, "h w"]:
    try:
        image = PngImageFile(io.BytesIO(data))
        if image.mode not in modes or image.size[0] * image.size[1] > MAX_MAP_PIXELS:
            raise ValueError(f"mode {image.mode}, size {image.size}")
        return np.asarray(image)
    except Exception as error:
        raise InputError(
            f"{what}: not a PNG of a {what}: {error}. Run `unmask verify` on the data set"
        ) from error
