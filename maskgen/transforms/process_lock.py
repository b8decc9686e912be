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
        self.process, self._lock = os.getpid(), Lock()

    def __enter__(self) -> None:
        if self.process != os.getpid():
            self.__init__()  # type: ignore[misc]
        self._lock.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.release()

    def __reduce__(self) -> Any:
        return ProcessLock, ()
