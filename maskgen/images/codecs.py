"""Image codecs: decode a photo's bytes to upright RGB, encode arrays as JPEG, PNG or WebP.

All photos go through one safe loader. A file's bytes decide its format, never its name. The header is read first, so an
image with too many pixels costs no memory; a truncated image is refused instead of filled with grey.
"""

import io
import math
import struct
import warnings
from typing import Literal, NamedTuple

import cv2
import numpy as np
from jaxtyping import Shaped, UInt8
from numpy import ndarray
from PIL import Image
from PIL.ExifTags import Base as ExifTag
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile

from maskgen.errors import InputError, Skip
from maskgen.images import jpeg, png, tiff
from maskgen.images.colour import ADOBE_RGB, SRGB, Space, coded_space, profile_of, srgb_of, to_srgb
from maskgen.images.formats import HEAD_BYTES, OPENERS, picture_format, unreadable_kind
from maskgen.images.limits import exif_is_bounded, is_adobe_rgb, over_limits
from maskgen.images.plane_png import encode_grey
from maskgen.images.pnm import scaled_image
from maskgen.settings import MAX_PHOTO_PIXELS
from maskgen.types import Plane, RGBImage

MAX_SIDE = 32_766  # pixels; OpenCV warps no longer ones
MIN_SIDE = 16  # pixels; an image with a shorter side has no usable face
NCLX, NCLX_WITHIN = b"colrnclx", 65_536  # box of an AVIF that states its colours; lies before the pixels

# How many samples of luma there are for one of chroma, across and down.
_SAMPLINGS = {
    (1, 1): cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
    (2, 1): cv2.IMWRITE_JPEG_SAMPLING_FACTOR_422,
    (1, 2): cv2.IMWRITE_JPEG_SAMPLING_FACTOR_440,
    (2, 2): cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420,
    (4, 1): cv2.IMWRITE_JPEG_SAMPLING_FACTOR_411,
}


class OwnColours(NamedTuple):
    """Photo in the colours of its file.

    Attributes:
        pixels: upright RGB, 0-255.
        profile: ICC profile of its colours; b"" for sRGB.
    """

    pixels: RGBImage
    profile: bytes = b""


def decode(data: bytes, *, max_pixels: int, background: int) -> RGBImage | Skip:
    """Decodes a photo of any usual format and mode to upright sRGB.

    The EXIF orientation is applied. CMYK, palette, grey and 16-bit images are converted to RGB; of 16 bits the 8 high
    ones are kept. Colours of an ICC profile or of another statement of the file are converted to sRGB. Transparent
    pixels are composited over grey. Of an animation the first frame is decoded.

    Args:
        data: the file's bytes.
        max_pixels: larger images are refused by their header, before memory is allocated.
        background: grey level, 0-255, under transparent pixels.

    Returns:
        RGB, 0-255, read-only; or Skip: unreadable, truncated, too_large, too_small.
    """
    photo = _decoded(data, max_pixels, background, own=False)
    return photo if isinstance(photo, Skip) else photo.pixels


def decode_in_own_colours(data: bytes, *, max_pixels: int, background: int) -> OwnColours | Skip:
    """Decodes like `decode`, but leaves the colours of an RGB profile as they are, and returns the profile too.

    Colours of other kinds (CMYK, grey with a profile, 16 bits that are not sRGB) are converted to sRGB.
    """
    return _decoded(data, max_pixels, background, own=True)


def _decoded(data: bytes, max_pixels: int, background: int, *, own: bool) -> OwnColours | Skip:
    kind = picture_format(data[:HEAD_BYTES])
    if kind in ("", "heic") and (said := unreadable_kind(data[:HEAD_BYTES])):
        return Skip("unreadable", said)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of odd metadata; only the pixels matter
            if kind == "jpeg":
                return _decoded_jpeg(data, max_pixels, background, own=own)
            return _decoded_other(kind, data, max_pixels, background, own=own)
    except (MemoryError, Image.DecompressionBombError) as error:
        return Skip("too_large", f"{kind}: {error or 'decoding needs more memory than there is'}")
    except Exception as error:  # noqa: BLE001 (a parser fed with hostile bytes raises anything)
        return Skip(
            "truncated" if _ends_early(data, kind, error) else "unreadable",
            f"{kind}: {' '.join(str(error).split())}",
        )


def _decoded_jpeg(data: bytes, max_pixels: int, background: int, *, own: bool) -> OwnColours | Skip:
    if size := jpeg.plain_size(data):
        plain = _size_refused(size, max_pixels) or _jpeg_pixels(data, None)
        return plain if isinstance(plain, Skip) else OwnColours(plain)
    found = jpeg.structure(data)
    if isinstance(found, Skip):
        return found
    if not exif_is_bounded(bytes(found.exif)):
        return Skip("unreadable", "jpeg: EXIF data that overlap themselves")
    image = JpegImageFile(io.BytesIO(data))
    if refused := _size_refused(image.size, max_pixels):
        return refused
    if jpeg.lacks_scans(found):
        return jpeg.CLOSED_EARLY
    profile = bytes(image.info.get("icc_profile") or b"")
    if not profile and is_adobe_rgb(image.info.get("exif", b"")[6:]):
        profile = profile_of(ADOBE_RGB)
    if image.mode in ("L", "RGB"):
        pixels = _jpeg_pixels(data, found)
        if not isinstance(pixels, Skip) and not (own and profile[16:20] == b"RGB "):
            pixels, profile = srgb_of(pixels, profile), b""
    else:
        image.load()
        pixels, profile = rgb_of(to_srgb(image, profile), background), b""
        if jpeg.is_closed_early(data, found, None):
            return jpeg.CLOSED_EARLY
    return _own(pixels, profile, exif_orientation(image))


def _decoded_other(
    kind: str, data: bytes, max_pixels: int, background: int, *, own: bool
) -> OwnColours | Skip:
    found = png.chunks(data) if kind == "png" else {}
    if isinstance(found, Skip):
        return found
    if refused := over_limits(kind, found.get(b"eXIf", b"") if kind == "png" else data):
        return refused
    file = OPENERS[kind][1](io.BytesIO(data))
    if refused := _size_refused(file.size, max_pixels):
        return refused
    space = _stated_space(kind, found, data, file)
    if isinstance(space, str):
        return Skip("unreadable", f"{kind}: {space}")
    if kind == "ppm" and (scaled := scaled_image(data, file)):
        return _own(rgb_of(scaled, background))
    file.load()
    if kind == "png" and png.lacks_rows(data, found, file):
        return Skip("truncated", "png: its pixels end before its last row")
    icc = b"" if b"cICP" in found else bytes(file.info.get("icc_profile") or b"")
    image: Image.Image = file
    profile, upright = icc or profile_of(space), exif_orientation(file)
    if kind == "png" and png.is_deep(data) and (b"tRNS" in found or (profile and not icc)):
        image, profile = png.deep_image(data, found, SRGB if icc else space), icc
    if not (own and profile[16:20] == b"RGB " and image.mode != "CMYK"):
        image, profile = to_srgb(image, profile), b""
    return _own(rgb_of(image, background), profile, upright)


def _stated_space(kind: str, found: png.Chunks, data: bytes, image: ImageFile) -> Space | str:
    """Determines the colour space that a file states in another way than by an ICC profile; see `coded_space`."""
    if kind == "png":
        return png.space_of(found)
    if kind == "heic" and (nclx := image.info.get("nclx_profile")):
        return coded_space(nclx["color_primaries"], nclx["transfer_characteristics"])
    if kind == "avif" and (at := data.find(NCLX, 0, NCLX_WITHIN)) >= 0:
        return coded_space(*struct.unpack_from(">HH", data, at + len(NCLX)))
    return SRGB


def _own(pixels: RGBImage | Skip, profile: bytes = b"", orientation: int = 1) -> OwnColours | Skip:
    return pixels if isinstance(pixels, Skip) else OwnColours(turn_upright(pixels, orientation), profile)


def too_many_pixels(size: tuple[int, int], max_pixels: int) -> Skip | None:
    """Refuses an image of `size`, width and height, with more than `max_pixels` pixels, or a side beyond `MAX_SIDE`."""
    width, height = size
    if max(size) > MAX_SIDE:
        return Skip("too_large", f"{width} x {height} pixels, at most {MAX_SIDE} a side are allowed")
    if width * height > max_pixels:
        millions = math.ceil(width * height / 1e4) / 100  # rounded up: more than what is allowed
        return Skip(
            "too_large",
            f"{width} x {height} pixels are {millions:g} megapixels, at most {max_pixels / 1e6:g} are allowed",
        )
    return None


def _size_refused(size: tuple[int, int], max_pixels: int) -> Skip | None:
    width, height = size
    if refused := too_many_pixels(size, max_pixels):
        return refused
    if min(width, height) < MIN_SIDE:
        return Skip("too_small", f"{width} x {height} pixels, {MIN_SIDE} a side are needed")
    return None


def _jpeg_pixels(data: bytes, found: jpeg.Structure | None) -> RGBImage | Skip:
    """Decodes the common case with OpenCV: twice as fast as Pillow, and bit-identical."""
    encoded = np.frombuffer(data, np.uint8)
    pixels = cv2.imdecode(encoded, cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION)
    if pixels is None:
        raise ValueError("the data do not match the header")
    return jpeg.CLOSED_EARLY if jpeg.is_closed_early(data, found, pixels) else np.asarray(pixels)


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
        return jpeg.ends_early(data)
    if kind == "png":
        return b"IEND" not in data
    if kind == "webp":
        return int(struct.unpack_from("<I", data, 4)[0]) + 8 > len(data)
    if kind in ("heic", "avif"):
        return _boxes_end_early(data)
    if kind == "tiff" and tiff.ends_early(data):
        return True
    return "truncated" in str(error).lower()


def _boxes_end_early(data: bytes) -> bool:
    """Tells whether the last box of a HEIC or AVIF is longer than what is left of the file."""
    at = 0
    while at + 8 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        size = int.from_bytes(data[at + 8 : at + 16], "big") if size == 1 else size or len(data) - at
        at += max(size, 8)
    return at != len(data)


def encode_jpeg(image: RGBImage, quality: int, sampling: tuple[int, int] = (1, 1)) -> bytes:
    """Encodes a JPEG without metadata, by default with full chroma, 4:4:4.

    Subsampled chroma would save a third of the time and a fifth of the bytes, but it smears the edge of a coloured mask
    twice as far: at quality 95 the pixels outside the map on which `masked` and `gt` differ would be 35 % of the map's
    area instead of 19 %.

    Args:
        image: RGB, 0-255.
        quality: 1 to 100.
        sampling: samples of luma for one of chroma, across and down, as `luma_sampling` reads it; an unusual one gives
            4:4:4.
    """
    factor = _SAMPLINGS.get(sampling, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444)
    options = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, factor]
    return _cv2_encode(".jpg", image, options)


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
    """Encodes a map as an 8-bit grey PNG: 255 where the map is not 0."""
    return encode_grey(np.negative((plane != 0).view(np.uint8)))


def encode_parts(parts: Plane) -> bytes:
    """Encodes `parts` as an 8-bit grey PNG of the values 0-3."""
    assert int(parts.max(initial=0)) < 4, "parts are 0-3"
    return encode_grey(parts)


def decode_map(data: bytes) -> Plane:
    """Decodes the PNG of a map to 0 or 1; grey levels from 128 count as 1. InputError if it is not a map.

    The 1-bit maps of format 1 are read as well.
    """
    plane = _decode_plane(data, "map", modes=("1", "L"))
    return plane.astype(np.uint8) if plane.dtype == bool else (plane >> 7)


def decode_parts(data: bytes) -> Plane:
    """Decodes the PNG of parts, of format 1 (palette) or 2 (grey), to 0-3. InputError if it is not a PNG of parts."""
    plane = _decode_plane(data, "parts", modes=("P", "L"))
    if plane.max(initial=0) > 3:
        raise InputError(f"parts: value {plane.max()} found, expected 0 to 3. Make the data set again")
    return plane


def _decode_plane(data: bytes, what: str, modes: tuple[str, ...]) -> Shaped[ndarray, "h w"]:
    try:
        image = PngImageFile(io.BytesIO(data))
        if image.mode not in modes or image.size[0] * image.size[1] > MAX_PHOTO_PIXELS:
            raise ValueError(f"mode {image.mode}, size {image.size}")
        return np.asarray(image)
    except Exception as error:
        raise InputError(
            f"{what}: not a PNG of a {what}: {error}. Run `unmask verify` on the data set"
        ) from error
