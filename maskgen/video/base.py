"""What a clip is to the rest, and which of its frames are looked at: by time, never by index."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from maskgen.types import RGBImage

SLACK = 0.002  # seconds; containers round times to a millisecond, and a frame may come that much late


@dataclass(frozen=True)
class Moment:
    """One decoded frame, its pixels not yet converted.

    Attributes:
        index: its number in the clip, in the order they are shown, from 0.
        time: seconds on the stream's own clock: exactly its time stamp.
        end: when the next frame should follow, on the same clock; `time` where the container does not say.
        pixels: converts it: RGB, upright, square pixels.
    """

    index: int
    time: float
    end: float
    pixels: Callable[[], RGBImage]


def even(pixels: RGBImage) -> RGBImage:
    """Drops the last row or column of a frame if their number is odd: encoders want even sides."""
    return np.ascontiguousarray(pixels[: pixels.shape[0] // 2 * 2, : pixels.shape[1] // 2 * 2])


@runtime_checkable
class Clip(Protocol):
    """An opened video file.

    Attributes:
        begin: time of the first frame on the stream's clock, seconds.
        duration: seconds that the container promises, 0.0 where it does not say.
        backend: what decodes it.
        damaged: packets that could not be decoded so far, and a torn end of the file.
    """

    begin: float
    duration: float
    backend: str
    damaged: int

    def moments(self, start: float = 0.0) -> Iterator[Moment]:
        """Frames in the order they are shown, from the one on screen at `start` seconds after `begin`, or earlier."""

    def close(self) -> None:
        """Closes the file."""


class Grid:
    """Times that are asked for: `start`, `start + step`, ... until `end`; every frame where `step` is 0."""

    def __init__(self, start: float, step: float, end: float) -> None:
        self._start, self._step, self._end = start, step, end
        self._count = 0

    def asks(self, time: float, until: float) -> bool:
        """Tells whether a frame that is on screen from `time` until just before `until` is asked for.

        To be asked in the order of time; a time that was answered is not asked for again.
        """
        if self._step == 0:
            return self._start < until - SLACK and time < self._end - SLACK
        asked = False
        while self._start + self._count * self._step < min(until - SLACK, self._end):
            self._count += 1
            asked = True
        return asked


def on_screen(moments: Iterable[Moment], end: float, *grids: Grid) -> Iterator[tuple[Moment, list[bool]]]:
    """Yields the frames that at least one grid asks for, each once, with the grids that do.

    A frame is on screen until the next one's time, and before the first frame the first one is.

    Args:
        moments: in the order they are shown.
        end: seconds on the stream's clock at which to stop.
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
