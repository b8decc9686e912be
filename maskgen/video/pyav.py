"""Decoding with PyAV: exact times, upright frames, damaged packets counted."""

import bisect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from maskgen.errors import InputError
from maskgen.settings import MAX_PHOTO_PIXELS
from maskgen.types import RGBImage
from maskgen.video.base import Moment
from maskgen.video.conversion import RgbConverter, colours_of
from maskgen.video.probe import FORMATS

SEEK_FROM = 5.0  # seconds; an earlier start is decoded from the beginning, which needs no index
TS_PACKET = 188  # bytes; a transport stream whose length is no multiple of it was cut off

av.logging.set_level(None)  # FFmpeg would log damaged data to stderr; damage is counted here instead


def open_container(path: Path) -> Any:
    """Opens a file, but no other file that it refers to.

    Raises:
        InputError: the file is not a video, or was cut off before its index.
    """
    try:
        return av.open(
            f"file:{path.resolve()}",
            options={"format_whitelist": FORMATS, "protocol_whitelist": "file"},
            metadata_errors="replace",
        )
    except (av.FFmpegError, ValueError) as error:
        what = getattr(error, "strerror", None) or str(error)
        raise InputError(
            f"{path}: cannot be opened as a video: {what}. It may have been cut before its index; "
            "copy or record it again"
        ) from error


class AvClip:
    """Clip decoded by PyAV. See `Clip`.

    Args:
        path: a file that `check_container` accepted.
        threads: decoder threads; 0 lets FFmpeg choose.
        colours: see `open_clip`.
    """

    def __init__(self, path: Path, threads: int = 0, colours: str = "srgb") -> None:
        self._path, self._threads = path, threads
        self._to_rgb = RgbConverter(path, colours == "srgb")
        self._container = open_container(path)
        streams = [
            s for s in self._container.streams.video if not s.disposition & av.stream.Disposition.attached_pic
        ]
        if not streams or streams[0].codec_context is None:
            found = ", ".join(s.type for s in self._container.streams) or "nothing"
            self._container.close()
            raise InputError(f"{path}: holds no video that can be decoded, only {found}. Give a video file")
        self._stream = streams[0]
        try:
            colours_of(self._stream.codec_context).check(path)
        except InputError:
            self._container.close()
            raise
        self._configure(strict=True)
        self.backend = f"pyav-{av.__version__}"
        self.begin = _seconds(self._stream.start_time, self._stream)
        self.duration = self._promised()
        torn = self._container.format.name == "mpegts" and path.stat().st_size % TS_PACKET != 0
        self.damaged = int(torn)

    def _configure(self, strict: bool) -> None:
        context = self._stream.codec_context
        # Strict: an incomplete or damaged frame is an error; otherwise FFmpeg invents the missing part.
        context.options = {"max_pixels": str(MAX_PHOTO_PIXELS)} | (
            {"err_detect": "explode"} if strict else {}
        )
        context.thread_count = self._threads
        context.thread_type = "SLICE"  # frame threads would report damage only after the damaged frames

    def _promised(self) -> float:
        if self._stream.duration:
            return _seconds(self._stream.duration, self._stream)
        tag = self._stream.metadata.get("DURATION", "")  # set by Matroska
        if tag.count(":") == 2:
            hours, minutes, seconds = tag.split(":")
            return int(hours) * 3600 + int(minutes) * 60 + float(seconds)
        return (self._container.duration or 0) / 1e6

    @property
    def tone_mapped(self) -> str:
        """Implements `Clip`."""
        return self._to_rgb.tone_mapped

    def close(self) -> None:
        """Closes the file."""
        self._container.close()

    def moments(self, start: float = 0.0) -> Iterator[Moment]:
        """Implements `Clip`. If strict decoding finds damage and yields no frame, decodes once more without it."""
        before, empty = self.damaged, True
        for moment in self._decode(start):
            empty = False
            yield moment
        if empty and self.damaged > before:
            self._container.close()
            self._container = open_container(self._path)
            self._stream = self._container.streams[self._stream.index]
            self._configure(strict=False)
            yield from self._decode(start)

    def _decode(self, start: float) -> Iterator[Moment]:
        times = self._seek(start) if start > SEEK_FROM else []
        count, last = 0, -np.inf
        for frame in self._frames():
            if frame is None or frame.pts is None:
                count += 1
                continue
            time = float(frame.pts * frame.time_base)
            if time <= last:
                count += 1
                continue  # the clock jumped back: do not show a frame again
            index = bisect.bisect_left(times, frame.pts) if times else count
            end = time + float((frame.duration or 0) * frame.time_base)
            pixels = _Converter(frame, self._stream, self._to_rgb)
            yield Moment(index, time, end or self._next(time), pixels, self._to_rgb.shown(frame))
            count, last = count + 1, time

    def _next(self, time: float) -> float:
        rate = self._stream.average_rate or self._stream.base_rate
        return time + float(1 / rate) if rate else time

    def _frames(self) -> Iterator[Any]:
        """Yields decoded frames; counts the packets that cannot be decoded, and continues after them.

        The decoder still returns a frame with missing data, its rest invented, and the frames that refer to it. So
        after damage None is yielded instead of each frame, until the next intact key frame.
        """
        packets = self._container.demux(self._stream)
        torn: set[int | None] = set()
        intact = True
        while True:
            pts = None
            try:
                packet = next(packets, None)
                if packet is None:
                    return
                pts = packet.pts
                frames = packet.decode()
                damaged = bool(packet.is_corrupt)
            except av.EOFError:
                return
            except av.FFmpegError:
                frames, damaged = [], True
            if damaged:
                self.damaged += 1
                torn.add(pts)
                intact = False
            for frame in frames:
                intact = intact or (bool(frame.key_frame) and frame.pts not in torn)
                yield frame if intact else None

    def _seek(self, start: float) -> list[int]:
        """Seeks to a key frame before `start`.

        Returns:
            The sorted time stamps of all frames; a frame's position in it is its number.
        """
        # Seek further back than `start`: the first frames after a key frame may refer to frames before it.
        early = self.begin + start - SEEK_FROM
        target = int(early / self._stream.time_base)
        with open_container(self._path) as container:
            packets = container.demux(container.streams[self._stream.index])
            times = sorted(p.pts for p in packets if p.pts is not None and not p.is_discard)
        if times:
            self._container.seek(max(target, times[0]), stream=self._stream, backward=True)
        return times


class _Converter:
    """Conversion of one frame to an RGB image, done when it is called."""

    def __init__(self, frame: Any, stream: Any, to_rgb: RgbConverter) -> None:
        self._frame, self._ratio, self._to_rgb = frame, stream.sample_aspect_ratio, to_rgb

    def __call__(self) -> RGBImage:
        pixels = self._to_rgb(self._frame)
        if self._ratio and self._ratio not in (0, 1):  # non-square pixels
            width = max(1, round(pixels.shape[1] * float(self._ratio)))
            pixels = cv2.resize(pixels, (width, pixels.shape[0]), interpolation=cv2.INTER_LINEAR)
        quarters = round(self._frame.rotation / 90) % 4
        return np.ascontiguousarray(np.rot90(pixels, quarters))


def _seconds(count: int | None, stream: Any) -> float:
    return float((count or 0) * stream.time_base)
