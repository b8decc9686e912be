"""Rows 7-10 and 760 of the fault matrix: places and names of photos."""

import io
import json
import os
import pickle
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from maskgen.errors import InputError, Skip
from maskgen.images.codecs import decode, encode_jpeg, encode_lossless
from maskgen.masking.journal import NAME
from maskgen.settings import SourceSettings
from maskgen.sources import Source, build_source, key_base, load
from maskgen.types import Photo

pytestmark = pytest.mark.fault

JPEG = encode_jpeg(np.full((40, 40, 3), 90, np.uint8), 90)
NOBODY = 65534


def source_of(path: Path) -> Source:
    return build_source(SourceSettings(src=str(path)))


def outcomes(source: Source) -> dict[str, str]:
    """Returns for each id the reason of its skip, "" for a photo."""
    loaded = {ref.id: load(source, ref, SourceSettings()) for ref in source.refs()}
    return {name: "" if isinstance(outcome, Photo) else outcome.reason for name, outcome in loaded.items()}


@contextmanager
def open_folder() -> Iterator[Path]:
    """Makes a folder that any user may enter, unlike those of pytest."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@contextmanager
def without_rights() -> Iterator[None]:
    """Runs as an ordinary user: permissions do not apply to root."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def test_row07_unreadable_files_are_counted_and_the_others_are_read():
    with open_folder() as root:
        (root / "closed").mkdir()
        for name in ("a.jpg", "b.jpg", "closed/c.jpg"):
            (root / name).write_bytes(JPEG)
        (root / "b.jpg").chmod(0)
        (root / "closed").chmod(0)
        with without_rights():
            found = outcomes(source_of(root))
        (root / "closed").chmod(0o755)
    assert found == {"a.jpg": "", "b.jpg": "no_permission", "closed/": "no_permission"}


def test_row07_a_source_without_read_permission_is_refused():
    with open_folder() as root:
        (root / "closed").mkdir(mode=0)
        with without_rights(), pytest.raises(InputError, match="may not be read"):
            source_of(root / "closed")


def test_row07_a_photo_deleted_after_the_listing_is_vanished(tmp_path):
    for name in ("a.jpg", "b.jpg", "deep/c.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(JPEG)
    source = source_of(tmp_path)
    (tmp_path / "b.jpg").unlink()
    (tmp_path / "deep" / "c.jpg").unlink()
    (tmp_path / "deep").rmdir()
    assert outcomes(source) == {"a.jpg": "", "b.jpg": "vanished", "deep/c.jpg": "vanished"}


def test_row07_circular_links_end(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.jpg").write_bytes(JPEG)
    (tmp_path / "real" / "back").symlink_to(tmp_path)
    (tmp_path / "again").symlink_to("real")
    (tmp_path / "self.jpg").symlink_to("self.jpg")
    (tmp_path / "nowhere.jpg").symlink_to("gone.jpg")
    found = outcomes(source_of(tmp_path))
    assert found == {"nowhere.jpg": "vanished", "real/a.jpg": "", "self.jpg": "unreadable"}


def test_row07_a_linked_folder_is_read(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a.jpg").write_bytes(JPEG)
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "more").symlink_to(tmp_path / "elsewhere")
    assert outcomes(source_of(tmp_path / "source")) == {"more/a.jpg": ""}


def test_row07_a_pipe_with_the_name_of_a_photo_does_not_hang(tmp_path):
    (tmp_path / "a.jpg").write_bytes(JPEG)
    os.mkfifo(tmp_path / "b.jpg")
    (tmp_path / "c.jpg").symlink_to("b.jpg")
    assert outcomes(source_of(tmp_path)) == {"a.jpg": "", "b.jpg": "unreadable", "c.jpg": "unreadable"}


NAMES = [
    "with space.jpg",
    "line\nbreak.jpg",
    "many.dots.in.it.jpg",
    "-rf.jpg",
    "…/ünïcode 顔.jpg",
    "one/same.jpg",
    "two/same.jpg",
    "two/SAME.jpg",
    "...jpg",
    "back\\slash.jpg",
    "<script>alert(1)<.jpg",
    "x" * 251 + ".jpg",
]


@pytest.mark.parametrize("where", ["folder", "set.zip", "set.tar", "set.tar.gz"])
def test_row08_odd_names_get_clean_unique_keys_and_stay_in_the_ids(tmp_path, where):
    path = tmp_path / where
    if where == "folder":
        for name in NAMES:
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            (path / name).write_bytes(JPEG)
    elif where == "set.zip":
        with zipfile.ZipFile(path, "w") as packed:
            for name in NAMES:
                packed.writestr(name, JPEG)
    else:
        with tarfile.open(path, "w:gz" if where.endswith("gz") else "w") as tar:
            for name in NAMES:
                add(tar, name)
    source = source_of(path)
    assert outcomes(source) == dict.fromkeys(NAMES, "")
    keys = [key_base(ref) for ref in source.refs()]
    assert len(set(keys)) == len(NAMES)
    assert all(set(key) <= set("abcdefghijklmnopqrstuvwxyz0123456789_-") for key in keys)


def test_row08_names_that_are_not_unicode_are_read_and_fit_into_json(tmp_path):
    (tmp_path / "a.jpg").write_bytes(JPEG)
    odd = os.fsencode(tmp_path) + b"/caf\xe9\xff.jpg"
    Path(os.fsdecode(odd)).write_bytes(JPEG)
    source = pickle.loads(pickle.dumps(source_of(tmp_path)))
    assert outcomes(source) == {"a.jpg": "", "caf\\xe9\\xff.jpg": ""}
    for ref in source.refs():
        assert json.loads(json.dumps(ref.id, ensure_ascii=False).encode("utf-8")) == ref.id


def located_photo() -> bytes:
    exif = Image.Exif()
    exif[0x010E] = "a secret description"
    exif.get_ifd(0x8825)[2] = (48.0, 51.0, 29.0)
    out = io.BytesIO()
    Image.fromarray(np.full((40, 40, 3), 90, np.uint8)).save(
        out, "JPEG", exif=exif, comment=b"a secret comment"
    )
    return out.getvalue()


def test_row09_no_metadata_of_a_photo_reaches_the_output():
    data = located_photo()
    assert b"secret" in data
    pixels = decode(data, max_pixels=10**6, background=255)
    assert not isinstance(pixels, Skip)
    for written in (encode_jpeg(pixels, 95), encode_lossless(pixels, "png"), encode_lossless(pixels, "webp")):
        assert b"secret" not in written
        assert not Image.open(io.BytesIO(written)).getexif()


@pytest.mark.parametrize("where", ["folder", "set.tar"])
def test_row09_no_id_contains_an_absolute_path(tmp_path, where):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.jpg").write_bytes(JPEG)
    with tarfile.open(tmp_path / "set.tar", "w") as tar:
        tar.add(tmp_path / "in", arcname=f"{tmp_path}/in")
    source = source_of(tmp_path / ("in" if where == "folder" else where))
    assert all(not ref.id.startswith("/") and str(tmp_path) not in f"/{source.name}" for ref in source.refs())


def add(
    tar: tarfile.TarFile, name: str, data: bytes = JPEG, kind: bytes = tarfile.REGTYPE, link: str = ""
) -> None:
    header = tarfile.TarInfo(name)
    header.type, header.linkname = kind, link
    header.size = len(data) if kind == tarfile.REGTYPE else 0
    tar.addfile(header, io.BytesIO(data))


@pytest.mark.parametrize("name", ["set.tar", "set.tar.gz", "set.zip"])
def test_row10_members_with_names_outside_the_archive_are_read_in_place(tmp_path, name):
    inside = tmp_path / "inside"
    inside.mkdir()
    evil = ["../evil.jpg", "/etc/evil.jpg", "a/../../evil.jpg", "good.jpg"]
    if name == "set.zip":
        with zipfile.ZipFile(inside / name, "w") as packed:
            for member in evil:
                packed.writestr(member, JPEG)
    else:
        with tarfile.open(inside / name, "w:gz" if name.endswith("gz") else "w") as tar:
            for member in evil:
                add(tar, member)
    before = sorted(tmp_path.rglob("*"))
    assert outcomes(source_of(inside / name)) == dict.fromkeys(
        ["__/evil.jpg", "_/etc/evil.jpg", "a/__/__/evil.jpg", "good.jpg"], ""
    )
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_row10_links_in_a_tar_are_not_followed_but_counted(tmp_path, mode):
    (tmp_path / "secret.jpg").write_bytes(JPEG)
    with tarfile.open(tmp_path / "set.tar", mode) as tar:
        add(tar, "a.jpg")
        add(tar, "link.jpg", kind=tarfile.SYMTYPE, link=str(tmp_path / "secret.jpg"))
        add(tar, "hard.jpg", kind=tarfile.LNKTYPE, link="../secret.jpg")
        add(tar, "pipe.jpg", kind=tarfile.FIFOTYPE)
    assert outcomes(source_of(tmp_path / "set.tar")) == {
        "a.jpg": "",
        "hard.jpg": "unreadable",
        "link.jpg": "unreadable",
    }


ZEROS = 300 * 2**20  # bytes; they compress to 300 kB


def test_row10_a_bomb_in_a_zip_is_refused_unread(tmp_path):
    with zipfile.ZipFile(tmp_path / "set.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as packed:
        packed.writestr("good.jpg", JPEG)
        with packed.open("bomb.jpg", "w") as member:
            for _ in range(ZEROS // 2**20):
                member.write(bytes(2**20))
    assert outcomes(source_of(tmp_path / "set.zip")) == {"bomb.jpg": "too_large", "good.jpg": ""}


def test_row10_a_bomb_in_a_compressed_tar_is_refused(tmp_path):
    with tarfile.open(tmp_path / "set.tar.gz", "w:gz", compresslevel=1) as tar:
        add(tar, "good.jpg")
        header = tarfile.TarInfo("bomb.jpg")
        header.size = ZEROS
        with tempfile.TemporaryFile() as zeros:
            zeros.truncate(ZEROS)
            tar.addfile(header, zeros)
    with pytest.raises(InputError, match="bomb"):
        source_of(tmp_path / "set.tar.gz")


def test_row10_an_encrypted_member_is_counted(tmp_path):
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as packed:
        packed.writestr("a.jpg", JPEG)
        packed.writestr("b.jpg", JPEG)
    data = bytearray((tmp_path / "set.zip").read_bytes())
    for marker, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.rfind(marker) + flags] |= 1
    (tmp_path / "set.zip").write_bytes(data)
    assert outcomes(source_of(tmp_path / "set.zip")) == {"a.jpg": "", "b.jpg": "unreadable"}


@pytest.mark.parametrize("packed", [False, True], ids=["folder", "tar"])
def test_row760_masked_photos_among_the_photos_are_named(tmp_path, packed):
    people = tmp_path / "people"
    for name in ("ann/a.jpg", "ann/a_masked/a.jpg", f"ann/a_masked/{NAME}"):
        (people / name).parent.mkdir(parents=True, exist_ok=True)
        (people / name).write_bytes(JPEG if name.endswith("jpg") else b"{}")
    path = people
    if packed:
        path = tmp_path / "people.tar"
        with tarfile.open(path, "w") as tar:
            tar.add(people, ".")
    source = source_of(path)
    assert len(source.refs()) == 2
    assert len(source.notes) == 1
    assert source.notes[0].startswith("1 folder among the photos was made by unmask mask")
    assert source.notes[0].endswith("ann/a_masked")


def test_row760_a_folder_that_mask_made_is_a_source_without_a_warning(tmp_path):
    (tmp_path / "a.jpg").write_bytes(JPEG)
    (tmp_path / NAME).write_text("{}")
    assert source_of(tmp_path).notes == ()
