"""Mark of a folder of maps: a hidden file that says to which journal the maps belong, and a lock during a run.

Two runs into different targets may name one folder of maps; each would take the maps of the other for its own.
"""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path

from maskgen.errors import UnmaskError, UsageError
from maskgen.files import disk_errors, make_folder, open_own, write_all
from maskgen.reading import read_regular_file

with suppress(ImportError):  # Windows has none; `mask_folder` refuses to start there
    import fcntl

NAME = ".unmask-maps"
MARK_BYTES = 256


class Mark:
    """Mark of a folder of maps, locked by this run."""

    def __init__(self, folder: Path, file: FileIO) -> None:
        self._folder, self._file = folder, file

    def write(self, text: str) -> None:
        """Writes to which journal the maps belong. In place, because a new file would not be locked."""
        if read_mark(self._folder) != text:
            with disk_errors(self._folder, NAME):
                self._file.truncate(0)
                write_all(self._file, text.encode("ascii"))


@contextmanager
def holding_maps(folder: Path) -> Iterator[Mark]:
    """Locks a folder of maps until the end of the `with` block; makes it if there is none.

    Raises:
        UsageError: another run writes its maps there, or the mark is no file.
        UnmaskError: the folder cannot be written to, or not be locked.
    """
    make_folder(folder, "the maps")
    path = folder / NAME
    with disk_errors(folder, NAME):
        file = open(path, "ab", buffering=0, opener=open_own)  # noqa: SIM115 (closed below)
    try:
        _lock(file, folder)
        yield Mark(folder, file)
    finally:
        file.close()


def read_mark(folder: Path) -> str:
    """Returns what the mark of a folder of maps says; "" without one."""
    try:
        return read_regular_file(folder / NAME, MARK_BYTES).decode("ascii", "replace")
    except OSError:
        return ""


def _lock(file: FileIO, folder: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise UsageError(
            f"--maps {folder}: another run writes its maps there; wait for it, stop it, or choose another --maps"
        ) from None
    except OSError as error:
        raise UnmaskError(
            f"--maps {folder}: cannot be locked here on {socket.gethostname()} ({error.strerror}); choose a folder on "
            "another disk"
        ) from error
