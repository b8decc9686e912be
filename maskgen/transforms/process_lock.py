"""Lock between the threads of one process, which survives forks and pickling."""

import os
from threading import Lock
from types import TracebackType
from typing import Any


class ProcessLock:
    """Lock that is free again in a forked process, and in one that received a pickled one.

    A plain lock that another thread holds at the moment of a fork would never be released in the new process.
    """

    def __init__(self) -> None:
        self._locks: dict[int, Lock] = {}  # by number of the process

    def __enter__(self) -> None:
        self._locks.setdefault(
            os.getpid(), Lock()
        ).acquire()  # `setdefault` is one step: all threads get one lock

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._locks[os.getpid()].release()

    def __reduce__(self) -> Any:
        return ProcessLock, ()
