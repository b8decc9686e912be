"""Interface of a video clip, and the sampling of its frames: by time, never by frame number."""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from maskgen.types import RGBImage
from maskgen.video.colours import UNTAGGED, Colours

FINEST = 1e-6  # seconds; a finer grid requests every frame
SLACK = 0.002  # seconds by which a frame may be late, since containers round times to a millisecond


@dataclass(frozen=True)
class Moment:
    """Decoded frame whose pixels are not yet converted.

    Attributes:
        index: frame number in the clip, in display order, from 0.
        time: time stamp in seconds on the stream's own clock, not rounded.
        end: expected time of the next frame on the same clock; `time` if it is unknown.
        pixels: converts the frame and returns it: RGB, upright, square pixels. Raises InputError if its colours
            cannot be converted.
        colours: tags of the image that `pixels` returns; its matrix is the source's.
    """

    index: int
    time: float
    end: float
    pixels: Callable[[], RGBImage]
    colours: Colours = UNTAGGED


def even(pixels: RGBImage) -> RGBImage:
    """Drops the last row or column of a frame if their number is odd, because encoders need even sides."""
    return np.ascontiguousarray(pixels[: pixels.shape[0] // 2 * 2, : pixels.shape[1] // 2 * 2])


@runtime_checkable
class Clip(Protocol):
    """Opened video file.

    Attributes:
        begin: time of the first frame on the stream's clock, seconds.
        duration: duration in seconds according to the container, 0.0 if it states none.
        backend: name and version of the decoder.
        damaged: number of packets so far that could not be decoded, plus 1 if the file ends within a packet.
        tone_mapped: HDR transfer ("PQ", "HLG") of the frames that were tone-mapped so far; "" if there was none.
    """

    begin: float
    duration: float
    backend: str
    damaged: int

    @property
    def tone_mapped(self) -> str:
        """Returns the attribute; it changes while frames are read."""

    def moments(self, start: float = 0.0) -> Iterator[Moment]:
        """Yields the frames in display order, from the one on screen at `start` seconds after `begin`, or earlier."""

    def close(self) -> None:
        """Closes the file."""


class Grid:
    """Requested times: `start`, `start + step`, ... until `end`; every frame if `step` is 0."""

    def __init__(self, start: float, step: float, end: float) -> None:
        self._start, self._step, self._end = start, step if step >= FINEST else 0.0, end
        self._count = 0

    def asks(self, time: float, until: float) -> bool:
        """Tells whether a frame that is on screen from `time` until just before `until` is requested.

        Must be called in the order of time; each requested time selects one frame only.
        """
        if self._step == 0:
            return self._start < until - SLACK and time < self._end - SLACK
        before = min(until - SLACK, self._end)
        if self._start + self._count * self._step >= before:
            return False
        # Skips to the first time that is not before `before`, without a loop over the many that a fine grid has.
        self._count = max(self._count + 1, math.ceil((before - self._start) / self._step) - 1)
        while self._start + self._count * self._step < before:
            self._count += 1
        return True


def on_screen(moments: Iterable[Moment], end: float, *grids: Grid) -> Iterator[tuple[Moment, list[bool]]]:
    """Yields each frame that at least one grid requests, once, with a flag per grid that tells whether it does.

    A frame is on screen until the time of the next one; the first frame also stands for the time before it.

    Args:
        moments: frames in display order.
        end: time at which to stop, in seconds on the stream's clock.
        grids: the requested times.
    """
    held: Moment | None = None
    for moment in moments:
        if held is not None:
            asked = [grid.asks(held.time, moment.time) for grid in grids]
            if any(asked):
                yield held, asked
        held = moment
        if moment.time >= end + SLACK:
            return
    if held is not None:
        asked = [grid.asks(held.time, max(held.end, held.time + 2 * SLACK)) for grid in grids]
        if any(asked):
            yield held, asked
