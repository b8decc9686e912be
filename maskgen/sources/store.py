"""Protocol of a store: files by id, read in place."""

import zlib
from lzma import LZMAError
from pathlib import Path
from typing import Protocol, runtime_checkable

from maskgen.errors import InputError, Skip

MAX_FILE_BYTES = 128 * 2**20  # larger files are refused unread; limits a worker's memory
SAMPLE_BYTES = 64  # from the middle of a file: an image's start and end look alike in many files
# What the layers below the reader of an archive raise for a damaged one.
BROKEN_BELOW = (zlib.error, LZMAError, EOFError, OSError, ValueError, NotImplementedError)
GONE = Skip("vanished", "the archive has changed since it was listed")


@runtime_checkable
class Store(Protocol):
    """Store of files by id. Nothing is ever unpacked to disk under a name from inside the store.

    Its pickle holds only paths; a worker's copy lists and opens the files again at its first read.
    """

    @property
    def path(self) -> Path:
        """Path of the store, for messages."""

    def names(self) -> list[str]:
        """Lists the ids of all files, sorted; an id that ends in "/" is a folder that cannot be opened."""

    def head(self, name: str) -> bytes:
        """Reads the first bytes of a file, enough to tell its format; b"" if it cannot be read."""

    def read(self, name: str) -> bytes | Skip:
        """Reads a file's bytes, or returns Skip: vanished, no_permission, too_large, unreadable."""

    def size(self, name: str) -> int | None:
        """Returns a file's number of bytes without opening it; None if it is unknown or the file cannot be read."""

    def sample(self, name: str) -> bytes:
        """Returns a few bytes that equal files have in common and most others do not; b"" if it cannot be read."""


def too_large(size: int) -> Skip:
    """Returns the Skip of a file that has too many bytes."""
    return Skip("too_large", f"{size} bytes, at most {MAX_FILE_BYTES} are allowed")


def broken_archive(path: Path, error: Exception) -> InputError:
    """Returns the error for an archive that cannot be read."""
    return InputError(f"{path}: cannot be read as an archive: {error}. It may be cut short: fetch it again")
