"""Reading of files that anyone may have made: only regular files, only so many bytes, only so deeply nested.

A path may name a pipe that nobody writes to, a device that never ends, or a sparse file of many terabytes; it may also
become one of these between the listing of its folder and the reading. All of these are an `OSError` here, whose
`strerror` says in plain words what is wrong, so that a caller handles them like a missing permission.
"""

import errno
import json
import os
import re
import stat
import sys
from io import FileIO
from os import PathLike
from typing import Any

from maskgen.files import size_text

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

TEXT_BYTES = 16 * 2**20  # of settings, templates and lists that people write
JSON_BYTES = 4 * 2**30  # of the plan and the facts of a data set of tens of millions of photos
PHOTO_BYTES = 128 * 2**20
WEIGHT_BYTES = 16 * 2**30
LEVELS = 100  # of nested lists and tables in JSON and TOML

_BLOCK = 1 << 16
_LONG_KEY = re.compile(rf"(?<![\w-])(?:[\w-]+[ \t]*\.[ \t]*){{{LEVELS}}}")
_TEXTS = re.compile(
    r'"""(?:\\.|[^\\])*?"""|\'\'\'.*?\'\'\'|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\'|#[^\n]*', re.DOTALL
)
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


def open_regular_file(path: str | PathLike[str], limit: int | None = None) -> FileIO:
    """Opens a regular file for reading, unbuffered; never waits for the writer of a pipe.

    Args:
        path: the path; links are followed.
        limit: largest number of bytes allowed; None for any.

    Returns:
        The open file.

    Raises:
        OSError: it is missing or may not be read, is a folder, pipe, device or socket, or is too large.
    """
    found = _stat(path)
    if not stat.S_ISDIR(found.st_mode):  # a folder is opened, to learn whether it may be
        _checked(found, path, limit)  # opening a device can have effects of its own
    descriptor = os.open(path, _FLAGS)
    try:
        _checked(os.fstat(descriptor), path, limit)
        return FileIO(descriptor, "rb")
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
        data = file.read(asked) or b""  # None of a file of /proc that would have to be waited for
        if len(data) == asked - 1 and data:  # the end was seen: the byte behind it was asked for
            return data
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
        ValueError: it is not JSON, or is nested more than `LEVELS` deep.
    """
    try:
        return _shallow(json.loads(data))
    except RecursionError:
        raise _too_deep() from None


def parse_toml(data: bytes | str) -> dict[str, Any]:
    """Parses TOML, with or without a byte-order mark.

    Raises:
        ValueError: it is not TOML, or is nested more than `LEVELS` deep.
    """
    text = data.decode("utf-8-sig") if isinstance(data, bytes) else data
    if _LONG_KEY.search(_TEXTS.sub("a", text)):  # the parser takes memory by the square of a key's parts
        raise _too_deep()
    try:
        tree: dict[str, Any] = _shallow(tomllib.loads(text))
    except RecursionError:
        raise _too_deep() from None
    return tree


def reason_of(error: Exception) -> str:
    """Returns the reason of an error in plain words: an `OSError` without its number and path."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return f"{error} is missing" if isinstance(error, KeyError) else str(error) or type(error).__name__


def _shallow(tree: Any) -> Any:
    """Returns a tree unchanged; what walks over it later may recurse.

    Raises:
        ValueError: it has more than `LEVELS` levels.
    """
    level = [node for node in (tree,) if isinstance(node, (dict, list))]
    for _ in range(LEVELS):
        if not level:
            return tree
        inside = (node.values() if isinstance(node, dict) else node for node in level)
        level = [node for nodes in inside for node in nodes if isinstance(node, (dict, list))]
    raise _too_deep()


def _too_deep() -> ValueError:
    return ValueError(f"its values are nested too deeply, more than {LEVELS} levels")


def _stat(path: str | PathLike[str]) -> os.stat_result:
    try:
        return os.stat(path)  # noqa: PTH116 (a `Path` would cost more than the call)
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
