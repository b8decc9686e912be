"""Decode with PyAV: exact times, upright pictures, damage counted."""

import bisect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from maskgen.errors import InputError
from maskgen.types import RGBImage
from maskgen.video.base import Moment
from maskgen.video.probe import FORMATS

SEEK_FROM = 5.0  # seconds; what starts earlier is decoded from the beginning, which needs no index
TS_PACKET = 188  # bytes; a transport stream of another length was cut
MAX_PIXELS = 100_000_000  # of a frame; a header that promises more is refused before memory is taken

av.logging.set_level(None)  # FFmpeg's remarks on damaged data would go to stderr; damage is counted here


def open_container(path: Path) -> Any:
    """Opens a file, and nothing that it refers to. InputError where it is no video, or cut before its index."""
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
    """A clip read by PyAV. See `Clip`.

    Args:
        path: a file that `check_container` let through.
        threads: for decoding; 0 is as many as FFmpeg sees fit.
    """

    def __init__(self, path: Path, threads: int = 0) -> None:
        self._path, self._threads = path, threads
        self._container = open_container(path)
        streams = [
            s for s in self._container.streams.video if not s.disposition & av.stream.Disposition.attached_pic
        ]
        if not streams or streams[0].codec_context is None:
            found = ", ".join(s.type for s in self._container.streams) or "nothing"
            self._container.close()
            raise InputError(f"{path}: holds no video that can be decoded, only {found}. Give a video file")
        self._stream = streams[0]
        self._configure(strict=True)
        self.backend = f"pyav-{av.__version__}"
        self.begin = _seconds(self._stream.start_time, self._stream)
        self.duration = self._promised()
        torn = self._container.format.name == "mpegts" and path.stat().st_size % TS_PACKET != 0
        self.damaged = int(torn)

    def _configure(self, strict: bool) -> None:
        context = self._stream.codec_context
        # Strict: a frame that was cut or damaged is an error, not a picture with its rest made up.
        context.options = {"max_pixels": str(MAX_PIXELS)} | ({"err_detect": "explode"} if strict else {})
        context.thread_count = self._threads
        context.thread_type = "SLICE"  # threads by frame would tell of damage only after the frames it spoils

    def _promised(self) -> float:
        if self._stream.duration:
            return _seconds(self._stream.duration, self._stream)
        tag = self._stream.metadata.get("DURATION", "")  # Matroska's
        if tag.count(":") == 2:
            hours, minutes, seconds = tag.split(":")
            return int(hours) * 3600 + int(minutes) * 60 + float(seconds)
        return (self._container.duration or 0) / 1e6

    def close(self) -> None:
        """Closes the file."""
        self._container.close()

    def moments(self, start: float = 0.0) -> Iterator[Moment]:
        """Implements `Clip`. A stream that gives nothing when its rules are kept is read once more without them."""
        before, none = self.damaged, True
        for moment in self._decode(start):
            none = False
            yield moment
        if none and self.damaged > before:
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
                continue  # a clock that jumps back: a frame that was shown is not shown again
            index = bisect.bisect_left(times, frame.pts) if times else count
            end = time + float((frame.duration or 0) * frame.time_base)
            yield Moment(index, time, end or self._next(time), _Converter(frame, self._stream))
            count, last = count + 1, time

    def _next(self, time: float) -> float:
        rate = self._stream.average_rate or self._stream.base_rate
        return time + float(1 / rate) if rate else time

    def _frames(self) -> Iterator[Any]:
        """Yields decoded frames; what cannot be decoded is counted, and the decoder goes on after it.

        A frame whose data were cut still comes out, its rest made up, and so do those that refer to it: after
        damage, nothing counts until the next sound key frame.
        """
        packets = self._container.demux(self._stream)
        torn: set[int | None] = set()
        sound = True
        while True:
            pts = None
            try:
                packet = next(packets, None)
                if packet is None:
                    return
                pts = packet.pts
                frames = packet.decode()
                hurt = bool(packet.is_corrupt)
            except av.EOFError:
                return
            except av.FFmpegError:
                frames, hurt = [], True
            if hurt:
                self.damaged += 1
                torn.add(pts)
                sound = False
            for frame in frames:
                sound = sound or (bool(frame.key_frame) and frame.pts not in torn)
                yield frame if sound else None

    def _seek(self, start: float) -> list[int]:
        """Goes to the last key frame before `start`; the time stamps of all frames, which tell a frame's number."""
        early = (
            self.begin + start - SEEK_FROM
        )  # of what follows a key frame, the first pictures may need one before it
        target = int(early / self._stream.time_base)
        with open_container(self._path) as container:
            packets = container.demux(container.streams[self._stream.index])
            times = sorted(p.pts for p in packets if p.pts is not None and not p.is_discard)
        if times:
            self._container.seek(max(target, times[0]), stream=self._stream, backward=True)
        return times


class _Converter:
    """Turns one frame into a picture when it is called."""

    def __init__(self, frame: Any, stream: Any) -> None:
        self._frame, self._ratio = frame, stream.sample_aspect_ratio

    def __call__(self) -> RGBImage:
        pixels = self._frame.to_ndarray(format="rgb24")
        if self._ratio and self._ratio not in (0, 1):  # pixels of the file that are not square
            width = max(1, round(pixels.shape[1] * float(self._ratio)))
            pixels = cv2.resize(pixels, (width, pixels.shape[0]), interpolation=cv2.INTER_LINEAR)
        quarters = round(self._frame.rotation / 90) % 4
        return np.ascontiguousarray(np.rot90(pixels, quarters))


def _seconds(count: int | None, stream: Any) -> float:
    return float((count or 0) * stream.time_base)
