"""Zips and tars, read in place: one member at a time, into memory, with a size limit."""

import os
import tarfile
import tempfile
import weakref
import zipfile
import zlib
from functools import cached_property
from lzma import LZMAError
from pathlib import Path
from typing import IO, Any

from maskgen.errors import InputError, MissingError, Skip
from maskgen.images.codecs import HEAD_BYTES
from maskgen.sources.keys import clean_id
from maskgen.sources.store import MAX_FILE_BYTES, Store, too_large

MAX_RATIO = 100  # unpacked bytes per packed byte; photos hardly compress, decompression bombs reach 1,000
RATIO_FROM = 64 * 2**20  # unpacked bytes that any archive may have
BROKEN = (
    *(tarfile.TarError, zipfile.BadZipFile, zlib.error, LZMAError),
    *(EOFError, OSError, ValueError, NotImplementedError),  # raised by the layers below the readers
)
LINK = Skip("unreadable", "a link inside an archive is not followed")
GONE = Skip("vanished", "the archive has changed since it was listed")

Span = tuple[int, int]  # offset and length in bytes


class TarStore:
    """Uncompressed tar. Members are read by their offset, so a worker keeps no file open."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path}

    def names(self) -> list[str]:
        """Lists the ids of all members, sorted."""
        return sorted(self._spans)

    def head(self, name: str) -> bytes:
        """Reads the first bytes of a member; b"" if it cannot be read."""
        span = self._spans.get(name, GONE)
        return b"" if isinstance(span, Skip) else self._bytes((span[0], min(span[1], HEAD_BYTES)))

    def read(self, name: str) -> bytes | Skip:
        """Reads a member's bytes, or returns Skip: vanished, too_large, unreadable (links)."""
        span = self._spans.get(name, GONE)
        if isinstance(span, Skip):
            return span
        data = self._bytes(span)
        return data if len(data) == span[1] else GONE

    def _bytes(self, span: Span) -> bytes:
        try:
            with self.path.open("rb", buffering=0) as file:
                return os.pread(file.fileno(), span[1], span[0])
        except OSError as error:
            raise _broken(self.path, error) from error

    @cached_property
    def _spans(self) -> dict[str, Span | Skip]:
        try:
            with tarfile.open(self.path, "r:") as tar:
                members = list(tar)
        except BROKEN as error:
            raise _broken(self.path, error) from error
        end = max((member.offset_data + -(-member.size // 512) * 512 for member in members), default=0)
        # `tarfile` accepts a tar that was cut between two members.
        if any(self._bytes((end, 512)) or b"cut"):
            raise _broken(self.path, EOFError("no end mark behind its last member"))
        return {clean_id(member.name): _span(member) for member in members if not _ignored(member)}


class PackedTarStore:
    """Compressed tar. It can only be read from its start, so its members are unpacked once into an unnamed file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path}

    def names(self) -> list[str]:
        """Lists the ids of all members, sorted."""
        return sorted(self._spool[1])

    def head(self, name: str) -> bytes:
        """Reads the first bytes of a member; b"" if it cannot be read."""
        data = self.read(name)
        return b"" if isinstance(data, Skip) else data[:HEAD_BYTES]

    def read(self, name: str) -> bytes | Skip:
        """Reads a member's bytes, or returns Skip: vanished, too_large, unreadable (links)."""
        file, spans = self._spool
        span = spans.get(name, GONE)
        return span if isinstance(span, Skip) else os.pread(file.fileno(), span[1], span[0])

    @cached_property
    def _spool(self) -> tuple[IO[bytes], dict[str, Span | Skip]]:
        file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 (lives as long as the store)
        weakref.finalize(self, file.close)
        try:
            return file, _lay_out(self.path, file)
        except BROKEN as error:
            raise _broken(self.path, error) from error


def _lay_out(path: Path, out: IO[bytes]) -> dict[str, Span | Skip]:
    """Writes all members to `out`, one after the other, and returns their spans.

    Raises:
        InputError: the archive is a decompression bomb; found before its bytes are unpacked.
    """
    allowed = RATIO_FROM + MAX_RATIO * path.stat().st_size
    spans: dict[str, Span | Skip] = {}
    with tarfile.open(path, "r|*") as tar:
        for member in tar:
            if member.offset_data + member.size > allowed:
                raise InputError(
                    f"{path}: {member.name!r} unpacks to {member.size} bytes, far more than photos do: a decompression "
                    "bomb? Unpack it yourself if you trust it, and give the folder"
                )
            if _ignored(member):
                continue
            span = _span(member)
            if not isinstance(span, Skip):
                span = (out.tell(), _append(tar, member, out))
            spans[clean_id(member.name)] = span
    return spans


def _append(tar: tarfile.TarFile, member: tarfile.TarInfo, out: IO[bytes]) -> int:
    packed = tar.extractfile(member)
    assert packed is not None, "only plain files get here"
    data = packed.read()
    try:
        return out.write(data)
    except OSError as error:
        raise MissingError(
            f"{tempfile.gettempdir()}: no room to lay out a compressed tar ({error.strerror}). "
            "Set TMPDIR to a larger disk, or unpack the tar and give its folder"
        ) from error


def _ignored(member: tarfile.TarInfo) -> bool:
    """Tells whether a member is a folder or a device. Links are kept, so that photos that are links are counted."""
    return not (member.isreg() or member.islnk() or member.issym())


def _span(member: tarfile.TarInfo) -> Span | Skip:
    if not member.isreg() or member.issparse():
        return LINK
    return too_large(member.size) if member.size > MAX_FILE_BYTES else (member.offset_data, member.size)


class ZipStore:
    """Zip archive."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path}

    def names(self) -> list[str]:
        """Lists the ids of all members, sorted."""
        return sorted(self._zip[1])

    def head(self, name: str) -> bytes:
        """Reads the first bytes of a member; b"" if it cannot be read."""
        data = self._unpack(name, HEAD_BYTES)
        return b"" if isinstance(data, Skip) else data

    def read(self, name: str) -> bytes | Skip:
        """Reads a member's bytes, or returns Skip: vanished, too_large, unreadable (broken, encrypted)."""
        return self._unpack(name, MAX_FILE_BYTES + 1)

    def _unpack(self, name: str, most: int) -> bytes | Skip:
        file, members = self._zip
        member = members.get(name)
        if member is None:
            return GONE
        if member.file_size > MAX_FILE_BYTES:
            return too_large(member.file_size)
        try:
            with file.open(member) as packed:
                return packed.read(most)
        except RuntimeError:
            return Skip("unreadable", "encrypted inside its zip")
        except BROKEN as error:
            return Skip("unreadable", f"broken inside its zip: {error}")

    @cached_property
    def _zip(self) -> tuple[zipfile.ZipFile, dict[str, zipfile.ZipInfo]]:
        try:
            file = zipfile.ZipFile(self.path)
        except BROKEN as error:
            raise _broken(self.path, error) from error
        return file, {clean_id(member.filename): member for member in file.infolist() if not member.is_dir()}


class ArchiveSet:
    """Several archives as one store, such as the parts or the shards of a data set."""

    def __init__(self, path: Path, parts: dict[str, Store]) -> None:
        """Joins `parts`, name -> store. If two hold the same id, all ids are prefixed with their part's name."""
        self.path = path
        self._parts = parts

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path, "_parts": self._parts}

    def names(self) -> list[str]:
        """Lists the ids of all members of all parts, sorted."""
        return sorted(self._index)

    def head(self, name: str) -> bytes:
        """Reads the first bytes of a member; b"" if it cannot be read."""
        part, inner = self._index.get(name, ("", ""))
        return self._parts[part].head(inner) if part else b""

    def read(self, name: str) -> bytes | Skip:
        """Reads a member's bytes, or returns a Skip with the reason."""
        part, inner = self._index.get(name, ("", ""))
        return self._parts[part].read(inner) if part else GONE

    @cached_property
    def _index(self) -> dict[str, tuple[str, str]]:
        pairs = [(part, name) for part, store in self._parts.items() for name in store.names()]
        alone = len({name for _, name in pairs}) == len(pairs)
        return {name if alone else f"{part}/{name}": (part, name) for part, name in pairs}


def _broken(path: Path, error: Exception) -> InputError:
    return InputError(f"{path}: cannot be read as an archive: {error}. It may be cut short: fetch it again")
