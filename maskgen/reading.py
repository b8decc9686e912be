"""Reading of files that anyone may have made: only regular files, only so many bytes, only so deeply nested.

A path may name a pipe that nobody writes to, a device that never ends, or a sparse file of many terabytes; it may also
become one of these between the listing of its folder and the reading. All of these are an `OSError` here, whose
`strerror` says in plain words what is wrong, so that a caller handles them like a missing permission.
"""

import errno
import json
import os
import stat
import sys
from os import PathLike
from pathlib import Path
from typing import Any, BinaryIO

from maskgen.files import size_text

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

TEXT_BYTES = 16 * 2**20  # of settings, templates and lists that people write
JSON_BYTES = 4 * 2**30  # of the plan and the facts of a data set of tens of millions of photos
PHOTO_BYTES = 128 * 2**20
WEIGHT_BYTES = 16 * 2**30

_BLOCK = 1 << 16
# A pipe is opened without waiting for its writer, a terminal without making it the program's own.
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)
_KINDS = (
    (stat.S_ISDIR, errno.EISDIR, "is a folder, not a file"),
    (stat.S_ISFIFO, errno.EINVAL, "is a pipe, not a file; save what it gives to a file"),
    (stat.S_ISCHR, errno.EINVAL, "is a device, not a file"),
    (stat.S_ISBLK, errno.EINVAL, "is a device, not a file"),
    (stat.S_ISSOCK, errno.EINVAL, "is a socket, not a file"),
)


def check_regular_file(path: str | PathLike[str], limit: int | None = None) -> int:
    """Checks that a path names a regular file, before another library opens it by its name.

    Args:
        path: the path; links are followed.
        limit: largest number of bytes allowed; None for any.

    Returns:
        The size in bytes.

    Raises:
        OSError: it is missing or may not be read, is a folder, pipe, device or socket, or is too large.
    """
    return _checked(_stat(path), path, limit)


def open_regular_file(path: str | PathLike[str], limit: int | None = None) -> BinaryIO:
    """Opens a regular file for reading, unbuffered; never waits for the writer of a pipe.

    Args:
        path: the path; links are followed.
        limit: largest number of bytes allowed; None for any.

    Returns:
        The open file.

    Raises:
        OSError: it is missing or may not be read, is a folder, pipe, device or socket, or is too large.
    """
    _checked(_stat(path), path, limit)  # opening a device can have effects of its own
    descriptor = os.open(path, _FLAGS)
    try:
        _checked(os.fstat(descriptor), path, limit)
        return os.fdopen(descriptor, "rb", buffering=0)
    except BaseException:
        os.close(descriptor)
        raise


def read_regular_file(path: str | PathLike[str], limit: int) -> bytes:
    """Reads a whole regular file of at most `limit` bytes.

    Raises:
        OSError: it is missing or may not be read, is a folder, pipe, device or socket, or is too large.
    """
    with open_regular_file(path, limit) as file:
        asked = os.fstat(file.fileno()).st_size + 1
        data = file.read(asked)
        while more := file.read(
            max(asked - len(data), _BLOCK)
        ):  # it grows, or is a file of /proc with "0 bytes"
            data += more
            if len(data) > limit:
                raise _too_large(len(data), path, limit)
    return data


def parse_json(data: bytes | str) -> Any:
    """Parses JSON.

    Raises:
        ValueError: it is not JSON, or is nested too deeply.
    """
    try:
        return json.loads(data)
    except RecursionError:
        raise ValueError("its values are nested too deeply") from None


def parse_toml(data: bytes | str) -> dict[str, Any]:
    """Parses TOML, with or without a byte-order mark.

    Raises:
        ValueError: it is not TOML, or is nested too deeply.
    """
    text = data.decode("utf-8-sig") if isinstance(data, bytes) else data
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ValueError("its values are nested too deeply") from None


def _stat(path: str | PathLike[str]) -> os.stat_result:
    try:
        return Path(path).stat()
    except ValueError as error:  # a NUL character
        raise OSError(errno.EINVAL, f"is no path: {error}", str(path)) from None


def _checked(found: os.stat_result, path: str | PathLike[str], limit: int | None) -> int:
    for is_kind, code, what in _KINDS:
        if is_kind(found.st_mode):
            raise OSError(code, what, str(path))
    if limit is not None and found.st_size > limit:
        raise _too_large(found.st_size, path, limit)
    return found.st_size


def _too_large(size: int, path: str | PathLike[str], limit: int) -> OSError:
    return OSError(errno.EFBIG, f"has {size_text(size)}, at most {size_text(limit)} are allowed", str(path))
