"""Digest of weight files: part of every file that unmask writes, checked before anything in the file is used.

The digest stands in the file as `unmask-sha256:` and 64 hexadecimal digits: in the metadata of .safetensors and .onnx
under the key `digest`, in a .pt (a zip archive) as the archive's comment. It is the SHA-256 of the whole file with
these 64 digits replaced by zeros, so it covers every byte. The key is a second mark: a file with the key and without a
digest is damaged, not an older file.

Files without a digest are older, or foreign. The shipped ones are known by their SHA-256; the others are read with a
warning, because nothing in them tells whether they are sound.
"""

import hashlib
import re
import struct
import warnings
import zipfile
from io import BytesIO
from pathlib import Path

from maskgen.assets import shipped_models
from maskgen.errors import InputError
from maskgen.reading import WEIGHT_BYTES, read_regular_file

KEY = "digest"
MARK = "unmask-sha256:"
UNSEALED = MARK + "0" * 64  # to be put into a file's metadata before `sealed`
IN_COMMENT = "the comment of this archive"  # value of the key in a .pt
_FOUND = re.compile(re.escape(MARK).encode() + b"([0-9a-f]{64})")
# What stays of a digest whose own bytes are damaged: the key in JSON, the key in protobuf, the text in a .pt.
_TRACES = (MARK.encode(), b'"digest":"', b"\x0a\x06digest", IN_COMMENT.encode())
_ZIP_END = struct.Struct("<4s4H2LH")


class UncheckedFile(UserWarning):
    """Warning that a file has no digest, so that damage of it would not be noticed."""


def sealed(data: bytes) -> bytes:
    """Puts the digest into a file.

    Args:
        data: the bytes of the file, with `UNSEALED` once.

    Returns:
        The bytes with the digest in its place.
    """
    places = [*_FOUND.finditer(data)]
    assert len(places) == 1, f"{len(places)} places for the digest"
    start, end = places[0].span(1)
    return data[:start] + _digest(data, start, end) + data[end:]


def sealed_archive(data: bytes) -> bytes:
    """Puts the digest into a zip archive without a comment, as its comment.

    Args:
        data: the bytes of the archive.

    Returns:
        The bytes of the archive with its comment.
    """
    end = _ZIP_END.unpack_from(data, len(data) - _ZIP_END.size)
    assert end[0] == b"PK\5\6", "the archive has a comment already"
    return sealed(data[:-2] + struct.pack("<H", len(UNSEALED)) + UNSEALED.encode())


def check_digest(data: bytes, origin: object) -> bool:
    """Checks the digest of a file.

    Args:
        data: the bytes of the file.
        origin: path of the file, for messages.

    Returns:
        True if the file is as it was written, or a shipped one; False if it has no digest: see `warn_of_unchecked`.

    Raises:
        InputError: the file was changed since it was written, or is a changed copy of a shipped file.
    """
    places = [*_FOUND.finditer(data)]
    if len(places) == 1 and _digest(data, *places[0].span(1)) == places[0][1]:
        return True
    if places:
        raise damaged(origin, "its digest does not match its content")
    if any(trace in data for trace in _TRACES):
        raise damaged(origin, "its digest is broken")
    models = shipped_models()
    if hashlib.sha256(data).hexdigest() in {str(entry["sha256"]) for entry in models.values()}:
        return True
    for entry in models.values():
        name = Path(str(entry["file"]))
        if len(data) == entry["bytes"] and name.suffix == Path(str(origin)).suffix:
            raise damaged(origin, f"it is as long as the shipped {name}, but differs from it")
    return False


def warn_of_unchecked(origin: object) -> None:
    """Warns that a file has no digest."""
    warnings.warn(
        f"{origin}: has no digest, so damage of it would not be noticed. It was written by an early version of unmask "
        "or by another program; save or export the networks again to have one",
        UncheckedFile,
        stacklevel=3,
    )


def check_file(path: str | Path) -> bool:
    """Checks a file of weights, a checkpoint or an exported file by the digest in it, without loading it.

    Args:
        path: a .safetensors, .pt or .onnx file that unmask wrote.

    Returns:
        True if the file is as it was written; False if it has no digest and is not a shipped file.

    Raises:
        InputError: it cannot be read, or was changed since it was written.

    Example:
        >>> from maskgen.assets import asset
        >>> check_file(asset("models/unmask.onnx"))
        True
    """
    return check_digest(read_weight_file(Path(path)), path)


def read_weight_file(path: Path) -> bytes:
    """Reads the bytes of a file of weights.

    Raises:
        InputError: there is no such file, or it cannot be read.
    """
    try:
        return read_regular_file(path, WEIGHT_BYTES)
    except FileNotFoundError as error:
        raise InputError(f"{path}: there is no such file; name a run folder or a file of weights") from error
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read: {error.strerror or error}. Name a file that unmask wrote"
        ) from error


def check_members(data: bytes, origin: object) -> None:
    """Checks the CRC-32 of each member of a zip archive, which torch does not do.

    Raises:
        InputError: the archive is damaged.
    """
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            broken = archive.testzip()
    except (OSError, ValueError, EOFError, RuntimeError, struct.error, zipfile.BadZipFile) as error:
        raise damaged(origin, "it is truncated, or of another format") from error
    if broken is not None:
        raise damaged(origin, f"the checksum of {broken} in it does not match")


def damaged(origin: object, why: str) -> InputError:
    """Builds the error of a damaged file."""
    return InputError(f"{origin}: the file is damaged: {why}; copy it again, or write it anew")


def _digest(data: bytes, start: int, end: int) -> bytes:
    """Computes the digest, with zeros from `start` to `end`."""
    view, digest = memoryview(data), hashlib.sha256()
    for part in (view[:start], b"0" * (end - start), view[end:]):
        digest.update(part)
    return digest.hexdigest().encode()
