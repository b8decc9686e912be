#!/usr/bin/env bash
# OpenCV: VideoCapture makes all lights of an HDR clip above 203 nits white, and shifts the colours of wide gamuts.
#
# Guess before the run: the documentation names neither transfer nor primaries, so OpenCV ignores them: a grey of code
# 126 is read as about 128 whatever the tags are, and colours of Display P3 are those of the stored RGB.
# Seen with opencv-python-headless 5.0.0.93 (its own FFmpeg) and clips made by PyAV 18.1.0: the guess is wrong. OpenCV
# lets swscale convert by the tags. Grey 126 is 144 in HLG and 185 in PQ, which is its light relative to a white of 203
# nits, but without tone mapping: 300, 600 and 1,000 nits are all 255. Colours of Display P3 and BT.2020 move in
# the right direction, but miss BT.709 by 10 to 12 levels of 255, although they lie inside it; greys are right.
# swscale in PyAV makes the same wrong colours in rgb24, and the right ones, to one level, in gbrp16. No error, and no
# way to switch it off: OpenCV does not report the tags.
#
# Exits with 0 while this is so, with 1 when it has changed, with 2 if the packages cannot be installed.
set -euo pipefail
trap 'echo "not tried: the packages cannot be installed" >&2; exit 2' ERR
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --disable-pip-version-check -q \
    av==18.1.0 opencv-python-headless==5.0.0.93 numpy
"$folder/venv/bin/python" -c "import av, cv2, numpy, av.video.reformatter"
trap - ERR
FOLDER="$folder" "$folder/venv/bin/python" - <<'PYTHON'
import os
from fractions import Fraction

import av
import cv2
import numpy as np
from av.video.reformatter import Interpolation

WIDTH = 320
GREY, COLOUR = (126, 128, 128), (150, 90, 120)  # Y, Cb, Cr as for 8 bits
NITS = (300, 600, 1000)
BT2020 = [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]]
P3 = [[1.2249, -0.2247, 0.0], [-0.0420, 1.0419, 0.0], [-0.0197, -0.0786, 1.0979]]
WEIGHTS = {1: (0.2126, 0.0722), 9: (0.2627, 0.0593)}


def write(code, matrix, transfer, primaries):
    path = os.path.join(os.environ["FOLDER"], "clip.mp4")
    with av.open(path, "w") as out:
        stream = out.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = WIDTH, 64, "yuv420p10le"
        stream.options = {"qp": "0", "preset": "ultrafast", "x264-params": "log-level=none"}
        frame = av.VideoFrame(WIDTH, 64, "yuv420p10le")
        for plane, value in zip(frame.planes, code):
            plane.update(np.full(plane.buffer_size // 2, round(4 * value), np.uint16).tobytes())
        for thing in (stream.codec_context, frame):
            thing.color_range, thing.colorspace = 1, matrix
            thing.color_trc, thing.color_primaries = transfer, primaries
        frame.pts, frame.time_base = 0, Fraction(1, 25)
        for packet in [*stream.encode(frame), *stream.encode()]:
            out.mux(packet)
    return path


def by_opencv(*clip):
    done, image = cv2.VideoCapture(write(*clip), cv2.CAP_FFMPEG).read()
    assert done
    return [int(value) for value in image[32, 160, ::-1]]


def by_pyav(pix_fmt, *clip):
    with av.open(write(*clip)) as container:
        frame = next(container.decode(video=0))
    flags = Interpolation.BICUBIC | Interpolation.ACCURATE_RND
    made = frame.reformat(format=pix_fmt, dst_color_primaries=1, dst_color_trc=1, interpolation=flags).to_ndarray()
    return [round(float(value) * 255 / np.iinfo(made.dtype).max) for value in made[32, 160]]


def truth(code, matrix, to_709):
    y, cb, cr = (code[0] - 16) / 219, (code[1] - 128) / 224, (code[2] - 128) / 224
    kr, kb = WEIGHTS[matrix]
    r, b = y + 2 * (1 - kr) * cr, y + 2 * (1 - kb) * cb
    light = np.array(to_709) @ np.array([r, (y - kr * r - kb * b) / (1 - kr - kb), b]) ** 2.4
    assert (light > 0).all() and (light < 1).all()
    return [round(255 * float(value)) for value in light ** (1 / 2.4)]


def pq(nits):
    y = (nits / 10_000) ** 0.1593017578125
    return ((0.8359375 + 18.8515625 * y) / (1 + 18.6875 * y)) ** 78.84375


print("OpenCV", cv2.__version__, "PyAV", av.__version__, "FFmpeg", av.ffmpeg_version_info)
hlg, in_pq = by_opencv(GREY, 9, 18, 9), by_opencv(GREY, 9, 16, 9)
print("grey 126: HLG", hlg, "PQ", in_pq, "BT.709", by_opencv(GREY, 1, 1, 1))
lamps = [by_opencv((16 + 219 * pq(nits), 128, 128), 9, 16, 9) for nits in NITS]
print("PQ of", NITS, "nits:", lamps)
shifts = {}
for name, to_709, clip in (("Display P3", P3, (1, 1, 12)), ("BT.2020", BT2020, (9, 14, 9))):
    ideal = truth(COLOUR, clip[0], to_709)
    ways = {
        "OpenCV": by_opencv(COLOUR, *clip),
        "PyAV rgb24": by_pyav("rgb24", COLOUR, *clip),
        "PyAV gbrp16": by_pyav("gbrp16le", COLOUR, *clip),
    }
    print(name, "by the formula", ideal, ways)
    for way, value in ways.items():
        shifts[name, way] = max(abs(one - other) for one, other in zip(value, ideal))
same = (
    abs(hlg[0] - 144) <= 2
    and abs(in_pq[0] - 185) <= 2
    and min(min(lamp) for lamp in lamps) >= 250
    and all(shift >= 8 for (_, way), shift in shifts.items() if way != "PyAV gbrp16")
    and all(shift <= 2 for (_, way), shift in shifts.items() if way == "PyAV gbrp16")
)
raise SystemExit(0 if same else 1)
PYTHON
