"""Row 57 of the fault matrix: names in archives, and members that cannot be read, as other programs write them."""

import bz2
import gzip
import io
import lzma
import os
import pickle
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest

from maskgen.errors import InputError, Skip
from maskgen.images.codecs import encode_jpeg
from maskgen.settings import SourceSettings
from maskgen.sources import Source, build_source, key_base, load
from maskgen.sources.keys import unique_ids
from maskgen.sources.zip_archive import ZipStore
from maskgen.types import Photo

pytestmark = pytest.mark.fault

JPEG = encode_jpeg(np.full((40, 40, 3), 90, np.uint8), 90)
SHAPES = ["folder", "set.zip", "set.tar", "set.tar.gz"]
ARCHIVES = SHAPES[1:]
TARS = SHAPES[2:]
DOS, UNIX = 0, 3  # system that made a member of a zip


def photo(number: int) -> bytes:
    """Makes a different JPEG for each number: bytes after the end are ignored, but make the files differ."""
    return JPEG + number.to_bytes(4, "big")


def source_of(path: Path, people: str = "auto") -> Source:
    source = build_source(SourceSettings.model_validate({"src": str(path), "people": people}))
    refs = source.refs()
    copy: Source = pickle.loads(pickle.dumps(source))  # as a worker gets it
    assert [copy.read(ref) for ref in refs] == [source.read(ref) for ref in refs]
    return source


def found_in(source: Source) -> dict[str, int | str]:
    """Returns for each id the number of its photo, or the reason of its skip."""
    found: dict[str, int | str] = {}
    for ref in source.refs():
        data, loaded = source.read(ref), load(source, ref, SourceSettings())
        if isinstance(loaded, Photo):
            assert isinstance(data, bytes)
            found[ref.id] = int.from_bytes(data[-4:], "big")
        else:
            found[ref.id] = loaded.reason
    return found


def member_of(name: bytes | str, size: int) -> tarfile.TarInfo:
    header = tarfile.TarInfo(name if isinstance(name, str) else name.decode("utf-8", "surrogateescape"))
    header.size = size
    return header


def write(path: Path, names: list[bytes | str], system: int = UNIX) -> Path:
    """Writes photos 0, 1, ... under these names, into a folder, a zip or a tar; bytes are written as they are."""
    if path.suffix == "":
        for number, name in enumerate(names):
            raw = os.fsencode(path) + b"/" + (name.encode() if isinstance(name, str) else name)
            os.makedirs(os.path.dirname(raw), exist_ok=True)  # noqa: PTH103, PTH120 (names that are no text)
            with open(raw, "wb") as file:  # noqa: PTH123
                file.write(photo(number))
    elif path.suffix == ".zip":
        write_zip(path, names, system)
    else:
        with tarfile.open(path, "w:gz" if path.suffix == ".gz" else "w", errors="surrogateescape") as tar:
            for number, name in enumerate(names):
                tar.addfile(member_of(name, len(photo(number))), io.BytesIO(photo(number)))
    return path


def write_zip(path: Path, names: list[bytes | str], system: int = UNIX, flags: int | None = None) -> None:
    """Writes a zip by its format: `zipfile` itself writes no name twice without a warning, and no wrong name.

    Names that are bytes get `flags`, by default the mark of UTF-8, whatever they are.
    """
    body, directory = bytearray(), bytearray()
    for number, name in enumerate(names):
        raw = name.encode() if isinstance(name, str) else name
        mark = 0x800 if flags is None or isinstance(name, str) else flags
        data = photo(number)
        common = struct.pack(
            "<HHHHHIIIHH", 20, mark, 0, 0, 33, zlib.crc32(data), len(data), len(data), len(raw), 0
        )
        place = len(body)
        body += b"PK\3\4" + common + raw + data
        directory += b"PK\1\2" + struct.pack("<BB", 20, system) + common
        directory += struct.pack("<HHHII", 0, 0, 0, 0, place) + raw
    end = struct.pack("<HHHHIIH", 0, 0, len(names), len(names), len(directory), len(body), 0)
    path.write_bytes(bytes(body + directory) + b"PK\5\6" + end)


@pytest.mark.parametrize("shape", ARCHIVES)
def test_row57_every_member_of_equal_name_is_a_photo_and_the_last_keeps_the_name(tmp_path, shape):
    names = ["a/x.jpg", "b.jpg", "a/x.jpg", "a/x~1.jpg", "a/x.jpg"]
    source = source_of(write(tmp_path / shape, names))
    assert found_in(source) == {"a/x~2.jpg": 0, "b.jpg": 1, "a/x~3.jpg": 2, "a/x~1.jpg": 3, "a/x.jpg": 4}
    assert len({key_base(ref) for ref in source.refs()}) == len(names)


@pytest.mark.parametrize("shape", ARCHIVES)
def test_row57_names_that_collide_after_cleaning_are_all_photos(tmp_path, shape):
    names = ["__/a.jpg", "../a.jpg", "/b.jpg", "_/b.jpg", "c.jpg", "./c.jpg", "d//e.jpg"]
    assert found_in(source_of(write(tmp_path / shape, names))) == {
        "__/a.jpg": 0,
        "__/a~1.jpg": 1,
        "_/b~1.jpg": 2,
        "_/b.jpg": 3,
        "c.jpg": 4,
        "c~1.jpg": 5,
        "d/e.jpg": 6,
    }


@pytest.mark.parametrize("shape", ["folder", *TARS])
def test_row57_a_name_that_is_not_utf8_does_not_hide_its_escaped_twin(tmp_path, shape):
    names: list[bytes | str] = [b"caf\xe9.jpg", "caf\\xe9.jpg", b"\xff/\xfe\xfd", "ünï.jpg"]
    found = found_in(source_of(write(tmp_path / shape, names)))
    assert found == {"caf\\xe9~1.jpg": 0, "caf\\xe9.jpg": 1, "\\xff/\\xfe\\xfd": 2, "ünï.jpg": 3}


@pytest.mark.parametrize("shape", TARS)
def test_row57_ids_in_a_tar_do_not_depend_on_the_locale(tmp_path, shape, monkeypatch):
    monkeypatch.setattr(tarfile.TarFile, "format", tarfile.GNU_FORMAT)  # the other format is always UTF-8
    path = write(tmp_path / shape, ["Zoë/ünï.jpg", b"caf\xe9.jpg"])
    monkeypatch.setattr(tarfile.TarFile, "encoding", "iso8859-1")
    assert found_in(source_of(path)) == {"Zoë/ünï.jpg": 0, "caf\\xe9.jpg": 1}


def test_row57_one_badly_encoded_name_in_a_zip_leaves_the_others(tmp_path):
    path = write(tmp_path / "set.zip", ["a.jpg", b"caf\xe9.jpg", "Zoë/ü.jpg", b"\xff\xfe/b.jpg"])
    found = found_in(source_of(path))
    assert len(found) == 4
    assert (found["a.jpg"], found["Zoë/ü.jpg"]) == (0, 2)
    assert sorted(found.values()) == [0, 1, 2, 3]
    assert all("/".join(name.encode().decode().split("/")) == name for name in found)  # valid Unicode


def test_row57_names_in_a_zip_without_the_mark_of_utf8_are_utf8_or_those_of_dos(tmp_path):
    names: list[bytes | str] = ["Zoë/ü.jpg".encode(), "Zo\u0308/顔.jpg".encode(), "Zoë.jpg".encode("cp437")]
    write_zip(tmp_path / "set.zip", names, flags=0)
    assert found_in(source_of(tmp_path / "set.zip")) == {"Zoë/ü.jpg": 0, "Zo\u0308/顔.jpg": 1, "Zoë.jpg": 2}


WINDOWS = [r"Ann_Lee\Ann_Lee_0001.jpg", r"Ann_Lee\Ann_Lee_0002.jpg", r"Bo_Ek\Bo_Ek_0001.jpg"]


@pytest.mark.parametrize("system", [DOS, UNIX])
def test_row57_a_zip_with_backslashes_gives_people(tmp_path, system):
    source = source_of(write(tmp_path / "set.zip", WINDOWS, system))
    assert [(ref.id, ref.identity) for ref in source.refs()] == [
        ("Ann_Lee/Ann_Lee_0001.jpg", "Ann_Lee"),
        ("Ann_Lee/Ann_Lee_0002.jpg", "Ann_Lee"),
        ("Bo_Ek/Bo_Ek_0001.jpg", "Bo_Ek"),
    ]
    folders = source_of(write(tmp_path / "other.zip", [r"Zoë\1.jpg", r"Zoë\2.jpg"], system), "folders")
    assert {ref.identity for ref in folders.refs()} == {"Zoë"}


def test_row57_backslashes_lead_nowhere_and_drives_are_folders(tmp_path):
    names = [r"..\evil.jpg", r"C:\photos\a.jpg", r"\\host\share\b.jpg", "dir\\"]
    found = found_in(source_of(write(tmp_path / "set.zip", names, DOS)))
    assert found == {"__/evil.jpg": 0, "C_/photos/a.jpg": 1, "_/host/share/b.jpg": 2}


def test_row57_a_backslash_in_a_name_that_unix_wrote_stays(tmp_path):
    found = found_in(source_of(write(tmp_path / "set.zip", ["a/b\\c.jpg", "a/d.jpg", "e.jpg"], UNIX)))
    assert found == {"a/b\\c.jpg": 0, "a/d.jpg": 1, "e.jpg": 2}


LEAVINGS = [
    *(
        ".ipynb_checkpoints/a-checkpoint.jpg",
        "x/.AppleDouble/a.jpg",
        ".thumbnails/a.jpg",
        ".hidden/deep/a.jpg",
    ),
    *("@eaDir/a.jpg/SYNOPHOTO_THUMB_M.jpg", "x/@eaDir/a.jpg", "#recycle/a.jpg", "$RECYCLE.BIN/a.jpg"),
    *(
        "__MACOSX/x/._a.jpg",
        "__MACOSX/b.jpg",
        "x/._a.jpg",
        "x/.trashed-1700000000-a.jpg",
        ".pending-17-a.jpg",
    ),
]


@pytest.mark.parametrize("shape", SHAPES)
def test_row57_what_systems_leave_beside_photos_counts_nowhere(tmp_path, shape):
    path = write(tmp_path / shape, ["x/a.jpg", *LEAVINGS, "...jpg", ".of_a_person.jpg", "x/@b.jpg"])
    last = len(LEAVINGS)
    expected = {"x/a.jpg": 0, "...jpg": last + 1, ".of_a_person.jpg": last + 2, "x/@b.jpg": last + 3}
    assert found_in(source_of(path)) == expected


@pytest.mark.parametrize("shape", SHAPES)
def test_row57_a_source_of_leavings_alone_is_refused(tmp_path, shape):
    with pytest.raises(InputError, match="no photos"):
        source_of(write(tmp_path / shape, LEAVINGS))


def old_sparse(name: str, data: bytes, size: int) -> bytes:
    """Builds a member with a hole, in the format of GNU tar before 1.14: `data` at the start, `size` bytes in all."""
    header = bytearray(member_of(name, len(data)).tobuf(tarfile.GNU_FORMAT))
    header[156:157] = b"S"
    header[386:410] = b"%011o\0%011o\0" % (0, len(data))
    header[410:434] = b"%011o\0%011o\0" % (size, 0)
    header[483:495] = b"%011o\0" % size
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header) + data + bytes(-len(data) % 512)


def pax_sparse(name: str, data: bytes, size: int) -> bytes:
    """Builds a member with a hole, in the format that GNU tar writes since 1.15.92."""
    holes = f"2\n0\n{len(data)}\n{size}\n0\n".encode()
    stored = holes.ljust(512, b"\0") + data
    header = member_of(f"GNUSparseFile.0/{name}", len(stored))
    sparse = {"major": "1", "minor": "0", "name": name, "realsize": str(size)}
    header.pax_headers = {f"GNU.sparse.{key}": value for key, value in sparse.items()}
    return header.tobuf(tarfile.PAX_FORMAT) + stored + bytes(-len(stored) % 512)


@pytest.mark.parametrize("shape", TARS)
@pytest.mark.parametrize("sparse", [old_sparse, pax_sparse])
@pytest.mark.parametrize("place", ["first", "last"])
def test_row57_a_sparse_member_is_skipped_and_the_others_are_read(tmp_path, shape, sparse, place):
    path = write(tmp_path / "plain.tar", ["b.jpg", "c.jpg"])
    with tarfile.open(path) as tar:
        end = list(tar)[-1].offset_data + 1024
    plain = path.read_bytes()[:end]
    hole = sparse("a.jpg", photo(7), 300 * 2**20)
    whole = (hole + plain if place == "first" else plain + hole) + bytes(10240)
    if shape.endswith("gz"):
        whole = gzip.compress(whole)
    (tmp_path / shape).write_bytes(whole)
    source = source_of(tmp_path / shape)
    assert found_in(source) == {"a.jpg": "unreadable", "b.jpg": 0, "c.jpg": 1}
    skip = source.read(next(ref for ref in source.refs() if ref.id == "a.jpg"))
    assert isinstance(skip, Skip)
    assert "sparse" in skip.detail


def test_row57_a_tar_cut_behind_a_sparse_member_is_still_refused(tmp_path):
    (tmp_path / "set.tar").write_bytes(
        old_sparse("a.jpg", photo(7), 2**20) + old_sparse("b.jpg", b"x", 2**20)
    )
    with pytest.raises(InputError, match="cut short"):
        source_of(tmp_path / "set.tar")


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_row57_a_tar_with_a_damaged_header_or_a_wrong_checksum_loses_nothing_silently(tmp_path, mode):
    path = tmp_path / "set.tar"
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as tar:
        for number in range(4):
            tar.addfile(member_of(f"{number}.jpg", len(photo(number))), io.BytesIO(photo(number)))
    damaged = bytearray(plain.getvalue())
    damaged[damaged.index(b"2.jpg") + 150] ^= (
        1  # in the checksum of its header: `tarfile` takes it for the end
    )
    pack = {"w": bytes, "w:gz": gzip.compress, "w:bz2": bz2.compress, "w:xz": lzma.compress}[mode]
    path.write_bytes(pack(bytes(damaged)))
    with pytest.raises(InputError, match="cut short"):
        source_of(path)
    if mode != "w":
        whole = bytearray(pack(plain.getvalue()))
        whole[-6 if mode == "w:gz" else len(whole) // 2] ^= 1  # for gzip, in the checksum itself
        path.write_bytes(whole)
        with pytest.raises(InputError, match="cut short"):
            source_of(path)


def test_row57_a_zip_cut_short_is_still_refused(tmp_path):
    whole = write(tmp_path / "set.zip", ["a.jpg", "b.jpg"]).read_bytes()
    for end in (len(whole) - 1, len(whole) - 40, len(whole) // 2):
        (tmp_path / "set.zip").write_bytes(whole[:end])
        with pytest.raises(InputError, match="cut short"):
            source_of(tmp_path / "set.zip")


def test_row57_a_way_of_packing_that_is_not_read_is_said(tmp_path):
    path, deflate64 = tmp_path / "set.zip", struct.pack("<H", 9)
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("a.jpg", photo(1))
    data = bytearray(path.read_bytes())
    entry = data.index(b"PK\1\2")
    data[8:10] = data[entry + 10 : entry + 12] = deflate64
    path.write_bytes(data)
    skip = ZipStore(path).read("a.jpg")
    assert isinstance(skip, Skip)
    assert skip.reason == "unreadable"
    assert "packed in its zip in a way that is not read" in skip.detail


@pytest.mark.parametrize(("checksum", "name"), [(0, "café.jpg"), (1, "cafΘ.jpg")])
def test_row57_a_name_in_utf_8_beside_one_in_a_code_page_is_taken(tmp_path, checksum, name):
    """Only if it belongs to that name: a program that renames a member may leave the old field."""
    path, raw, text = tmp_path / "set.zip", b"caf\xe9.jpg", "café.jpg".encode()
    field = struct.pack("<BI", 1, zlib.crc32(raw) ^ checksum) + text
    member = zipfile.ZipInfo("cafX.jpg")
    member.extra = struct.pack("<HH", 0x7075, len(field)) + field
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr(member, photo(1))
    path.write_bytes(path.read_bytes().replace(b"cafX.jpg", raw))
    assert ZipStore(path).names() == [name]
    assert ZipStore(path).read(name) == photo(1)


def test_row57_of_names_that_become_one_the_exact_one_keeps_it_else_the_last():
    assert unique_ids(["./a.jpg", "a.jpg", ".//a.jpg"]) == ["a~1.jpg", "a.jpg", "a~2.jpg"]
    assert unique_ids(["./a.jpg", "a/../b.jpg", "//a.jpg", ".//a.jpg"]) == [
        "a~1.jpg",
        "a/__/b.jpg",
        "_/a.jpg",
        "a.jpg",
    ]
    assert unique_ids(["a.jpg", "a~1.jpg", "a.jpg"]) == ["a~2.jpg", "a~1.jpg", "a.jpg"]
