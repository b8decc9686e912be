"""Files that a reader must not read: a pipe without a writer, a link to an endless device, a sparse file of 200 GB."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SPARSE = 200 * 10**9
KINDS = {
    "pipe": "is a pipe",
    "device": "is a device",
    "sparse": "at most",
}  # with the reason that a message gives


def make_special(path: Path, kind: str) -> Path:
    """Puts a special file in place of `path`."""
    path.unlink(missing_ok=True)
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        with path.open("wb") as file:
            file.truncate(SPARSE)
    return path


@contextmanager
def within(seconds: int) -> Iterator[None]:
    """Ends a block that waits or reads for longer, such as an open of a pipe, with a TimeoutError."""

    def stop(*_: object) -> None:
        raise TimeoutError(f"not done after {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
