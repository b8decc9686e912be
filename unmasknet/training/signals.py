"""Ending a training run when a person or a scheduler asks for it: after the step in work, with all of it saved."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from maskgen.errors import UnmaskError

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopRequested(UnmaskError):
    """A signal ended the run, and everything was saved; `exit_code` is 128 + its number, as shells have it."""

    def __init__(self, number: int, step: int) -> None:
        super().__init__(
            f"stopped by {signal.Signals(number).name} after step {step:,}; the same command with --resume goes on"
        )
        self.exit_code = 128 + number


class Asked:
    """Whether an end was asked for: `number` is the signal's, 0 for none."""

    number = 0


@contextmanager
def listening() -> Iterator[Asked]:
    """Notes SIGINT and SIGTERM instead of acting on them; a second one acts as it did before.

    Signals belong to the main thread; in another one this does nothing.
    """
    asked = Asked()
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return
    before = {number: signal.getsignal(number) for number in _SIGNALS}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def note(number: int, _: FrameType | None) -> None:
        asked.number = number
        restore()

    for number in _SIGNALS:
        signal.signal(number, note)
    try:
        yield asked
    finally:
        restore()
