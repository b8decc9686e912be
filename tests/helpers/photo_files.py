"""Photo files drawn by tests: PNGs of any chunk, JPEGs put together of parts, colours of other spaces."""

import io
import struct
import zlib

import numpy as np
from PIL import Image

PNG_START = b"\x89PNG\r\n\x1a\n"
COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}  # of PNG, by the number of channels


def drawn(height: int = 48, width: int = 64) -> np.ndarray:
    """Draws smooth colours that differ in every corner, with some noise that makes the file larger."""
    y, x = np.mgrid[:height, :width] * 48.0 / height
    image = np.stack([40 + 3 * x, 220 - 4 * y, 60 + x + 2 * y], axis=2)
    noise = np.random.default_rng(0).integers(0, 12, image.shape)
    return (image + noise).clip(0, 255).astype(np.uint8)


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    """Encodes an image."""
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def chunk(name: bytes, body: bytes) -> bytes:
    """Builds a chunk of a PNG."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(pixels: np.ndarray, *extra: tuple[bytes, bytes]) -> bytes:
    """Encodes `h w` or `h w c`, uint8 or uint16, as a PNG with further chunks before its pixels."""
    if pixels.ndim == 2:
        pixels = pixels[:, :, None]
    height, width, channels = pixels.shape
    bits = 8 * pixels.dtype.itemsize
    header = struct.pack(">IIBBBBB", width, height, bits, COLOUR_TYPES[channels], 0, 0, 0)
    rows = pixels.astype(f">u{pixels.dtype.itemsize}").reshape(height, -1)
    packed = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
    chunks = [(b"IHDR", header), *extra, (b"IDAT", packed), (b"IEND", b"")]
    return PNG_START + b"".join(chunk(*one) for one in chunks)


def gamma_chunk(gamma: float) -> tuple[bytes, bytes]:
    """Builds gAMA, which holds the exponent of the encoder, such as 1 / 2.2."""
    return b"gAMA", struct.pack(">I", round(gamma * 100_000))


def corners_chunk(*corners: float) -> tuple[bytes, bytes]:
    """Builds cHRM of x, y of white, red, green, blue."""
    return b"cHRM", struct.pack(">8I", *(round(value * 100_000) for value in corners))
