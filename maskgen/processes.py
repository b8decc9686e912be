"""Processes: a child that ends whenever its parent does, and how many of them to use."""

import ctypes
import os
import signal
import sys
import threading

from maskgen.errors import MissingError

_PR_SET_PDEATHSIG = 1


def require_posix(what: str) -> None:
    """Checks that this is a POSIX system.

    Workers inherit descriptors and are stopped by signals, and runs hold locks that end with their process; Windows
    has other means for each of them.

    Args:
        what: what needs it, for the message.

    Raises:
        MissingError: this is Windows.
    """
    if os.name != "posix":
        raise MissingError(
            f"{what} needs Linux or macOS; on Windows, install unmask in WSL (wsl --install). "
            "See docs/install.md for what runs on Windows itself"
        )


def die_with(parent: int) -> None:
    """Ensures that this process ends when its parent ends, in whatever way.

    On Linux it also ends with the thread of the parent that started it: start it from a thread that stays.

    Args:
        parent: process id of the parent.
    """
    if sys.platform == "linux":  # the kernel kills it at once, even inside a decoder that never returns
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def core_count() -> int:
    """Counts the cores that this process may use; a container's limit counts."""
    from joblib import cpu_count  # takes a tenth of a second to import

    return int(cpu_count())


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        threading.Event().wait(0.5)
    os._exit(1)
