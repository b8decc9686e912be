"""How far a long command is: a bar on a terminal, else a plain line every few seconds. Always on stderr."""

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
    """What a meter writes to: `sys.stderr`, or what stands in for it."""

    def write(self, text: str, /) -> int:
        """Write a text."""

    def flush(self) -> None:
        """Let it be seen."""

    def isatty(self) -> bool:
        """Tells whether the stream is a terminal."""


class Meter:
    """Shows `done` of `total`, the rate and the time left; call it as often as there is news.

    `NO_COLOR` and `TERM=dumb` are honoured: the first takes the colours, the second the bar.
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
        """Tell the news.

        Args:
            done: of `total`, with those `found` done already when this run began, which say nothing of its speed.
            note: a word more, such as what was skipped.
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
    """Seconds as a person says them: 42 s, 3 min 20 s, 2 h 5 min."""
    whole = max(round(seconds), 0)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
