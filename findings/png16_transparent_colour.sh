#!/usr/bin/env bash
# Pillow loses the transparent colour (tRNS) of PNGs of 16 bits per sample, OpenCV that of grey PNGs.
#
# Guess before the run: a PNG says by tRNS that one colour is transparent. Both libraries read 8-bit RGB PNGs with it as
# an image with alpha, Pillow by convert("RGBA"), OpenCV by IMREAD_UNCHANGED. So both do the same with grey ones and with
# 16 bits per sample.
# Seen with Pillow 13.0.0 and OpenCV 5.0.0.93, without an error or a warning:
#   Pillow, 16-bit grey and RGB: opaque everywhere; 8-bit: right.
#   OpenCV, grey of 8 and 16 bits: one channel, no alpha; RGB of 8 and 16 bits: right.
# A program that puts transparent photos on a ground must find such pixels itself.
#
# Exits with 0 while this is so, with 1 when it has changed, with 2 if the packages cannot be installed.
set -euo pipefail
trap 'echo "not tried: the packages cannot be installed" >&2; exit 2' ERR
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --disable-pip-version-check -q pillow==13.0.0 opencv-python-headless==5.0.0.93
"$folder/venv/bin/python" -c "import cv2, numpy, PIL"
trap - ERR
"$folder/venv/bin/python" - <<'PYTHON'
import io
import struct
import zlib

import cv2
import numpy as np
import PIL
from PIL import Image


def chunk(name, body):
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(bits, channels):
    """A PNG of 4 x 1 pixels, of which the second has the transparent colour."""
    pixels = (np.arange(1, 4 * channels + 1) * (1 if bits == 8 else 1000)).astype(f">u{bits // 8}")
    colour = pixels[channels : 2 * channels].astype(">u2").tobytes()
    header = struct.pack(">IIBBBBB", 4, 1, bits, 0 if channels == 1 else 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"tRNS", colour)
    body += chunk(b"IDAT", zlib.compress(b"\0" + pixels.tobytes())) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def by_pillow(data):
    return list(Image.open(io.BytesIO(data)).convert("RGBA").getchannel("A").tobytes())


def by_opencv(data):
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if image.ndim == 2 or image.shape[2] < 4:
        return "no alpha"
    return (image[0, :, 3] // (257 if image.dtype == np.uint16 else 1)).tolist()


print("Pillow", PIL.__version__, "OpenCV", cv2.__version__)
seen = {}
for bits in (8, 16):
    for channels, name in ((1, "grey"), (3, "RGB")):
        data = png(bits, channels)
        seen[bits, name] = by_pillow(data), by_opencv(data)
        print(f"{bits:2} bits, {name:4}: Pillow {seen[bits, name][0]}, OpenCV {seen[bits, name][1]}")
right, opaque = [255, 0, 255, 255], [255] * 4
same = seen[8, "RGB"] == (right, right) and seen[8, "grey"] == (right, "no alpha")
same = same and seen[16, "RGB"] == (opaque, right) and seen[16, "grey"] == (opaque, "no alpha")
raise SystemExit(0 if same else 1)
PYTHON
