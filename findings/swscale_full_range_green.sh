#!/usr/bin/env bash
# PyAV, swscale: with default flags, grey RGB becomes green in full-range yuv420p and yuvj420p, the format of MJPEG.
#
# Guess before the run: full range needs no scaling of luma, and grey has no colour, so that grey G becomes Y = G and
# Cb = Cr = 128, as it does in limited range.
# Seen with PyAV 18.1.0 (FFmpeg 8.1.2, x86-64): Cb and Cr of every grey are 127, so that (128, 128, 128) is shown as
# (127, 129, 126). Limited range is right. With ACCURATE_RND full range is right, too. A frame in RGB that is encoded as
# MJPEG, or converted by `reformat`, takes the default.
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

ACCURATE = Interpolation.BILINEAR | Interpolation.ACCURATE_RND
GREYS = (2, 64, 128, 200, 250)
WAYS = {
    "limited, default": {"format": "yuv420p", "dst_color_range": ColorRange.MPEG},
    "full, default": {"format": "yuv420p", "dst_color_range": ColorRange.JPEG},
    "yuvj420p, default": {"format": "yuvj420p"},
    "full, ACCURATE_RND": {"format": "yuv420p", "dst_color_range": ColorRange.JPEG, "interpolation": ACCURATE},
}


def codes(grey, way):
    frame = av.VideoFrame.from_ndarray(np.full((64, 320, 3), grey, np.uint8), format="rgb24").reformat(**way)
    planes = (np.frombuffer(plane, np.uint8).reshape(plane.height, -1) for plane in frame.planes)
    return [int(plane[plane.shape[0] // 2, 40]) for plane in planes]


def shown(y, cb, cr):
    """Converts full range to RGB by BT.601."""
    red, blue = y + 1.402 * (cr - 128), y + 1.772 * (cb - 128)
    return [round(value) for value in (red, (y - 0.299 * red - 0.114 * blue) / 0.587, blue)]


print("PyAV", av.__version__, "FFmpeg", av.ffmpeg_version_info)
chroma = {name: {tuple(codes(grey, way)[1:]) for grey in GREYS} for name, way in WAYS.items()}
for name, found in chroma.items():
    print(f"{name:20} Cb, Cr of greys:", *found)
print("grey 128 in full range is shown as", shown(*codes(128, WAYS["full, default"])))
green = chroma["full, default"] == chroma["yuvj420p, default"] == {(127, 127)}
right = chroma["limited, default"] == chroma["full, ACCURATE_RND"] == {(128, 128)}
raise SystemExit(0 if green and right else 1)
PYTHON
