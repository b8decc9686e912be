#!/usr/bin/env bash
# swscale: with exact rounding and full chroma, the same frame becomes other colours in rgb48 than in rgb24 and gbrp16.
#
# Guess before the run: ACCURATE_RND and FULL_CHR_H_INT ask for more exact results, and rgb48 is rgb24 with more bits, so
# that a frame of one colour becomes the same colour in all three formats.
# Seen with PyAV 18.1.0 (FFmpeg 8.1.2, x86-64): with BILINEAR | ACCURATE_RND | FULL_CHR_H_INT, rgb24 and gbrp16 hold the
# colour of the formula of BT.709, but rgb48 is off by more than 50 of 255 levels in green, without an error. Greys are
# right in all of them, so that a test with grey bars does not see it. With BICUBIC instead of BILINEAR, rgb48 is right.
#
# Exits with 0 while this is so, with 1 when it has changed, with 2 if the packages cannot be installed.
set -euo pipefail
trap 'echo "not tried: the packages cannot be installed" >&2; exit 2' ERR
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --disable-pip-version-check -q av==18.1.0 numpy
"$folder/venv/bin/python" -c "import av, numpy, av.video.reformatter"
trap - ERR
"$folder/venv/bin/python" - <<'PYTHON'
import av
import numpy as np
from av.video.reformatter import ColorRange, Interpolation

EXACT = Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
Y, CB, CR = 90, 170, 110


def frame(y, cb, cr):
    made = av.VideoFrame(320, 64, "yuv420p10le")
    for plane, value in zip(made.planes, (y, cb, cr)):
        plane.update(np.full(plane.buffer_size // 2, 4 * value, np.uint16).tobytes())
    made.colorspace, made.color_range = 1, ColorRange.MPEG
    return made


def colour(source, pix_fmt, flags):
    pixels = source.reformat(format=pix_fmt, interpolation=flags).to_ndarray()
    return [round(float(value) * 255 / np.iinfo(pixels.dtype).max) for value in pixels[32, 160]]


luma, blue, red = (Y - 16) / 219, (CB - 128) / 224, (CR - 128) / 224
r, b = luma + 1.5748 * red, luma + 1.8556 * blue
truth = [round(255 * value) for value in (r, (luma - 0.2126 * r - 0.0722 * b) / 0.7152, b)]
found = {
    (name, pix_fmt): colour(frame(Y, CB, CR), pix_fmt, flags | EXACT)
    for name, flags in (("bilinear", Interpolation.BILINEAR), ("bicubic", Interpolation.BICUBIC))
    for pix_fmt in ("rgb24", "gbrp16le", "rgb48le")
}
grey = colour(frame(126, 128, 128), "rgb48le", Interpolation.BILINEAR | EXACT)
print("PyAV", av.__version__, "FFmpeg", av.ffmpeg_version_info)
print("by the formula of BT.709  ", truth)
for (name, pix_fmt), value in found.items():
    print(f"{name:9}{pix_fmt:17}", value)
print("grey in rgb48, bilinear   ", grey)
off = {key: max(abs(one - other) for one, other in zip(value, truth)) for key, value in found.items()}
wrong = off.pop(("bilinear", "rgb48le"))
raise SystemExit(0 if wrong > 50 and max(off.values()) <= 2 and max(grey) - min(grey) <= 1 else 1)
PYTHON
