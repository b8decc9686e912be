"""SIGINT and SIGTERM during training: the run ends after the current step and saves its state."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from maskgen.errors import UnmaskError

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopRequested(UnmaskError):
    """Signal that ended the run, after everything was saved; `exit_code` is 128 + its number, as in shells."""

    def __init__(self, number: int, step: int) -> None:
        super().__init__(
            f"stopped by {signal.Signals(number).name} after step {step:,}; the same command with --resume goes on"
        )
        self.exit_code = 128 + number


class StopSignal:
    """Signal that was received: `number`, 0 for none."""

    number = 0


@contextmanager
def catch_signals() -> Iterator[StopSignal]:
    """Records SIGINT and SIGTERM instead of acting on them; a second signal has its previous effect.

    Python handles signals only in the main thread; in other threads this does nothing.
    """
    stop = StopSignal()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {number: signal.getsignal(number) for number in _SIGNALS}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def record(number: int, _: FrameType | None) -> None:
        stop.number = number
        restore()

    for number in _SIGNALS:
        signal.signal(number, record)
    try:
        yield stop
    finally:
        restore()
