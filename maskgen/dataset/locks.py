"""Locks that let one run at a time make a slice of a data set.

The system releases a lock when the process that holds it ends, for whatever reason, so a lock file that is left behind
blocks no run. The text in the file only tells a person who holds it. A run that ends well deletes its lock file.
"""

import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from math import gcd
from pathlib import Path
from typing import IO

from maskgen.errors import UnmaskError, UsageError
from maskgen.files import disk_errors, open_own, remove
from maskgen.processes import require_posix

# Windows has no fcntl: data sets can be read there, and `changing` refuses to make one.
with suppress(ImportError):
    import fcntl

Slice = tuple[int, int]  # i, k: every k-th shard from the i-th on
_NAME = re.compile(r"lock-(\d+)-of-(\d+)")


@contextmanager
def changing(work: Path) -> Iterator[None]:
    """Waits until no other run changes the plan in `work`; others wait until the `with` block ends."""
    # This file is never deleted: other runs may have opened it and wait. They would then lock a file that no longer
    # has a name, while the next run makes and locks a new one.
    require_posix("making a data set")
    with _open(work / "lock") as file:
        _lock(file, fcntl.LOCK_EX)
        yield


def hold_slice(work: Path, part: Slice) -> IO[str]:
    """Locks a slice until `let_go`, until the returned file is closed, or until the process ends.

    Call it inside `changing` and after `refuse_held`; else two runs could take overlapping slices at once.
    """
    file = _open(work / f"lock-{part[0]}-of-{part[1]}")
    _lock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    file.truncate(0)
    file.write(f"process {os.getpid()} on {socket.gethostname()}\n")
    file.flush()
    return file


def let_go(file: IO[str]) -> None:
    """Releases a slice that `hold_slice` locked, and deletes its file.

    Call it inside `changing`: lock files of slices are opened only there, so no other run has this one open.
    """
    remove(Path(file.name))  # some network disks keep a file that is open; left behind, it blocks no run
    file.close()


def refuse_held(work: Path, part: Slice = (0, 1)) -> None:
    """Refuses a slice of which a live run holds a shard.

    Raises:
        UsageError: a live run holds one; the message names it.
    """
    for path in sorted(work.glob("lock-*-of-*")):
        match = _NAME.fullmatch(path.name)
        if match and overlap(part, (int(match[1]), int(match[2]))) and (holder := _holder(path)):
            raise UsageError(
                f"{work.parent}: slice {match[1]}::{match[2]} is being made by {holder}; "
                "wait for it, stop it, or choose another --out"
            )


def overlap(one: Slice, other: Slice) -> bool:
    """Tells whether two slices of an infinite list of shards share a shard."""
    return (one[0] - other[0]) % gcd(one[1], other[1]) == 0


def _holder(path: Path) -> str:
    """Reads which process holds the lock; "" if none does."""
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
    """Opens a lock file without truncating it: it may hold the text of another run."""
    with disk_errors(path.parent, f"the lock {path.name}"):
        file: IO[str] = open(path, "a+", encoding="utf-8", opener=open_own)  # noqa: SIM115 (the caller closes it)
    file.seek(0)
    return file
