"""Clips of colour bars with chosen colour tags, and their colours by the formulas of ITU-T H.273."""

from dataclasses import dataclass
from fractions import Fraction
from itertools import chain

import numpy as np
import pytest

av = pytest.importorskip("av")
Interpolation = av.video.reformatter.Interpolation

GREYS = (2, 64, 128, 200, 250)  # 8-bit luma of the grey bars
BARS = (
    *((y, 128, 128) for y in GREYS),
    (110, 100, 180),
    (90, 170, 110),
    (150, 90, 120),
)  # Y, Cb, Cr; inside RGB
BAR, HEIGHT = 40, 64  # pixels
LUMA_WEIGHTS = {
    1: (0.2126, 0.0722),
    5: (0.299, 0.114),
    6: (0.299, 0.114),
    7: (0.212, 0.087),
    9: (0.2627, 0.0593),
}
UNSPECIFIED, LIMITED, FULL = 2, 1, 2
LOSSLESS = {
    "libx264": {"qp": "0", "preset": "ultrafast", "x264-params": "log-level=none"},
    "libx265": {"preset": "ultrafast", "x265-params": "lossless=1:log-level=none"},
    "mjpeg": {"qmin": "1", "qmax": "1"},
}


@dataclass(frozen=True)
class Tags:
    """Code points of H.273 in a stream: 2 is unspecified; `range`: 0 none, 1 limited, 2 full."""

    range: int = 0
    matrix: int = UNSPECIFIED
    transfer: int = UNSPECIFIED
    primaries: int = UNSPECIFIED

    def put_on(self, thing):
        thing.color_range, thing.colorspace = self.range, self.matrix
        thing.color_trc, thing.color_primaries = self.transfer, self.primaries


def tags_of(thing):
    """Returns the tags of a frame or a codec context."""
    return Tags(
        int(thing.color_range), int(thing.colorspace), int(thing.color_trc), int(thing.color_primaries)
    )


def write_bars(path, tags, *, pix_fmt="yuv420p", codec="libx264", bars=BARS, count=4, box=False):
    """Writes a clip of vertical bars without loss. `bars`: Y, Cb, Cr of each, as for 8 bits."""
    bits = 10 if "10" in pix_fmt else 8
    width = BAR * len(bars)

    def draw():
        frame = av.VideoFrame(width, HEIGHT, pix_fmt)
        for which, plane in enumerate(frame.planes):
            fill(plane, [bar[which] for bar in bars], bits)
        return frame

    return write_frames(path, tags, (draw() for _ in range(count)), codec)


def write_frames(path, tags, frames, codec):
    """Writes a clip of frames of one size and format without loss, 25 per second, tagged."""
    frames = iter(frames)
    first = next(frames)
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = first.width, first.height, first.format.name
        stream.options = LOSSLESS.get(codec, {})
        tags.put_on(stream.codec_context)
        for number, frame in enumerate(chain([first], frames)):
            frame.pts, frame.time_base = number, Fraction(1, 25)
            tags.put_on(frame)
            for packet in stream.encode(frame):
                out.mux(packet)
        for packet in stream.encode():
            out.mux(packet)
    return path


STRIP = 40  # pixels; height of the grey bars on top of a scene


def write_scene(path, tags, pictures, *, pix_fmt="yuv420p", codec="libx264"):
    """Writes a clip of RGB images with grey bars of the luma of `GREYS` on top, whose codes are exact.

    The images are converted by BT.709 to the range of `tags`, whatever its transfer is.
    """
    bits = 10 if "10" in pix_fmt else 8
    height = pictures[0].shape[0]
    flags = Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INP

    def draw(picture):
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        frame.colorspace, frame.color_range = 0, FULL
        frame = frame.reformat(
            format=pix_fmt, dst_colorspace=1, dst_color_range=tags.range or LIMITED, interpolation=flags
        )
        for plane, grey in zip(frame.planes, (GREYS, [128], [128]), strict=True):
            fill(plane, grey, bits, STRIP * plane.height // height)
        return frame

    return write_frames(path, tags, map(draw, pictures), codec)


def greys_by_formula(path):
    """Computes the grey levels, 0-255, of the bars on top of the first frame of a scene, clipped."""
    frame = first_frame(path)
    bits = 10 if "10" in frame.format.name else 8
    luma = planes_of(frame)[0] / (1 << (bits - 8))
    codes = greys_of(luma)
    full = tags_of(frame).range == FULL or frame.format.name.startswith("yuvj")
    most = ((1 << bits) - 1) / (1 << (bits - 8))
    return np.clip(codes * 255 / most if full else (codes - 16) * 255 / 219, 0, 255)


def greys_of(pixels):
    """Returns the mean of the middle of each grey bar on top of an image of one or three channels."""
    width = pixels.shape[1] // len(GREYS)
    parts = [
        pixels[STRIP // 4 : STRIP * 3 // 4, n * width + width // 4 : (n + 1) * width - width // 4]
        for n in range(len(GREYS))
    ]
    return np.array([part.mean((0, 1)) for part in parts])


def fill(plane, values, bits, rows=None):
    kind = np.uint8 if bits == 8 else np.uint16
    pixels = np.frombuffer(plane, kind).reshape(plane.height, plane.line_size // kind().itemsize).copy()
    width = plane.width // len(values)
    for n, value in enumerate(values):
        pixels[:rows, n * width : (n + 1) * width] = value << (bits - 8)
    plane.update(pixels.tobytes())


def first_frame(path):
    with av.open(str(path)) as container:
        return next(container.decode(video=0))


def planes_of(frame):
    """Returns the planes of a YUV frame at its own bit depth, as `h w` arrays of integers."""
    found = []
    for plane in frame.planes:
        kind = np.uint16 if "10" in frame.format.name else np.uint8
        rows = np.frombuffer(plane, kind).reshape(plane.height, -1)
        found.append(rows[:, : plane.width].astype(np.int64))
    return found


def bars_by_formula(path, matrix=5):
    """Computes R, G, B of each bar, 0-255, from the stored planes and tags. `matrix`: where the stream names none."""
    frame = first_frame(path)
    tags = tags_of(frame)
    bits = 10 if "10" in frame.format.name else 8
    codes = [
        plane[plane.shape[0] // 2, plane.shape[1] // len(BARS) // 2 :: plane.shape[1] // len(BARS)]
        for plane in planes_of(frame)
    ]
    full = tags.range == FULL or frame.format.name.startswith("yuvj")
    return to_rgb(codes, tags.matrix if tags.matrix in LUMA_WEIGHTS else matrix, full, bits)


def to_rgb(codes, matrix, full, bits=8):
    """Converts Y, Cb, Cr codes to R, G, B in 0-255 by the equations of H.273, clipped."""
    y, cb, cr = (np.asarray(code, np.float64) for code in codes)
    unit = 1 << (bits - 8)
    most = (1 << bits) - 1
    y = y / most if full else (y / unit - 16) / 219
    cb, cr = ((c - 128 * unit) / (most if full else 224 * unit) for c in (cb, cr))
    kr, kb = LUMA_WEIGHTS[matrix]
    r, b = y + 2 * (1 - kr) * cr, y + 2 * (1 - kb) * cb
    g = (y - kr * r - kb * b) / (1 - kr - kb)
    return 255 * np.clip(np.stack([r, g, b], axis=1), 0, 1)


def bars_of(pixels, count=8):
    """Returns R, G, B in the middle of each bar of an RGB image."""
    width = pixels.shape[1] // count
    return pixels[pixels.shape[0] // 2, width // 2 :: width].astype(np.float64)
