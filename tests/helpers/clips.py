"""Video files for tests: a real face that moves, with any container, codec and frame rate."""

from fractions import Fraction
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.faces import astronaut

av = pytest.importorskip("av")

TICKS = 90_000  # ticks per second of the streams' clocks
WIDTH, HEIGHT = 320, 240


@cache
def face_frame(shift=0, width=WIDTH, height=HEIGHT):
    """Returns a crop of the astronaut whose face lies `shift` pixels farther left."""
    left = 80 + shift
    return np.ascontiguousarray(astronaut()[:height, left : left + width])


def faceless_frame(width=WIDTH, height=HEIGHT):
    """Returns an image without a face that differs strongly from the astronaut."""
    y, x = np.mgrid[:height, :width]
    return np.stack([x % 256, y % 256, (x * y // 64) % 256], axis=2).astype(np.uint8)


def moving(count, **size):
    return [face_frame(2 * (n % 30), **size) for n in range(count)]


def write_clip(
    path: Path,
    frames,
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
    """Writes a video file.

    Args:
        path: file to write.
        frames: RGB images of one size.
        times: timestamps of the frames, seconds; by default evenly spaced at `rate`.
        sound: seconds of a 440 Hz tone; 0 for no audio.
        clock: ticks per second of the stream.
    """
    times = [n / rate for n in range(len(frames))] if times is None else times
    with av.open(str(path), "w", options=options or {}) as out:
        stream = out.add_stream(codec, rate=rate)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = pix_fmt
        stream.time_base = stream.codec_context.time_base = Fraction(1, clock)
        if aspect:
            stream.codec_context.sample_aspect_ratio = aspect
        if codec == "libx264":
            stream.options = {"preset": "ultrafast", "g": "12", "bf": "2", "x264-params": "log-level=none"}
        if rotation:
            stream.set_display_rotation(rotation)
        tone = out.add_stream("aac", rate=44_100) if sound else None
        packets = list(_encoded(stream, frames, times, clock))
        if tone:
            packets += _tone(tone, sound)
            packets.sort(key=lambda packet: float(packet.dts * packet.time_base))
        for packet in packets:
            out.mux(packet)
    return path


def _encoded(stream, frames, times, clock):
    for pixels, time in zip(frames, times, strict=True):
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
    """Returns the timestamps of all frames as PyAV reads them, seconds."""
    with av.open(str(path)) as container:
        return [frame.time for frame in container.decode(video=0)]


def read_frames(path: Path):
    """Reads all frames as signed integers, so that they can be subtracted."""
    with av.open(str(path)) as container:
        return np.array([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)], np.int16)
