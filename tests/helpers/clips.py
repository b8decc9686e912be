"""Video files made by the test itself: a real face that moves, in any container, codec, rate and damage."""

from fractions import Fraction
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.faces import astronaut

av = pytest.importorskip("av")

TICKS = 90_000  # of the streams' clocks, a second
WIDTH, HEIGHT = 320, 240


@cache
def picture(shift=0, width=WIDTH, height=HEIGHT):
    """The astronaut's face, `shift` pixels to the left."""
    left = 80 + shift
    return np.ascontiguousarray(astronaut()[:height, left : left + width])


def other_picture(width=WIDTH, height=HEIGHT):
    """No face, and nothing like the astronaut."""
    y, x = np.mgrid[:height, :width]
    return np.stack([x % 256, y % 256, (x * y // 64) % 256], axis=2).astype(np.uint8)


def moving(count, **size):
    return [picture(2 * (n % 30), **size) for n in range(count)]


def write_clip(
    path: Path,
    pictures,
    *,
    times=None,
    rate=30,
    codec="libx264",
    pix_fmt="yuv420p",
    rotation=0,
    sound=0.0,
    options=None,
    clock=TICKS,
    aspect=None,
):
    """Write pictures at times (seconds; evenly at `rate` unless told), with `sound` seconds of a 440 Hz tone."""
    times = [n / rate for n in range(len(pictures))] if times is None else times
    with av.open(str(path), "w", options=options or {}) as out:
        stream = out.add_stream(codec, rate=rate)
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = pix_fmt
        stream.time_base = stream.codec_context.time_base = Fraction(1, clock)
        if aspect:
            stream.codec_context.sample_aspect_ratio = aspect
        if codec == "libx264":
            stream.options = {"preset": "ultrafast", "g": "12", "bf": "2", "x264-params": "log-level=none"}
        if rotation:
            stream.set_display_rotation(rotation)
        tone = out.add_stream("aac", rate=44_100) if sound else None
        packets = list(_encoded(stream, pictures, times, clock))
        if tone:
            packets += _tone(tone, sound)
            packets.sort(key=lambda packet: float(packet.dts * packet.time_base))
        for packet in packets:
            out.mux(packet)
    return path


def _encoded(stream, pictures, times, clock):
    for pixels, time in zip(pictures, times, strict=True):
        frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
        frame.pts, frame.time_base = round(time * clock), Fraction(1, clock)
        yield from stream.encode(frame)
    yield from stream.encode()


def _tone(stream, seconds):
    wave = 0.3 * np.sin(np.arange(int(seconds * 44_100)) * 2 * np.pi * 440 / 44_100, dtype=np.float32)
    packets = []
    for at in range(0, len(wave), 1024):
        frame = av.AudioFrame.from_ndarray(wave[None, at : at + 1024], format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 44_100, at, Fraction(1, 44_100)
        packets += stream.encode(frame)
    return packets + stream.encode()


def stream_times(path: Path):
    """Time stamps of all frames, as PyAV itself tells them."""
    with av.open(str(path)) as container:
        return [frame.time for frame in container.decode(video=0)]


def pictures_of(path: Path):
    """All frames, signed, so that differences can be taken."""
    with av.open(str(path)) as container:
        return np.array([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)], np.int16)
