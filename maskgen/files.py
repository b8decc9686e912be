"""Atomic writes: a file is written under a temporary name, flushed to the disk, then renamed. Errors of the disk.

The temporary name contains the process id and a random number, so that a writer that outlives its killed parent never
shares a temporary file with the next run.
"""

import errno
import hashlib
import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path

from maskgen.errors import InputError, MissingError, UnmaskError, UsageError

PART = ".part"
NAME_BYTES = 255  # of the longest name of a file that common file systems hold
WORK = ".work"  # folder in a data set for files that are not part of it: the plan, temporary files, locks
CARD, FACTS = "README.md", "dataset.json"  # files that describe a data set as a whole
RECORDS = "records"  # folder in a data set for the records of its shards
RESUME = "and give the same command again: it goes on where it stopped"
_FULL = {errno.ENOSPC, errno.EDQUOT}
_READ_ONLY = {errno.EROFS, errno.EACCES, errno.EPERM}
_IN_THE_WAY = {errno.ENOTDIR, errno.EEXIST, errno.EISDIR}


def part_path(folder: Path, name: str) -> Path:
    """Returns a unique temporary path in `folder` for writing `name`; a long name is cut, so that the disk holds it."""
    mark = f".{os.getpid()}-{secrets.token_hex(4)}{PART}"
    cut = os.fsencode(name)[: NAME_BYTES - len(mark)].decode("utf-8", "ignore")
    return folder / f"{cut}{mark}"


def record_path(folder: Path, name: str) -> Path:
    """Returns the path of the record of a shard in a data set; `name` is such as `train-000000`.

    Readers of other programs take a `.json` beside a tar for data or for their own index, so records are in a folder of
    their own, with a suffix that none of them knows.
    """
    return folder / RECORDS / f"{name}.record"


def older_record_path(folder: Path, name: str) -> Path:
    """Returns the path of the record of a shard in data sets of early builds: beside the tar."""
    return folder / f"{name}.json"


def write_atomic(path: Path, data: bytes, work: Path | None = None) -> None:
    """Writes `data` to `path` atomically: a kill or a full disk leaves the old file or the new one, never a part.

    In a data set the temporary file is written to the work folder, so that a kill leaves nothing beside the shards.

    Args:
        path: the file.
        data: its new content.
        work: folder for the temporary file, if it exists, on the same disk; default: the work folder beside the file.

    Raises:
        MissingError: the disk is full.
        UnmaskError: the folder cannot be written to.
    """
    work = work or path.parent / WORK
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
    """Checks that a file can be written at `path`, before hours of work whose result it will hold; makes its folder.

    Raises:
        UsageError: `path` is a folder.
        MissingError: the disk is full.
        UnmaskError: the folder cannot be written to.
    """
    if path.is_dir():
        raise UsageError(f"{path}: is a folder; name a file in it")
    make_folder(path.parent)
    part = part_path(path.parent, path.name)
    with disk_errors(path.parent, path.name):
        part.touch(exist_ok=False)
        remove(part)


def open_own(path: str, flags: int) -> int:
    """Opens a file that only unmask writes; give it to `open` as its `opener`.

    What has the file's name need not be a file: a link may lead to a file of others, and a pipe would be waited for.

    Raises:
        UsageError: a link, a pipe, a device or a folder has its name.
        OSError: it cannot be opened.
    """
    with suppress(FileNotFoundError):
        mode = os.lstat(path).st_mode
        if not stat.S_ISREG(mode):
            kinds = {stat.S_IFLNK: "link", stat.S_IFIFO: "pipe", stat.S_IFDIR: "folder"}
            kind = kinds.get(stat.S_IFMT(mode), "device")
            raise UsageError(f"{path}: is a {kind}, where a file of unmask belongs; move it away")
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0), 0o666)


def make_folder(folder: Path, needed: str = "this folder") -> None:
    """Makes a folder and its parents, if they do not exist.

    Args:
        folder: the folder.
        needed: what could not be written, for the message.

    Raises:
        MissingError: the disk is full.
        UnmaskError: a file is in the way, or permission is denied.
    """
    with disk_errors(folder, needed):
        folder.mkdir(parents=True, exist_ok=True)


def held_files(folder: Path) -> list[str]:
    """Lists the first files in a folder and its subfolders by relative path, except hidden ones (`.gitkeep`, `.work/`).

    If there are more than three, the list holds three and "...". A missing or unreadable folder gives an empty list.
    """
    found: list[str] = []
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        below = Path(place).relative_to(folder)
        found += [(below / name).as_posix() for name in sorted(files) if not name.startswith(".")]
        if len(found) > 3:
            return [*found[:3], "..."]
    return found


def fitting_path(stem: str, end: str) -> str:
    """Joins a path without suffix and the end of its file name, cut in between to the bytes that the disk holds."""
    folder, slash, name = stem.rpartition("/")
    name = name.encode()[: NAME_BYTES - len(end.encode())].decode("utf-8", "ignore")
    return f"{folder}{slash}{name}{end}"


def remove(path: Path) -> None:
    """Deletes a file if it exists. Errors are ignored: a read-only folder is reported when it is written to."""
    with suppress(OSError):
        path.unlink()


def write_all(file: FileIO, data: bytes) -> None:
    """Writes all bytes to an unbuffered file: a disk that is nearly full takes a part, and fails at the next call."""
    while data:
        data = data[file.write(data) :]


def sync(descriptor: int) -> None:
    """Flushes an open file to the disk."""
    os.fsync(descriptor)


def sync_folder(folder: Path) -> None:
    """Flushes a folder's directory entries to the disk, on systems that can open folders."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def whole(target: Path) -> Iterator[Path]:
    """Yields a temporary path for a file written by another library; renames it on success, removes it on failure.

    If the file turns out not to be wanted, the caller deletes the temporary file.
    """
    part = part_path(target.parent, f".{target.name}")
    try:
        yield part
        if part.exists():
            part.rename(target)
    finally:
        remove(part)


@contextmanager
def disk_errors(folder: Path, needed: str, again: str = RESUME) -> Iterator[None]:
    """Converts an `OSError` of a write into an error whose message fits one line.

    Args:
        folder: folder that is written to.
        needed: what is written, with its size if known.
        again: what to do after the cause is fixed.

    Raises:
        MissingError: the disk is full, or the file exceeds a size limit.
        InputError: the name or path is too long.
        UnmaskError: the folder cannot be written to, or any other failure of the disk.
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
    if error.errno == errno.ENAMETOOLONG:
        return InputError(
            f"{folder}: cannot write {needed}: its name or path is too long; choose a shorter one"
        )
    if error.errno in _IN_THE_WAY:
        return UnmaskError(f"{folder}: cannot write {needed}: a file is in the way; choose another folder")
    return UnmaskError(f"{folder}: cannot write {needed}: {error.strerror or error}; check the disk {again}")


def _free(folder: Path) -> str:
    try:
        return size_text(shutil.disk_usage(folder).free)
    except OSError:
        return "little"


def visible(text: object) -> str:
    """Makes control characters and invalid bytes of a text, such as a file name, visible: it fits one line."""
    clean = str(text).encode("utf-8", "backslashreplace").decode("utf-8")
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode("ascii")
        for letter in clean
    )


def size_text(count: int) -> str:
    """Formats a number of bytes for people: `61.2 MB`."""
    if count < 1000:
        return f"{count} bytes"
    size = float(count)
    for unit in ("kB", "MB", "GB"):
        size /= 1000
        if size < 1000:
            return f"{size:.1f} {unit}"
    return f"{size / 1000:.1f} TB"


def folder_digest(folder: Path) -> str:
    """Computes 16 hex digits of a hash of all names and bytes below a folder."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        data = path.read_bytes()
        digest.update(
            f"{path.relative_to(folder).as_posix()}\0{len(data)}\0".encode("utf-8", "surrogateescape")
        )
        digest.update(data)
    return digest.hexdigest()[:16]
