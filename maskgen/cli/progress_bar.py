"""Progress of a long command: a bar on a terminal, otherwise a plain line every few seconds."""

import os
import time
from collections.abc import Callable
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, cast

from maskgen.cli.streams import Stream
from maskgen.progress import Progress

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

LINE_SECONDS = 5.0
DRAWS_PER_SECOND = 5.0


class Meter:
    """Display of the items done of all, the rate and the time left; itself the callback of a long call.

    `NO_COLOR` removes the colours, `TERM=dumb` the bar. Without a stream, as `sys.stderr` is None in a process whose
    stderr is closed, nothing is shown.
    """

    def __init__(self, unit: str, stream: Stream | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._unit, self._stream, self._clock = unit, stream, clock
        self._began = self._last_line = clock()
        self._bar: Bar | None = None
        self._task: Any = 0
        if stream and stream.isatty() and os.environ.get("TERM") != "dumb":
            self._bar = _draw_bar(stream)

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

    def __call__(self, progress: Progress) -> None:
        """Updates the display."""
        done, found, note = progress.done, progress.found, progress.note
        total = max(progress.total, done)  # a clip can be longer than its container says
        now = self._clock()
        if done <= found:
            self._began = now
        text = self._text(done - found, done, total, now) + (f"; {note}" if note else "")
        if self._bar:
            self._bar.update(self._task, completed=done, total=total, description=text)
        elif self._stream and now - self._last_line >= LINE_SECONDS:
            self._last_line = now
            print(text, file=self._stream, flush=True)

    def _text(self, fresh: int | float, done: int | float, total: int | float, now: float) -> str:
        text = f"{int(done):,} of {int(total):,} {self._unit}"
        if fresh <= 0 or now <= self._began:
            return text
        rate = fresh / (now - self._began)
        speed = f"{rate:.0f}" if rate >= 10 else f"{rate:.1f}"
        return f"{text}, {speed}/s, {duration((total - done) / rate)} left"


def _draw_bar(stream: Stream) -> "Bar":
    """Builds the bar. Its library is imported here: that takes a tenth of a second, which scripts need not wait."""
    from rich.console import Console
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn
    from rich.progress import Progress as Bar

    return Bar(
        BarColumn(bar_width=None),
        TaskProgressColumn(),
        TextColumn("{task.description}"),
        console=Console(file=cast("IO[str]", stream)),
        refresh_per_second=DRAWS_PER_SECOND,
        transient=True,
        expand=True,
    )


def duration(seconds: float) -> str:
    """Formats seconds for a person: 42 s, 3 min 20 s, 2 h 5 min."""
    whole = max(round(seconds), 0)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
