"""Encoding of a masked photo in the format of the photo that it was made of."""

import io
from dataclasses import dataclass

import cv2
from PIL import Image

from maskgen.images.codecs import encode_jpeg, encode_lossless
from maskgen.images.formats import HEAD_BYTES, picture_format
from maskgen.images.jpeg import luma_sampling
from maskgen.types import RGBImage

# Formats that are not written, and what is written instead: a GIF has 256 colours, HEIC needs a licence to encode.
INSTEAD = {"gif": "png", "heic": "jpeg"}
_FORCED = {"jpg": "jpeg", "png": "png", "webp": "webp"}


@dataclass(frozen=True)
class Encoding:
    """Format in which a photo is written.

    Attributes:
        kind: such as "jpeg"; "webp" is lossless, "lossy webp" is not.
        sampling: of a JPEG: samples of luma for one of chroma, across and down.
    """

    kind: str
    sampling: tuple[int, int] = (1, 1)


def choose_encoding(data: bytes, wanted: str) -> Encoding:
    """Determines the format in which a photo is written.

    A JPEG keeps its chroma subsampling: 4:4:4 for all would take longer and write larger files than the photos are.

    Args:
        data: bytes of the photo's file.
        wanted: "own", "jpg", "png" or "webp".
    """
    kind = picture_format(data[:HEAD_BYTES])
    if kind == "jpeg" and wanted in ("own", "jpg"):
        return Encoding("jpeg", luma_sampling(data))
    if wanted != "own":
        return Encoding(_FORCED[wanted])
    if kind == "webp" and not _is_lossless_webp(data):
        return Encoding("lossy webp")
    return Encoding(INSTEAD.get(kind, kind))


def _is_lossless_webp(data: bytes) -> bool:
    """Tells by the chunk of the pixels; an extended file holds it behind other chunks."""
    return data[12:16] == b"VP8L" or (data[12:16] == b"VP8X" and b"VP8L" in data and b"VP8 " not in data)


def encode(image: RGBImage, encoding: Encoding, quality: int) -> bytes:
    """Encodes an image without metadata. The bytes depend only on the arguments and the versions of the encoders.

    Args:
        image: RGB, 0-255.
        encoding: the format.
        quality: of JPEG, lossy WebP and AVIF, 1 to 100.
    """
    kind = encoding.kind
    if kind == "jpeg":
        return encode_jpeg(image, quality, encoding.sampling)
    if kind in ("png", "webp"):
        return encode_lossless(image, "png" if kind == "png" else "webp")
    if kind in ("bmp", "ppm"):
        done, encoded = cv2.imencode(f".{kind}", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
        assert done, (kind, image.shape)
        return encoded.tobytes()
    out = io.BytesIO()
    picture = Image.fromarray(image)
    if kind == "tiff":
        picture.save(out, "TIFF", compression="tiff_adobe_deflate")
    elif kind == "lossy webp":
        picture.save(out, "WEBP", quality=quality)
    else:
        assert kind == "avif", kind
        picture.save(out, "AVIF", quality=quality, max_threads=1)  # threads would change the bytes
    return out.getvalue()
