"""What a store is: files by id, read where they lie."""

from pathlib import Path
from typing import Protocol, runtime_checkable

from maskgen.errors import Skip

MAX_FILE_BYTES = 128 * 2**20  # a photo's file that is larger is refused unread; bounds what a worker takes


@runtime_checkable
class Store(Protocol):
    """Files by id. Nothing is ever unpacked to disk under a name from inside the store.

    Pickled it holds paths alone; the worker that gets it lists and opens anew when it first reads.
    """

    @property
    def path(self) -> Path:
        """Where it lies, for messages."""

    def names(self) -> list[str]:
        """Ids of all files, sorted; one that ends in "/" is a folder that may not be opened."""

    def head(self, name: str) -> bytes:
        """Reads the first bytes of a file, enough to tell its format; b"" if it cannot be read."""

    def read(self, name: str) -> bytes | Skip:
        """Reads a file's bytes, or returns Skip: vanished, no_permission, too_large, unreadable."""


def too_large(size: int) -> Skip:
    """Returns the Skip of a file that has too many bytes."""
    return Skip("too_large", f"{size} bytes, at most {MAX_FILE_BYTES} are allowed")
