"""Files that are whole or not there: written beside their place, flushed to the disk, then renamed.

A part's name holds the process and a random number, so that a writer whose parent was killed can never share a
part with the run that follows it.
"""

import errno
import hashlib
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from maskgen.errors import MissingError, UnmaskError, UsageError

PART = ".part"
WORK = ".work"  # folder in a data set for what is not part of it: the plan, parts, locks
CARD, FACTS = "README.md", "dataset.json"  # files of a data set as a whole
RESUME = "and give the same command again: it goes on where it stopped"
_FULL = {errno.ENOSPC, errno.EDQUOT}
_READ_ONLY = {errno.EROFS, errno.EACCES, errno.EPERM}
_IN_THE_WAY = {errno.ENOTDIR, errno.EEXIST, errno.EISDIR}


def part_path(folder: Path, name: str) -> Path:
    """Returns a path in `folder` for writing `name`; no other writer has it."""
    return folder / f"{name}.{os.getpid()}-{secrets.token_hex(4)}{PART}"


def write_atomic(path: Path, data: bytes) -> None:
    """Writes `data` to `path` so that a kill or a full disk leaves the old file or the new one, never half.

    In a data set's folder the part lies in its work folder, so that a kill leaves nothing beside the shards.

    Raises:
        MissingError: the disk has no room. UnmaskError: the folder takes no file.
    """
    work = path.parent / WORK
    part = part_path(work if work.is_dir() else path.parent, path.name)
    with disk_errors(path.parent, f"{path.name} ({size_text(len(data))})"):
        try:
            with part.open("wb") as file:
                file.write(data)
                sync(file.fileno())
            part.replace(path)
        finally:
            remove(part)
        sync_folder(path.parent)


def check_writable(path: Path) -> None:
    """Pass if a file can be written at `path`, before hours of work are to end there. Its folder is made.

    Raises:
        UsageError: it is a folder. MissingError: the disk has no room. UnmaskError: the folder takes no file.
    """
    if path.is_dir():
        raise UsageError(f"{path}: is a folder; name a file in it")
    make_folder(path.parent)
    part = part_path(path.parent, path.name)
    with disk_errors(path.parent, path.name):
        part.touch(exist_ok=False)
        remove(part)


def make_folder(folder: Path, needed: str = "this folder") -> None:
    """Makes a folder, and those above it, if they are not there.

    Raises:
        MissingError: the disk has no room. UnmaskError: a file is in the way, or it may not be made.
    """
    with disk_errors(folder, needed):
        folder.mkdir(parents=True, exist_ok=True)


def held_files(folder: Path) -> list[str]:
    """Names below a folder of the first few files in it, sorted; what is hidden (`.gitkeep`, `.work/`) is left out.

    Of more than three the last is "..."; of a folder that is not there, or may not be read, there are none.
    """
    found: list[str] = []
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        below = Path(place).relative_to(folder)
        found += [(below / name).as_posix() for name in sorted(files) if not name.startswith(".")]
        if len(found) > 3:
            return [*found[:3], "..."]
    return found


def remove(path: Path) -> None:
    """Deletes a file of ours if it is there; a folder that takes no change is said when it is written to."""
    with suppress(OSError):
        path.unlink()


def sync(descriptor: int) -> None:
    """Brings an open file's bytes to the disk."""
    os.fsync(descriptor)


def sync_folder(folder: Path) -> None:
    """Brings a folder's names to the disk, where the system lets a folder be opened."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def whole(target: Path) -> Iterator[Path]:
    """Gives a path for a file that another library writes: it gets its name on success, and is removed on failure.

    Whoever finds that no file is wanted removes the part.
    """
    part = target.with_name(f".{target.name}{PART}")
    try:
        yield part
        if part.exists():
            part.rename(target)
    finally:
        remove(part)


@contextmanager
def disk_errors(folder: Path, needed: str, again: str = RESUME) -> Iterator[None]:
    """Turns a failed write below `folder` into one line that names what was `needed`, and how to go on then.

    Raises:
        MissingError: no room on the disk, or a limit on the size of a file.
        UnmaskError: the folder may not be written to, or any other failure of the disk.
    """
    try:
        yield
    except OSError as error:
        raise _explained(error, folder, needed, again) from error


def _explained(error: OSError, folder: Path, needed: str, again: str) -> UnmaskError:
    if error.errno in _FULL:
        return MissingError(f"{folder}: no room for {needed}, {_free(folder)} free; make room {again}")
    if error.errno == errno.EFBIG:
        return MissingError(
            f"{folder}: no file may grow to {needed} here; raise the limit (ulimit -f) {again}"
        )
    if error.errno in _READ_ONLY:
        return UnmaskError(
            f"{folder}: cannot write {needed}: {error.strerror}; allow it, or choose another folder"
        )
    if error.errno in _IN_THE_WAY:
        return UnmaskError(f"{folder}: cannot write {needed}: a file is in the way; choose another folder")
    return UnmaskError(f"{folder}: cannot write {needed}: {error.strerror or error}; check the disk {again}")


def _free(folder: Path) -> str:
    try:
        return size_text(shutil.disk_usage(folder).free)
    except OSError:
        return "little"


def size_text(count: int) -> str:
    """Bytes for a person: `61.2 MB`."""
    if count < 1000:
        return f"{count} bytes"
    size = float(count)
    for unit in ("kB", "MB", "GB"):
        size /= 1000
        if size < 1000:
            return f"{size:.1f} {unit}"
    return f"{size / 1000:.1f} TB"


def folder_digest(folder: Path) -> str:
    """Computes 16 hex digits from all names and bytes below a folder."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        data = path.read_bytes()
        digest.update(
            f"{path.relative_to(folder).as_posix()}\0{len(data)}\0".encode("utf-8", "surrogateescape")
        )
        digest.update(data)
    return digest.hexdigest()[:16]
