"""Progress of a long command: a bar on a terminal, otherwise a plain line every few seconds."""

import os
import time
from collections.abc import Callable
from types import TracebackType
from typing import IO, Protocol, cast, runtime_checkable

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn

LINE_SECONDS = 5.0
DRAWS_PER_SECOND = 5.0


@runtime_checkable
class Stream(Protocol):
    """Output stream of a meter: `sys.stderr`, or a substitute."""

    def write(self, text: str, /) -> int:
        """Writes a text."""

    def flush(self) -> None:
        """Writes buffered text."""

    def isatty(self) -> bool:
        """Tells whether the stream is a terminal."""


class Meter:
    """Display of `done` of `total`, the rate and the time left. Call it whenever there is progress.

    `NO_COLOR` removes the colours, `TERM=dumb` the bar.
    """

    def __init__(self, unit: str, stream: Stream, clock: Callable[[], float] = time.monotonic) -> None:
        self._unit, self._stream, self._clock = unit, stream, clock
        self._began = self._last_line = clock()
        self._bar: Progress | None = None
        self._task = TaskID(0)
        if stream.isatty() and os.environ.get("TERM") != "dumb":
            self._bar = Progress(
                BarColumn(bar_width=None),
                TaskProgressColumn(),
                TextColumn("{task.description}"),
                console=Console(file=cast("IO[str]", stream)),
                refresh_per_second=DRAWS_PER_SECOND,
                transient=True,
                expand=True,
            )

    def __enter__(self) -> "Meter":
        if self._bar:
            self._task = self._bar.add_task("", total=None)
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar:
            self._bar.stop()

    def __call__(self, done: int, total: int, note: str = "", found: int = 0) -> None:
        """Updates the display.

        Args:
            done: number of items done, including `found`.
            total: number of all items.
            note: additional text, such as the skipped photos.
            found: number of items done before this run; they do not count towards its rate.
        """
        now = self._clock()
        if done <= found:
            self._began = now
        text = self._text(done - found, done, total, now) + (f"; {note}" if note else "")
        if self._bar:
            self._bar.update(self._task, completed=done, total=total, description=text)
        elif now - self._last_line >= LINE_SECONDS:
            self._last_line = now
            print(text, file=self._stream, flush=True)

    def _text(self, fresh: int, done: int, total: int, now: float) -> str:
        text = f"{done:,} of {total:,} {self._unit}"
        if fresh <= 0 or now <= self._began:
            return text
        rate = fresh / (now - self._began)
        speed = f"{rate:.0f}" if rate >= 10 else f"{rate:.1f}"
        return f"{text}, {speed}/s, {duration((total - done) / rate)} left"


def duration(seconds: float) -> str:
    """Formats seconds for a person: 42 s, 3 min 20 s, 2 h 5 min."""
    whole = max(round(seconds), 0)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
