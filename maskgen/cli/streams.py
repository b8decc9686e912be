"""Standard streams of the program: one that is closed, full or ASCII-only neither ends a command nor loses a message.

Results go to stdout. What cannot be printed there is an error, because a script would read an incomplete answer; the
work of the command is done nevertheless. Everything else goes to stderr, which is never worth ending a command for.
"""

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, Protocol, TextIO, TypeVar, cast, runtime_checkable

from maskgen.errors import UnmaskError

T = TypeVar("T")
SHOWN = 160  # characters of a result that could not be printed, in the message


@runtime_checkable
class Stream(Protocol):
    """Output stream: `sys.stdout`, `sys.stderr`, or a substitute."""

    def write(self, text: str, /) -> int:
        """Writes a text."""

    def flush(self) -> None:
        """Writes buffered text."""

    def isatty(self) -> bool:
        """Tells whether the stream is a terminal."""


class Unprinted(UnmaskError):
    """Error of a result that could not be printed."""


class ResultStream:
    """Text stream for results: what cannot be written is an `UnmaskError`, which fits one line."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Writes a text.

        Raises:
            Unprinted: the stream is closed or full.
        """
        return self._attempt(partial(self._stream.write, text))

    def flush(self) -> None:
        """Writes buffered text.

        Raises:
            Unprinted: the stream is closed or full.
        """
        self._attempt(self._stream.flush)

    def _attempt(self, step: Callable[[], T]) -> T:
        try:
            return step()
        except OSError as error:
            _discard(self._stream)
            raise Unprinted(
                f"stdout is closed or full ({error.strerror}); all work is done, but not printed"
            ) from error


class TolerantStream:
    """Text stream that drops what it cannot write, such as stderr on a full disk or of a closed terminal."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Writes a text, if possible."""
        try:
            self._stream.write(text)
        except (OSError, ValueError, RuntimeError):  # full or closed; a signal handler's write within a write
            _discard(self._stream)
        return len(text)

    def flush(self) -> None:
        """Writes buffered text, if possible."""
        try:
            self._stream.flush()
        except (OSError, ValueError, RuntimeError):
            _discard(self._stream)


def open_streams() -> None:
    """Makes the standard streams usable whatever they are: call it before a command opens its first file.

    A closed descriptor would go to that file, and what a library writes to stderr into it. Characters that a stream's
    encoding lacks are written as escapes.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDONLY if number < 2 else os.O_WRONLY)  # takes the lowest free number
    if sys.stdout is None:
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 (each write will fail)
    if sys.stderr is None:
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    if not isinstance(sys.stdout, ResultStream):
        sys.stdout = cast("TextIO", ResultStream(sys.stdout))
    if not isinstance(sys.stderr, TolerantStream):
        sys.stderr = cast("TextIO", TolerantStream(sys.stderr))


def print_result(text: str, end: str = "\n") -> None:
    """Prints a result to stdout, at once.

    Raises:
        Unprinted: stdout is closed or full; the message says what was not printed.
    """
    try:
        print(text, end=end, flush=True)
    except Unprinted as error:
        first = text.strip().partition("\n")[0]
        whole = first == text.strip() and len(first) <= SHOWN
        raise Unprinted(f"{error}: {first[:SHOWN]}{'' if whole else '...'}") from error


def _discard(stream: Stream) -> None:
    """Sends all that follows, and what is left in the stream's buffer, to nowhere; else it fails again at exit."""
    with suppress(OSError, ValueError, AttributeError):
        sink = os.open(os.devnull, os.O_WRONLY)
        os.dup2(sink, stream.fileno())  # type: ignore[attr-defined]
        os.close(sink)
