"""Extraction of a clip's audio, such that time 0 of the audio file is the first kept frame."""

import wave
from pathlib import Path
from typing import Any

import av
import numpy as np

from maskgen.errors import InputError
from maskgen.files import disk_errors
from maskgen.video.pyav import open_container

LATE = 0.01  # seconds; smaller differences between samples and time stamps are ignored, larger gaps become silence


def write_audio(path: Path, folder: Path, begin: float, end: float | None, rate: int | None) -> str:
    """Writes the audio from `begin` to `end`.

    Args:
        path: the video.
        folder: the output folder.
        begin, end: seconds on the stream's clock; `end` None: until the end of the clip.
        rate: sample rate of a WAV file in Hz; None copies the track unchanged, into .m4a for AAC and ALAC, else .mka.

    Returns:
        The file name; "" if the clip has no audio track.

    Raises:
        InputError: the audio cannot be decoded or copied.
    """
    with open_container(path) as container:
        if not container.streams.audio:
            return ""
        stream = container.streams.audio[0]
        limit = float("inf") if end is None else end
        name = f"audio.{_suffix(stream) if rate is None else 'wav'}"
        try:
            with disk_errors(folder, name):
                if rate is None:
                    _copy(container, stream, folder / name, begin, limit)
                else:
                    _decode(container, stream, folder / name, (begin, limit), rate)
        except (av.FFmpegError, ValueError) as error:
            raise InputError(f"{path}: its audio cannot be extracted: {error}. Leave out --audio") from error
    return name


def _suffix(stream: Any) -> str:
    return "m4a" if stream.codec_context.name in ("aac", "alac") else "mka"


def _copy(container: Any, stream: Any, target: Path, begin: float, end: float) -> None:
    """Copies the packets that begin at `begin` or later: the first is at most one packet (about 20 ms) late."""
    shift = round(begin / stream.time_base)
    with av.open(str(target), "w") as out:
        copy = out.add_stream_from_template(stream)
        for packet in container.demux(stream):
            if packet.pts is None or packet.dts is None or packet.pts < shift or packet.is_corrupt:
                continue
            if float(packet.pts * stream.time_base) >= end:
                break
            packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
            packet.stream = copy
            out.mux(packet)


def _decode(container: Any, stream: Any, target: Path, span: tuple[float, float], rate: int) -> None:
    """Decodes to 16-bit samples, placed by their time stamps; gaps are filled with silence."""
    channels = stream.codec_context.channels
    with wave.open(str(target), "wb") as out:
        out.setnchannels(channels)
        out.setsampwidth(2)
        out.setframerate(rate)
        written = 0
        for time, samples in _resampled(container, stream, rate):
            first = round((time - span[0]) * rate)
            if abs(first - written) <= LATE * rate:
                first = written  # counting samples is more exact than rounded time stamps
            if first < written:
                samples, first = samples[written - first :], written
            length = span[1] - span[0]
            samples = samples[: max(0, round(length * rate) - first)] if np.isfinite(length) else samples
            if len(samples):
                out.writeframes(bytes(2 * channels * (first - written)) + samples.tobytes())
                written = first + len(samples)


def _resampled(container: Any, stream: Any, rate: int) -> Any:
    """Yields the time of the first sample and the samples, `n channels`, of each decoded block."""
    resampler = av.AudioResampler("s16", stream.codec_context.layout, rate)
    last = None
    for packet in container.demux(stream):
        try:
            frames = [] if packet.is_corrupt else packet.decode()
        except av.InvalidDataError:
            continue
        for frame in frames:
            last = frame
            for piece in resampler.resample(frame):
                yield _timed(piece)
    if last is not None:
        for piece in resampler.resample(None):
            yield _timed(piece)


def _timed(frame: Any) -> tuple[float, np.ndarray]:
    channels = frame.layout.nb_channels
    return float(frame.pts * frame.time_base), frame.to_ndarray().reshape(-1, channels)
