"""`unmask mask` on a real face: formats, maps, names, shares, and the command."""

import csv
import io
import json
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from maskgen import MaskFolderSettings, mask_folder
from maskgen.images.codecs import decode
from maskgen.images.formats import picture_format
from maskgen.images.jpeg import luma_sampling
from maskgen.masking.pipeline import rehearse_masking
from maskgen.masking.tables import FACES
from tests.helpers.faces import astronaut
from tests.helpers.masking import masking, names_in, written
from tests.helpers.program import program

SIDE = 256


@cache
def face() -> np.ndarray:
    """Returns 256 x 256 pixels with the face at a place that tells all orientations apart."""
    return np.ascontiguousarray(astronaut()[:SIDE, 64 : 64 + SIDE])


def saved(path: Path, kind: str, image: Image.Image | None = None, **options: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    (image or Image.fromarray(face())).save(path, kind, **options)


def read(path: Path) -> np.ndarray:
    pixels = decode(path.read_bytes(), max_pixels=10**7, background=255)
    assert isinstance(pixels, np.ndarray), pixels
    return pixels


def made(src: Path, out: Path, **sections: object):
    sections = {"faces": {"cache": str(out.parent / "cache")}, "masks": {"masks": "surgical"}, **sections}
    return mask_folder(masking(src, out, **sections))


LOSSLESS = {
    "a.png": ("PNG", {}),
    "b.webp": ("WEBP", {"lossless": True}),
    "c.bmp": ("BMP", {}),
    "d.tif": ("TIFF", {}),
    "e.ppm": ("PPM", {}),
    "f.jpg": ("PNG", {}),  # a PNG under a wrong name: the bytes decide
}


@pytest.mark.fault
def test_row617_lossless_photos_change_only_where_the_map_says(tmp_path):
    for name, (kind, options) in LOSSLESS.items():
        saved(tmp_path / "in" / name, kind, **options)
    report = made(tmp_path / "in", tmp_path / "out", files={"maps": str(tmp_path / "maps")})
    assert (report.masked, report.faces, report.files) == (6, 6, 6)
    assert names_in(tmp_path / "out") == list(LOSSLESS)
    for name, (kind, _) in LOSSLESS.items():
        data = (tmp_path / "out" / name).read_bytes()
        assert picture_format(data) == kind.lower()
        map = cv2.imread(str((tmp_path / "maps" / name).with_suffix(".png")), cv2.IMREAD_UNCHANGED)
        assert (map.dtype, map.shape, set(np.unique(map))) == (np.uint8, (SIDE, SIDE), {0, 255})
        changed = (read(tmp_path / "out" / name) != face()).any(-1)
        assert not changed[map == 0].any()
        assert changed[map == 255].mean() > 0.98
        assert 0.02 < (map == 255).mean() < 0.3


@pytest.mark.fault
def test_row617_other_formats_keep_theirs_or_get_the_documented_one(tmp_path):
    saved(tmp_path / "in" / "a.jpg", "JPEG", quality=95, subsampling=2)
    saved(tmp_path / "in" / "b.jpeg", "JPEG", quality=95, subsampling=0)
    saved(tmp_path / "in" / "c.gif", "GIF")
    saved(tmp_path / "in" / "d.webp", "WEBP", quality=90)
    saved(tmp_path / "in" / "e.avif", "AVIF", quality=90)
    saved(tmp_path / "in" / "grey.jpg", "JPEG", Image.fromarray(face()).convert("L"), quality=95)
    alpha = Image.fromarray(np.dstack([face(), np.full((SIDE, SIDE), 255, np.uint8)]))
    saved(tmp_path / "in" / "alpha.png", "PNG", alpha)
    cv2.imwrite(str(tmp_path / "in" / "deep.png"), face()[:, :, ::-1].astype(np.uint16) * 257)
    report = made(tmp_path / "in", tmp_path / "out")
    assert report.masked == 8, report
    out = tmp_path / "out"
    assert names_in(out) == sorted(
        ["a.jpg", "b.jpeg", "c.png", "d.webp", "e.avif", "grey.jpg", "alpha.png", "deep.png"]
    )
    kinds = {name: picture_format((out / name).read_bytes()) for name in names_in(out)}
    assert kinds == {
        "a.jpg": "jpeg",
        "b.jpeg": "jpeg",
        "c.png": "png",
        "d.webp": "webp",
        "e.avif": "avif",
        "grey.jpg": "jpeg",
        "alpha.png": "png",
        "deep.png": "png",
    }
    assert b"VP8L" not in (out / "d.webp").read_bytes()[:64]
    assert luma_sampling((out / "a.jpg").read_bytes()) == (2, 2)
    assert luma_sampling((out / "b.jpeg").read_bytes()) == (1, 1)
    for name in names_in(out):
        image = Image.open(io.BytesIO((out / name).read_bytes()))
        assert (image.mode, image.size) == ("RGB", (SIDE, SIDE)), name
        assert np.abs(read(out / name)[:40].astype(int) - face()[:40]).mean() < (30 if "grey" in name else 8)


@pytest.mark.fault
@pytest.mark.parametrize("orientation", range(2, 9))
def test_row617_photos_with_an_exif_orientation_are_written_upright(tmp_path, orientation):
    from maskgen.images.codecs import turn_upright

    inverse = {5: 5, 6: 8, 7: 7, 8: 6}.get(orientation, orientation)
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "a camera"
    turned = Image.fromarray(np.ascontiguousarray(turn_upright(face(), inverse)))
    saved(tmp_path / "in" / "a.jpg", "JPEG", turned, quality=95, exif=exif)
    assert made(tmp_path / "in", tmp_path / "out").masked == 1
    image = Image.open(io.BytesIO((tmp_path / "out" / "a.jpg").read_bytes()))
    assert not image.getexif()
    assert np.abs(np.asarray(image)[:40].astype(int) - face()[:40]).mean() < 8


def test_a_forced_format_is_written_under_its_own_suffix(tmp_path):
    saved(tmp_path / "in" / "a.jpg", "JPEG")
    saved(tmp_path / "in" / "a.png", "PNG")
    made(tmp_path / "in", tmp_path / "out", files={"format": "png"})
    assert names_in(tmp_path / "out") == ["a.png", "a~1.png"]
    assert {picture_format(path.read_bytes()) for path in (tmp_path / "out").glob("a*")} == {"png"}


def test_several_faces_wear_masks_and_the_table_names_them(tmp_path):
    saved(tmp_path / "in" / "two.png", "PNG", Image.fromarray(np.hstack([face(), face()])))
    report = made(tmp_path / "in", tmp_path / "out", masks={"masks": "n95"})
    assert (report.masked, report.faces) == (1, 2)
    rows = list(csv.DictReader(io.StringIO((tmp_path / "out" / FACES).read_text())))
    assert [(row["photo"], row["file"], row["family"], row["wear"]) for row in rows] == [
        ("two.png", "two.png", "n95", "correct")
    ] * 2
    centres = sorted((float(row["x0"]) + float(row["x1"])) / 2 for row in rows)
    assert abs(centres[1] - centres[0] - SIDE) < 8
    largest = made(tmp_path / "in", tmp_path / "one", faces={"choose": "largest", "cache": "off"})
    assert largest.faces == 1


def test_masks_per_face_each_entry_and_the_original_are_files_of_their_own(tmp_path):
    saved(tmp_path / "in" / "a.png", "PNG")
    report = made(
        tmp_path / "in",
        tmp_path / "k",
        masks={"masks": "cloth", "per_face": 2},
        files={"also_original": True},
    )
    assert names_in(tmp_path / "k") == ["a-m1.png", "a-original.png", "a.png"]
    assert (report.photos, report.masked, report.files) == (1, 1, 3)
    assert np.array_equal(read(tmp_path / "k" / "a-original.png"), face())
    assert not np.array_equal(read(tmp_path / "k" / "a.png"), read(tmp_path / "k" / "a-m1.png"))
    made(
        tmp_path / "in",
        tmp_path / "each",
        masks={"masks": "n95:3,surgical-plain-#0473e2@.5"},
        files={"each": True},
    )
    assert names_in(tmp_path / "each") == ["a_n95.png", "a_surgical-plain-0473e2.png"]
    rows = list(csv.DictReader(io.StringIO((tmp_path / "each" / FACES).read_text())))
    assert [row["family"] for row in rows] == ["n95", "surgical"]


def test_a_share_of_faces_is_left_bare_and_counted_as_no_failure(tmp_path):
    for number in range(12):
        saved(tmp_path / "in" / f"{number:02d}.png", "PNG")
    report = made(tmp_path / "in", tmp_path / "out", masks={"masks": "surgical", "share": 0.5})
    assert report.files == 12
    assert report.skipped == {}
    assert report.masked + report.bare == 12
    assert 2 <= report.bare <= 10
    bare = sum(np.array_equal(read(path), face()) for path in (tmp_path / "out").glob("*.png"))
    assert bare == report.bare


def test_a_single_photo_and_the_default_folder(tmp_path):
    saved(tmp_path / "in" / "a.jpg", "JPEG", quality=95)
    settings = MaskFolderSettings(src=str(tmp_path / "in" / "a.jpg"), run={"jobs": 1}, faces={"cache": "off"})
    report = mask_folder(settings)
    assert report.out == str(tmp_path / "in" / "a_masked")
    assert names_in(tmp_path / "in" / "a_masked") == ["a.jpg"]
    assert rehearse_masking(MaskFolderSettings(src=str(tmp_path / "in"))).out == str(tmp_path / "in_masked")


def test_quick_and_thorough_search_find_the_same_large_faces(tmp_path):
    saved(tmp_path / "in" / "two.png", "PNG", Image.fromarray(np.vstack([face(), face()])))
    for search in ("quick", "thorough"):
        faces = {"search": search, "cache": "off"}
        assert made(tmp_path / "in", tmp_path / search, faces=faces).faces == 2


def test_quick_search_finds_small_faces_beside_large_ones(tmp_path):
    crowd = np.full((1200, 1600, 3), 200, np.uint8)
    crowd[:512, :512] = astronaut()
    small = cv2.resize(
        astronaut()[40:180, 150:290], (72, 72), interpolation=cv2.INTER_AREA
    )  # a face of about 40 px
    crowd[900:972, 1400:1472] = small
    saved(tmp_path / "in" / "crowd.png", "PNG", Image.fromarray(crowd))
    assert made(tmp_path / "in", tmp_path / "out", faces={"cache": "off"}).faces == 2


KEYS = ["out", "photos", "masked", "faces", "bare", "copied", "files", "skipped", "seconds", "made", "maps"]
KEYS += ["landmarks", "faces_table", "skipped_table", "warnings"]


def test_the_command_masks_resumes_and_refuses(tmp_path):
    saved(tmp_path / "in" / "Ann" / "a.jpg", "JPEG", quality=95)
    args = [
        "mask",
        str(tmp_path / "in"),
        "--out",
        str(tmp_path / "out"),
        "--set",
        "faces.cache=off",
        "--jobs",
        "1",
    ]
    rehearsed = program(*args, "--dry-run", "--json")
    assert json.loads(rehearsed.stdout)["missing"] == 1
    assert not (tmp_path / "out").exists()
    done = program(*args, "--json")
    facts = json.loads(done.stdout)
    assert done.returncode == 0, done.stderr
    assert list(facts) == KEYS
    assert (facts["photos"], facts["masked"], facts["made"]) == (1, 1, 1)
    before = written(tmp_path / "out")
    again = program(*args)
    assert "nothing left to make" in again.stdout
    assert "mesh-" in facts["landmarks"]
    assert facts["landmarks"] not in again.stdout
    assert written(tmp_path / "out") == before
    other = program(*args, "--masks", "n95")
    assert other.returncode == 2
    assert "was begun otherwise" in other.stderr


@pytest.mark.fault
def test_row771_control_characters_of_a_name_are_printed_visibly(tmp_path):
    saved(tmp_path / "in" / "a\n\x1b[31m.jpg", "JPEG", quality=95)
    Image.new("RGB", (96, 96), "gray").save(tmp_path / "in" / "b\r.png")
    done = program("mask", str(tmp_path / "in"), "--verbose", "--jobs", "1", "--set", "faces.cache=off")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0].startswith("a\\n\\x1b[31m.jpg: ")
    assert done.stdout.splitlines()[1] == "b\\r.png: no mask, no_face"
    with (tmp_path / "in_masked" / ".unmask-skipped.csv").open(encoding="utf-8", newline="") as file:
        assert [row["photo"] for row in csv.DictReader(file)] == ["b\r.png"]


def test_the_command_line_of_mask_the_face_is_understood(tmp_path):
    saved(tmp_path / "in" / "Ann" / "a.jpg", "JPEG", quality=95)
    Image.new("RGB", (96, 96), "gray").save(tmp_path / "in" / "wall.png")
    done = program(
        "mask", "--path", str(tmp_path / "in"), "--mask_type", "N95", "--verbose", "--write_original_image",
        "--jobs", "1", "--set", "faces.cache=off",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[:2] == ["Ann/a.jpg: n95", "wall.png: no mask, no_face"]
    assert names_in(tmp_path / "in_masked") == ["Ann/a-original.jpg", "Ann/a.jpg"]
    wrong = program("mask", str(tmp_path / "in"), "--mask_type", "N95", "--masks", "cloth")
    assert wrong.returncode == 2
    assert "either --masks or those" in wrong.stderr
    missing = program("mask")
    assert missing.returncode == 2
    assert "name the photos: unmask mask SRC" in missing.stderr
