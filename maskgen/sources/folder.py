"""A folder and all folders under it."""

import errno
import os
from functools import cached_property
from pathlib import Path
from typing import Any

from maskgen.errors import Skip
from maskgen.images.codecs import HEAD_BYTES
from maskgen.sources.keys import clean_id
from maskgen.sources.store import MAX_FILE_BYTES, too_large


class FolderStore:
    """Files under `path`. Links are followed, a linked folder only where it leads to one not seen yet."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path}

    def names(self) -> list[str]:
        """Ids of all files, sorted; one that ends in "/" is a folder that may not be opened."""
        return sorted(self._paths)

    def head(self, name: str) -> bytes:
        """Reads the first bytes of a file; b"" if it cannot be read."""
        try:
            with self._path(name).open("rb", buffering=0) as file:
                return file.read(HEAD_BYTES)
        except OSError:
            return b""

    def read(self, name: str) -> bytes | Skip:
        """Reads a file's bytes, or returns Skip: vanished, no_permission, too_large, unreadable."""
        try:
            with self._path(name).open("rb", buffering=0) as file:
                size = os.fstat(file.fileno()).st_size
                return too_large(size) if size > MAX_FILE_BYTES else file.read()
        except OSError as error:
            return _why_not(error)

    def _path(self, name: str) -> Path:
        # Most ids are paths as they stand. Only one with a backslash may be an escape that the listing can undo.
        return self.path / (self._paths.get(name, name) if "\\" in name else name)

    @cached_property
    def _paths(self) -> dict[str, str]:
        """Id -> path under `path`, for every file."""
        found: dict[str, str] = {}
        seen: set[tuple[int, int]] = set()
        real, linked = [""], list[str]()
        while real or linked:
            folder = (
                real.pop() if real else linked.pop()
            )  # real folders first: their own names are the better ids
            inner = self._list(folder, seen, found)
            real += inner[0]
            linked = sorted(linked + inner[1], reverse=True)
        return found

    def _list(
        self, folder: str, seen: set[tuple[int, int]], found: dict[str, str]
    ) -> tuple[list[str], list[str]]:
        """Adds one folder's files to `found`; its real folders, and its links to folders."""
        real: list[str] = []
        linked: list[str] = []
        try:
            status = (self.path / folder).stat()
            if (status.st_dev, status.st_ino) in seen:
                return [], []
            seen.add((status.st_dev, status.st_ino))
            with os.scandir(self.path / folder) as entries:
                for entry in entries:
                    path = f"{folder}/{entry.name}" if folder else entry.name
                    kind = _kind(entry)
                    if kind == "file":
                        found[clean_id(path)] = path
                    elif kind == "folder":
                        (linked if entry.is_symlink() else real).append(path)
        except OSError:
            found[clean_id(folder) + "/"] = folder
        return real, linked


def _kind(entry: os.DirEntry[str]) -> str:
    """Tells the kind of `entry`: "file", "folder", or "" for what holds no photos (pipes, devices, hidden folders)."""
    if entry.name.startswith("._"):
        return ""  # macOS's metadata beside each file
    try:
        if entry.is_dir():
            return "" if entry.name.startswith(".") else "folder"
        is_file = entry.is_file()
    except OSError:
        return "file"  # a link round in a circle: reading it will say so
    return "file" if is_file or not Path(entry.path).exists() else ""


def _why_not(error: OSError) -> Skip:
    if error.errno in (errno.EACCES, errno.EPERM):
        return Skip("no_permission", str(error.strerror))
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return Skip("vanished", str(error.strerror))
    return Skip("unreadable", str(error.strerror))
