r"""Zips, read in place: one member at a time, into memory, with a size limit.

The names in a zip are what its writer made of them, so they are taken as bytes and interpreted here:

    UTF-8      with or without the mark that says so: macOS writes none
    else       the code page of DOS, as the standard says. One badly encoded name does not make the others unreadable
    `a\b.jpg`  of a writer on Windows: a folder and a file
"""

import io
import re
import struct
import weakref
import zipfile
import zlib
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from maskgen.errors import Skip
from maskgen.images.formats import HEAD_BYTES
from maskgen.reading import open_regular_file
from maskgen.sources.keys import clean_id, unique_ids
from maskgen.sources.leavings import is_left
from maskgen.sources.store import BROKEN_BELOW, GONE, MAX_FILE_BYTES, broken_archive, too_large

BROKEN = (zipfile.BadZipFile, *BROKEN_BELOW)
# FAT, HPFS, NTFS, and what some writers call them: `/` cannot be in a name there.
DOS_SYSTEMS = {0, 6, 10, 11, 14}
UTF8_MARK = 0x800
ENTRY = b"PK\1\2"  # start of a member's entry in the directory at the end of a zip
# Places of its flags and of the lengths of name, extra field and comment; its own length.
FLAGS, LENGTHS, ENTRY_BYTES = 8, 28, 46
HEADER, HEADER_FLAGS, HEADER_BYTES = b"PK\3\4", 6, 30  # before the data of a member
UNICODE_NAME = 0x7075  # extra field with the name in UTF-8, where the name itself is in a local code page
DRIVE = re.compile(r"([A-Za-z]):")


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

    def size(self, name: str) -> int | None:
        """Returns a member's number of bytes as the zip states it; None if there is no such member."""
        member = self._zip[1].get(name)
        return member.file_size if member else None

    def sample(self, name: str) -> bytes:
        """Returns a member's checksum as the zip states it: nothing has to be unpacked."""
        member = self._zip[1].get(name)
        return struct.pack("<I", member.CRC) if member else b""

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
        except NotImplementedError as error:  # before RuntimeError, of which it is a kind
            return Skip("unreadable", f"packed in its zip in a way that is not read: {error}")
        except RuntimeError:
            return Skip("unreadable", "encrypted inside its zip")
        except BROKEN as error:
            return Skip("unreadable", f"broken inside its zip: {error}")

    @cached_property
    def _zip(self) -> tuple[zipfile.ZipFile, dict[str, zipfile.ZipInfo]]:
        try:
            raw = _BytesAsNames(open_regular_file(self.path))
            weakref.finalize(self, raw.close)
            file = zipfile.ZipFile(raw)
        except BROKEN as error:
            raise broken_archive(self.path, error) from error
        raw.listing = False
        return file, _by_id(file.infolist())


class _BytesAsNames(io.BufferedReader):
    """Open zip in which no name is marked as UTF-8, so that `zipfile` keeps the bytes of all names.

    It decodes a name without the mark from the code page 437, in which each byte is a character. A name stands in the
    directory, and again in a header before the member's data; `zipfile` reads each of these as a whole.
    """

    listing = True

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        if self.listing and data.startswith(ENTRY):
            return _without_marks(data)
        if size == HEADER_BYTES and data.startswith(HEADER):
            return data[:HEADER_FLAGS] + _unmarked(data, HEADER_FLAGS) + data[HEADER_FLAGS + 2 :]
        return data


def _without_marks(directory: bytes) -> bytes:
    cleared, at = bytearray(directory), 0
    while cleared.startswith(ENTRY, at) and at + ENTRY_BYTES <= len(cleared):
        cleared[at + FLAGS : at + FLAGS + 2] = _unmarked(cleared, at + FLAGS)
        at += ENTRY_BYTES + sum(struct.unpack_from("<HHH", cleared, at + LENGTHS))
    return bytes(cleared)


def _unmarked(data: bytes | bytearray, at: int) -> bytes:
    return struct.pack("<H", struct.unpack_from("<H", data, at)[0] & ~UTF8_MARK)


def _by_id(members: Sequence[zipfile.ZipInfo]) -> dict[str, zipfile.ZipInfo]:
    """Returns the members by their ids, without folders and what systems leave."""
    names = [_name(member) for member in members]
    windows = _is_windows(names)
    names = [
        _with_slashes(name) if windows or member.create_system in DOS_SYSTEMS else name
        for name, member in zip(names, members, strict=True)
    ]
    photos = [i for i, name in enumerate(names) if not name.endswith("/") and not is_left(clean_id(name))]
    ids = unique_ids([names[i] for i in photos])
    return dict(zip(ids, (members[i] for i in photos), strict=True))


def _name(member: zipfile.ZipInfo) -> str:
    """Decodes the name of a member."""
    raw = member.orig_filename.encode("cp437").partition(b"\0")[0]
    if raw.isascii():
        return raw.decode("ascii")
    try:
        return (_unicode_name(member.extra, raw) or raw).decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("cp437")


def _unicode_name(extra: bytes, raw: bytes) -> bytes:
    """Finds the name in UTF-8 among the extra fields; b"" if there is none, or it belongs to another name."""
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, at)
        field = extra[at + 4 : at + 4 + length]
        if kind == UNICODE_NAME and len(field) > 5 and field[1:5] == struct.pack("<I", zlib.crc32(raw)):
            return field[5:]
        at += 4 + length
    return b""


def _is_windows(names: Sequence[str]) -> bool:
    r"""Tells whether most names of a zip separate folders with `\`, and none with `/`, whatever its writer says."""
    return 2 * sum("\\" in name for name in names) > len(names) and not any("/" in name for name in names)


def _with_slashes(name: str) -> str:
    r"""Converts `\` to `/` in a name without `/`, and a drive `C:` to a folder `C_`."""
    return DRIVE.sub(r"\1_", name.replace("\\", "/"), count=1) if "\\" in name and "/" not in name else name
