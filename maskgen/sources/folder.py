"""Store of a folder and all folders below it."""

import errno
import os
import stat
from functools import cached_property
from pathlib import Path
from typing import Any

from maskgen.errors import Skip
from maskgen.images.formats import HEAD_BYTES, has_photo_suffix
from maskgen.reading import open_regular_file, read_regular_file
from maskgen.sources.keys import clean_id, unique_ids
from maskgen.sources.leavings import is_left_file, is_left_folder
from maskgen.sources.store import MAX_FILE_BYTES, SAMPLE_BYTES


class FolderStore:
    """Store of the files below `path`. Links are followed; each folder is listed once, even if links form a circle."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path}

    def names(self) -> list[str]:
        """Lists the ids of all files, sorted; an id that ends in "/" is a folder that cannot be opened."""
        return sorted(self._paths)

    def head(self, name: str) -> bytes:
        """Reads the first bytes of a file; b"" if it cannot be read."""
        try:
            with open_regular_file(self._path(name)) as file:
                return file.read(HEAD_BYTES) or b""
        except OSError:
            return b""

    def read(self, name: str) -> bytes | Skip:
        """Reads a file's bytes, or returns Skip: vanished, no_permission, too_large, unreadable."""
        try:
            return read_regular_file(self._path(name), MAX_FILE_BYTES)
        except OSError as error:
            return _why_not(error)

    def size(self, name: str) -> int | None:
        """Returns a file's number of bytes; None if it is no regular file or cannot be looked at."""
        try:
            status = self._path(name).stat()
        except OSError:
            return None
        return status.st_size if stat.S_ISREG(status.st_mode) else None

    def sample(self, name: str) -> bytes:
        """Reads some bytes from a file's middle; b"" if it cannot be read."""
        try:
            with open_regular_file(self._path(name)) as file:
                file.seek(os.fstat(file.fileno()).st_size // 2)
                return file.read(SAMPLE_BYTES) or b""
        except OSError:
            return b""

    def _path(self, name: str) -> Path:
        # An id is the path itself, unless it contains a backslash: that may be an escape, which the listing maps back.
        return self.path / (self._paths.get(name, name) if "\\" in name else name)

    @cached_property
    def _paths(self) -> dict[str, str]:
        """Paths of all files relative to `path`, by id; folders that cannot be opened end in "/"."""
        found: list[str] = []
        seen: set[tuple[int, int]] = set()
        real, linked = [""], list[str]()
        while real or linked:
            folder = real.pop() if real else linked.pop()  # real folders first: ids follow their names
            inner = self._list(folder, seen, found)
            real += inner[0]
            linked = sorted(linked + inner[1], reverse=True)
        files = sorted(path for path in found if not path.endswith("/"))
        closed = [path.rstrip("/") for path in found if path.endswith("/")]
        ids = dict(zip(unique_ids(files), files, strict=True))
        return ids | {f"{clean_id(path)}/": path for path in closed}

    def _list(self, folder: str, seen: set[tuple[int, int]], found: list[str]) -> tuple[list[str], list[str]]:
        """Adds one folder's files to `found`; returns its real folders, and its links to folders."""
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
                        found.append(path)
                    elif kind == "folder":
                        (linked if entry.is_symlink() else real).append(path)
        except OSError:
            found.append(folder + "/")
        return real, linked


def _kind(entry: os.DirEntry[str]) -> str:
    """Returns "file", "folder", or "" for entries without photos (what systems leave, pipes, devices).

    A pipe or device with the name of a photo is a "file": reading it gives the reason why it is skipped.
    """
    if is_left_file(entry.name):
        return ""
    try:
        if entry.is_dir():
            return "" if is_left_folder(entry.name) else "folder"
        is_file = entry.is_file()
    except OSError:
        return "file"  # a circular link: reading it reports the error
    return "file" if is_file or has_photo_suffix(entry.name) or not Path(entry.path).exists() else ""


def _why_not(error: OSError) -> Skip:
    if error.errno == errno.EFBIG:
        return Skip("too_large", str(error.strerror))
    if error.errno in (errno.EACCES, errno.EPERM):
        return Skip("no_permission", str(error.strerror))
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return Skip("vanished", str(error.strerror))
    return Skip("unreadable", str(error.strerror))
