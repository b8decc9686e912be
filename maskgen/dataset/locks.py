"""One run for one slice of a data set: locks that end with the process that holds them.

The system lets go of a lock when its holder dies, however it dies, so a file that is left behind holds nobody up; the
text in it only tells a person who holds it. A run that ends well takes the file of its slice away.
"""

import fcntl
import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from math import gcd
from pathlib import Path
from typing import IO

from maskgen.errors import UnmaskError, UsageError
from maskgen.files import disk_errors, remove

Slice = tuple[int, int]  # i, k: every k-th shard, beginning with the i-th
_NAME = re.compile(r"lock-(\d+)-of-(\d+)")


def parse_slice(text: str) -> Slice:
    """Reads `i::k`; empty is the whole.

    Raises:
        UsageError: i is not below k.
    """
    if not text:
        return 0, 1
    index, count = (int(part) for part in text.split("::"))
    if not index < count:
        raise UsageError(
            f"--shards {text}: i must be below k in i::k; give 0::{count} to {count - 1}::{count}"
        )
    return index, count


@contextmanager
def changing(work: Path) -> Iterator[None]:
    """Waits until no other run changes the plan below `work`, and keeps others waiting meanwhile."""
    # This file stays: others may have opened it and wait. Were it deleted, they would come to hold a file that nobody
    # finds any more, beside the holder of the one that the next run makes.
    with _open(work / "lock") as file:
        _lock(file, fcntl.LOCK_EX)
        yield


def hold_slice(work: Path, part: Slice) -> IO[str]:
    """Takes a slice; it is held until `let_go`, until the file that is returned is closed, or the process ends.

    Call it inside `changing`, and after `refuse_held`, or two runs could take overlapping slices at once.
    """
    file = _open(work / f"lock-{part[0]}-of-{part[1]}")
    _lock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    file.truncate(0)
    file.write(f"process {os.getpid()} on {socket.gethostname()}\n")
    file.flush()
    return file


def let_go(file: IO[str]) -> None:
    """Gives back a slice that `hold_slice` took, and deletes its file.

    Call it inside `changing`: files of slices are opened there alone, so nobody else has this one open.
    """
    remove(Path(file.name))  # some shares keep a file that is open; left behind, it holds nobody up
    file.close()


def refuse_held(work: Path, part: Slice = (0, 1)) -> None:
    """Pass if no live run holds any shard of a slice.

    Raises:
        UsageError: one does; the message names it.
    """
    for path in sorted(work.glob("lock-*-of-*")):
        match = _NAME.fullmatch(path.name)
        if match and overlap(part, (int(match[1]), int(match[2]))) and (holder := _holder(path)):
            raise UsageError(
                f"{work.parent}: slice {match[1]}::{match[2]} is being made by {holder}; "
                "wait for it, stop it, or choose another --out"
            )


def overlap(one: Slice, other: Slice) -> bool:
    """Tells whether two slices share a shard, of endlessly many."""
    return (one[0] - other[0]) % gcd(one[1], other[1]) == 0


def _holder(path: Path) -> str:
    """Reads who holds the lock, "" if nobody does."""
    with _open(path) as file:
        try:
            _lock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return file.read().strip() or "another run"
    return ""


def _lock(file: IO[str], how: int) -> None:
    try:
        fcntl.flock(file, how)
    except BlockingIOError:
        raise  # held by another
    except OSError as error:
        raise UnmaskError(
            f"{file.name}: cannot be locked here ({error.strerror}); choose an --out on another disk"
        ) from error


def _open(path: Path) -> IO[str]:
    """Opens without cutting: the text in it may be another's."""
    with disk_errors(path.parent, f"the lock {path.name}"):
        file = path.open("a+", encoding="utf-8")
    file.seek(0)
    return file
