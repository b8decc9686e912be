"""Rows 48 and 49 of the fault matrix: photos under any name and in the formats of phones."""

import io
import sys
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from PIL import Image

from maskgen.errors import InputError, Skip
from maskgen.images.codecs import decode
from maskgen.images.formats import photo_suffix
from maskgen.settings import SourceSettings
from maskgen.sources import build_source, load
from tests.helpers.photo_files import drawn, saved

pytestmark = pytest.mark.fault

NAMES = {
    "photo.jpg_large": "JPEG",
    "photo.jpg?w=640": "JPEG",
    "photo.jpg?w=640&h=1.5": "JPEG",
    "photo.JPG:large": "JPEG",
    "photo.jpeg!d": "PNG",
    "photo.jpg%3Fw=1": "JPEG",
    "photo.jpg (1)": "JPEG",
    "john.smith": "JPEG",
    "J. R. R. Tolkien": "WEBP",
    "2023.10.05-12.30": "PNG",
    "IMG_0001": "PNG",
    "scan.0001": "TIFF",
    "photo.image": "JPEG",
}
OTHERS = {
    "notes.txt": b"P6 is not the only thing that starts so",
    "list.csv": b"BM,a\n",
    "movie.mp4": b"\0\0\0\x20ftypisom",
    "data.unknown": b"\0\1\2\3" * 9,
    "README": b"People of my family",
    "paper.pdf": b"%PDF-1.7\n",
    "logo.svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
}
HEAD = {
    "JPEG XL": (b"\xff\x0a\xfa\x7f", b"\0\0\0\x0cJXL \r\n\x87\n\0\0\0\x14ftypjxl "),
    "JPEG 2000": (b"\0\0\0\x0cjP  \r\n\x87\n\0\0\0\x14ftypjp2 ", b"\xff\x4f\xff\x51\0\x2f"),
    "raw": (b"II*\0\x10\0\0\0CR\2\0", b"\0\0\0\x18ftypcrx \0\0\0\1crx isom", b"FUJIFILMCCD-RAW 0201"),
    "Photoshop": (b"8BPS\0\1\0\0\0\0\0\0\0\3",),
    "text": (b"P3\n2 2\n255\n", b"P1\n2 2\n"),
    "PDF": (b"%PDF-1.4\n",),
    "PostScript": (b"%!PS-Adobe-3.0 EPSF-3.0\n", b"\xc5\xd0\xd3\xc6\x20\0\0\0"),
    "SVG": (b"<svg xmlns='a'/>", b"<?xml version='1.0'?>\n<!-- a -->\n<svg width='9'/>"),
    "web page": (b"<!doctype html>",),
    "empty": (b"",),
}


def encoded(kind: str) -> bytes:
    return saved(Image.fromarray(drawn()), kind)


def as_folder(tmp_path: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        (tmp_path / "in").mkdir(exist_ok=True)
        (tmp_path / "in" / name).write_bytes(data)
    return tmp_path / "in"


def as_tar(tmp_path: Path, files: dict[str, bytes]) -> Path:
    with tarfile.open(tmp_path / "in.tar", "w") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return tmp_path / "in.tar"


def as_zip(tmp_path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return tmp_path / "in.zip"


def outcomes(path: Path) -> dict[str, str]:
    """Reads a source: id -> "" or the reason and detail of its Skip."""
    settings = SourceSettings(src=str(path))
    source = build_source(settings)
    photos = {ref.id: load(source, ref, settings) for ref in source.refs()}
    return {
        name: f"{one.reason}: {one.detail}" if isinstance(one, Skip) else "" for name, one in photos.items()
    }


@pytest.mark.parametrize("store", [as_folder, as_tar, as_zip])
def test_row48_photos_are_found_by_their_content_under_any_name(tmp_path, store):
    files = {name: encoded(kind) for name, kind in NAMES.items()}
    assert outcomes(store(tmp_path, files | OTHERS)) == dict.fromkeys(sorted(files), "")


@pytest.mark.parametrize("name", ["IMG_0001", "photo.jpg"])
def test_row48_photos_beside_an_archive_are_found_by_their_content_too(tmp_path, name):
    folder = as_folder(tmp_path, {name: encoded("JPEG")} | OTHERS)
    as_zip(tmp_path, {"old.jpg": encoded("PNG")}).rename(folder / "old.zip")
    assert outcomes(folder) == {name: ""}
    (folder / name).unlink()
    assert outcomes(folder) == {"old.jpg": ""}


@pytest.mark.parametrize("store", [as_folder, as_tar, as_zip])
def test_row48_photos_that_are_not_read_are_counted_and_named(tmp_path, store):
    heads = [
        (f"{number}-{kind}", kind, head)
        for kind in ("JPEG XL", "JPEG 2000", "raw", "Photoshop", "text")
        for number, head in enumerate(HEAD[kind])
    ]
    found = outcomes(store(tmp_path, {name: head for name, _, head in heads} | {"a.jpg": encoded("JPEG")}))
    assert found.pop("a.jpg") == ""
    assert found.keys() == {name for name, _, _ in heads}
    for name, kind, _ in heads:
        assert found[name].startswith("unreadable: ")
        assert kind in found[name]
        assert "convert" in found[name]


@pytest.mark.parametrize("kind", HEAD)
def test_row48_what_a_file_is_instead_is_said(kind):
    for head in HEAD[kind]:
        outcome = decode(head + (b"\0" * 40 if head else b""), max_pixels=10**6, background=255)
        assert isinstance(outcome, Skip)
        assert outcome.reason == "unreadable"
        assert kind in outcome.detail


def test_row48_a_preview_in_a_camera_raw_file_is_no_photo():
    tiff = saved(Image.fromarray(drawn()), "TIFF", tiffinfo={254: 1})
    outcome = decode(tiff, max_pixels=10**6, background=255)
    assert isinstance(outcome, Skip)
    assert "raw" in outcome.detail
    assert not isinstance(
        decode(saved(Image.fromarray(drawn()), "TIFF"), max_pixels=10**6, background=255), Skip
    )


def heic(orientation: int = 1) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    out = io.BytesIO()
    pillow_heif.from_pillow(Image.fromarray(drawn())).save(out, quality=95, exif=exif.tobytes())
    return out.getvalue()


@pytest.mark.parametrize("name", ["IMG_0001.HEIC", "a.heif", "a.HIF", "a.jpg", "a"])
def test_row49_heic_photos_are_read_under_any_name(tmp_path, name):
    assert outcomes(as_folder(tmp_path, {name: heic()})) == {name: ""}


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_row49_heic_and_avif_photos_are_upright_once(orientation):
    turns = {1: 0, 3: 2, 6: 3, 8: 1}
    expected = np.rot90(drawn(), turns[orientation]).astype(int)
    exif = Image.Exif()
    exif[0x0112] = orientation
    avif = saved(Image.fromarray(drawn()), "AVIF", quality=95, exif=exif.tobytes())
    for data in (heic(orientation), avif):
        pixels = decode(data, max_pixels=10**6, background=255)
        assert not isinstance(pixels, Skip), pixels
        assert np.abs(pixels - expected).mean() < 6


def test_row49_a_cut_heic_or_avif_is_refused():
    for data in (heic(), saved(Image.fromarray(drawn()), "AVIF")):
        whole = decode(data, max_pixels=10**6, background=255)
        for length in range(0, len(data) - 1, 61):
            part = decode(data[:length], max_pixels=10**6, background=255)
            assert isinstance(part, Skip) or np.array_equal(part, whole), length
        outcome = decode(data[: len(data) * 3 // 4], max_pixels=10**6, background=255)
        assert outcome.reason == "truncated", outcome


def test_row49_a_heic_with_too_many_pixels_is_refused_by_its_header():
    outcome = decode(heic(), max_pixels=48 * 64 - 1, background=255)
    assert isinstance(outcome, Skip)
    assert outcome.reason == "too_large"


def test_row49_heic_without_its_package_is_counted_with_the_command_that_installs_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    found = outcomes(as_folder(tmp_path, {"a.heic": heic(), "b": heic(), "c.jpg": encoded("JPEG")}))
    assert found["c.jpg"] == ""
    for name in ("a.heic", "b"):
        assert found[name].startswith("unreadable: HEIC needs the package pillow-heif: pip install ")


def test_row49_a_mif1_file_is_told_by_its_compatible_brands():
    avif = saved(Image.fromarray(drawn()), "AVIF")
    renamed = avif[:8] + b"mif1" + avif[12:]
    assert not isinstance(decode(renamed, max_pixels=10**6, background=255), Skip)
    image = heic()
    renamed = image[:8] + b"mif1" + image[12:]
    assert not isinstance(decode(renamed, max_pixels=10**6, background=255), Skip)


@pytest.mark.parametrize(
    ("name", "suffix"),
    [
        ("a.jpg", ".jpg"),
        ("a.b.JPG", ".JPG"),
        ("a.jpg_large", ".jpg_large"),
        ("a.jpg?v=1.5", ".jpg?v=1.5"),
        ("a.png_b.jpg", ".jpg"),
        ("x/25_0_2_20170116.jpg.chip.jpg", ".jpg"),
        ("john.smith", ""),
        ("d.jpg/john", ""),
        (".jpg", ""),
        ("a.jpgx", ""),
    ],
)
def test_row48_the_suffix_of_a_name_ends_what_names_the_photo(name, suffix):
    assert photo_suffix(name) == suffix


def test_row48_a_folder_of_other_files_holds_no_photos(tmp_path):
    with pytest.raises(InputError, match="no photos"):
        outcomes(as_folder(tmp_path, OTHERS))
