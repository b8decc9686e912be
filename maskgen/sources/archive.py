"""Tars, read in place: one member at a time, into memory, with a size limit. And several archives as one store."""

import os
import tarfile
import tempfile
import weakref
from bz2 import BZ2File
from collections.abc import Callable
from functools import cached_property
from gzip import GzipFile
from io import BufferedReader
from lzma import LZMAFile
from pathlib import Path
from typing import IO, Any

from maskgen.errors import InputError, MissingError, Skip
from maskgen.files import size_text
from maskgen.images.formats import HEAD_BYTES
from maskgen.reading import open_regular_file
from maskgen.sources.keys import clean_id, unique_ids
from maskgen.sources.leavings import is_left
from maskgen.sources.store import (
    BROKEN_BELOW,
    GONE,
    MAX_FILE_BYTES,
    SAMPLE_BYTES,
    Store,
    broken_archive,
    too_large,
)
from maskgen.sources.zip_archive import ZipStore

MAX_RATIO = 100  # unpacked bytes per packed byte; photos hardly compress, decompression bombs reach 1,000
RATIO_FROM = 64 * 2**20  # unpacked bytes that any archive may have
BROKEN = (tarfile.TarError, *BROKEN_BELOW)
BLOCK = 1 << 20
PACKED_TAR: dict[bytes, Callable[[Any], Any]] = {
    b"\x1f\x8b": lambda packed: GzipFile(fileobj=packed),
    b"BZh": BZ2File,
    b"\xfd7zXZ\0": LZMAFile,
}
LINK = Skip("unreadable", "a link inside an archive is not followed")
SPARSE = Skip("unreadable", "a sparse file inside a tar is not read")
UTF8, AS_BYTES = "utf-8", "surrogateescape"  # of names: not the locale's, so that ids are the same everywhere

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

    def size(self, name: str) -> int | None:
        """Returns a member's number of bytes; None if it cannot be read."""
        span = self._spans.get(name, GONE)
        return None if isinstance(span, Skip) else span[1]

    def sample(self, name: str) -> bytes:
        """Returns some bytes from a member's middle; b"" if it cannot be read."""
        span = self._spans.get(name, GONE)
        return b"" if isinstance(span, Skip) else self._bytes(_middle(span))

    def _bytes(self, span: Span) -> bytes:
        try:
            with open_regular_file(self.path) as file:
                return os.pread(file.fileno(), span[1], span[0])
        except OSError as error:
            raise broken_archive(self.path, error) from error

    @cached_property
    def _spans(self) -> dict[str, Span | Skip]:
        try:
            with BufferedReader(open_regular_file(self.path)) as file:
                return _list_members(file)
        except BROKEN as error:
            raise broken_archive(self.path, error) from error


class PackedTarStore(TarStore):
    """Compressed tar. It can only be read from its start, so it is unpacked once, into an unnamed file."""

    def _bytes(self, span: Span) -> bytes:
        return os.pread(self._spool.fileno(), span[1], span[0])

    @cached_property
    def _spool(self) -> IO[bytes]:
        file = tempfile.TemporaryFile()  # noqa: SIM115 (lives as long as the store)
        weakref.finalize(self, file.close)
        try:
            _unpack(self.path, file)
            return file
        except BROKEN as error:
            raise broken_archive(self.path, error) from error

    @cached_property
    def _spans(self) -> dict[str, Span | Skip]:
        self._spool.seek(0)
        try:
            return _list_members(self._spool)
        except BROKEN as error:
            raise broken_archive(self.path, error) from error


def _unpack(path: Path, out: IO[bytes]) -> None:
    """Writes the tar in a compressed tar to `out`, and checks it by the checksums of the compression.

    Raises:
        InputError: the archive is a decompression bomb.
        MissingError: there is no room for it.
    """
    with open_regular_file(path) as packed:
        allowed = RATIO_FROM + MAX_RATIO * os.fstat(packed.fileno()).st_size
        start = packed.read(len(max(PACKED_TAR, key=len)))
        packed.seek(0)
        unpacker = next(unpacker for magic, unpacker in PACKED_TAR.items() if start.startswith(magic))
        with unpacker(packed) as plain:
            while block := plain.read(BLOCK):
                if out.tell() + len(block) > allowed:
                    raise InputError(
                        f"{path}: unpacks to more than {size_text(allowed)}, far more than photos do: a decompression "
                        "bomb? Unpack it yourself if you trust it, and give the folder"
                    )
                _write(block, out)


def _write(block: bytes, out: IO[bytes]) -> None:
    try:
        out.write(block)
        out.flush()
    except OSError as error:
        raise MissingError(
            f"{tempfile.gettempdir()}: no room to lay out a compressed tar ({error.strerror}). "
            "Set TMPDIR to a larger disk, or unpack the tar and give its folder"
        ) from error


def _list_members(file: IO[bytes]) -> dict[str, Span | Skip]:
    """Lists the members of an open tar by their ids.

    Raises:
        EOFError, and what `tarfile` raises: the tar is cut or damaged.
    """
    with tarfile.open(fileobj=file, mode="r:", encoding=UTF8, errors=AS_BYTES) as tar:
        members = list(tar)
        end = tar.offset  # the size of a sparse member says nothing about its place in the file
    # `tarfile` accepts a tar that was cut between two members, and takes a damaged header for the end.
    if any(os.pread(file.fileno(), 512, end) or b"cut"):
        raise EOFError("no end mark behind its last member")
    kept = [member for member in members if not _ignored(member)]
    ids = unique_ids([member.name for member in kept])
    return dict(zip(ids, map(_span, kept), strict=True))


def _ignored(member: tarfile.TarInfo) -> bool:
    """Tells whether a member is a folder, a device, or what a system left beside photos.

    Links are kept, so that photos that are links are counted.
    """
    return not (member.isreg() or member.islnk() or member.issym()) or is_left(clean_id(member.name))


def _span(member: tarfile.TarInfo) -> Span | Skip:
    if not member.isreg():
        return LINK
    if member.issparse():
        return SPARSE
    return too_large(member.size) if member.size > MAX_FILE_BYTES else (member.offset_data, member.size)


def _middle(span: Span) -> Span:
    return span[0] + span[1] // 2, min(SAMPLE_BYTES, span[1] - span[1] // 2)


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
        found = self._find(name)
        return found[0].head(found[1]) if found else b""

    def read(self, name: str) -> bytes | Skip:
        """Reads a member's bytes, or returns a Skip with the reason."""
        found = self._find(name)
        return found[0].read(found[1]) if found else GONE

    def size(self, name: str) -> int | None:
        """Returns a member's number of bytes; None if it cannot be read."""
        found = self._find(name)
        return found[0].size(found[1]) if found else None

    def sample(self, name: str) -> bytes:
        """Returns a few bytes that tell most members apart; b"" if it cannot be read."""
        found = self._find(name)
        if not found:
            return b""
        return found[0].sample(found[1]) if self._comparable else b"unknown"

    def _find(self, name: str) -> tuple[Store, str] | None:
        """Returns the part that holds an id, and the id within it."""
        part, inner = self._index.get(name, ("", ""))
        return (self._parts[part], inner) if part else None

    @cached_property
    def _comparable(self) -> bool:
        """Tells whether samples of all parts are of one kind: a zip states a checksum, a tar gives bytes."""
        return len({isinstance(store, ZipStore) for store in self._parts.values()}) < 2

    @cached_property
    def _index(self) -> dict[str, tuple[str, str]]:
        pairs = [(part, name) for part, store in self._parts.items() for name in store.names()]
        alone = len({name for _, name in pairs}) == len(pairs)
        return {name if alone else f"{part}/{name}": (part, name) for part, name in pairs}
