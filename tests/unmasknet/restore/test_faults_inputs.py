"""Rows 46, 48 and 49 of the fault matrix, for `unmask run`: colours of a photo, and photos under any name."""

from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from PIL import Image

from maskgen.images.codecs import decode
from maskgen.images.colour import ADOBE_RGB, profile_of
from maskgen.images.formats import picture_format
from maskgen.settings import SourceSettings
from maskgen.sources import build_source
from tests.helpers.photo_files import gamma_chunk, png, saved
from tests.helpers.restoring import ToyNetworks, draw_photo, face_at, fixed_detector
from unmasknet.restore.batch import run
from unmasknet.restore.inputs import find_inputs
from unmasknet.restore.settings import RestoreSettings
from unmasknet.restore.unmasker import Unmasker

pytestmark = pytest.mark.fault

FACE = (100, 120, 160)
WIDE = profile_of(ADOBE_RGB)


class SeeingNetworks(ToyNetworks):
    """Networks that remember what they were shown."""

    def hidden(self, crops):
        self.shown = crops
        return super().hidden(crops)


def restored(tmp_path, *inputs, networks=None):
    settings = RestoreSettings(inputs=tuple(map(str, inputs)), out=str(tmp_path / "out"))
    unmasker = Unmasker(networks or ToyNetworks(), fixed_detector(face_at(*FACE)))
    return run(settings, unmasker, lambda *_: None).results


def test_row46_networks_see_srgb_and_the_result_is_in_the_photos_own_space(tmp_path):
    photo = draw_photo(240, 200, FACE)
    (tmp_path / "plain.png").write_bytes(saved(Image.fromarray(photo), "PNG"))
    (tmp_path / "wide.png").write_bytes(saved(Image.fromarray(photo), "PNG", icc_profile=WIDE))
    srgb = decode((tmp_path / "wide.png").read_bytes(), max_pixels=10**6, background=255)
    (tmp_path / "srgb.png").write_bytes(saved(Image.fromarray(srgb), "PNG"))
    seen = {}
    for name in ("plain", "wide", "srgb"):
        networks = SeeingNetworks()
        (result,) = restored(tmp_path, tmp_path / f"{name}.png", networks=networks)
        assert "1 face restored" in result.said
        seen[name] = networks.shown
    assert np.array_equal(seen["wide"], seen["srgb"])
    assert not np.array_equal(seen["wide"], seen["plain"])
    with Image.open(tmp_path / "out/wide.png") as image:
        assert image.info["icc_profile"] == WIDE
        own = np.asarray(image)
    expected = decode((tmp_path / "out/srgb.png").read_bytes(), max_pixels=10**6, background=255).astype(int)
    untouched = (expected == srgb).all(axis=2)
    assert 0.1 < untouched.mean() < 0.99
    assert np.array_equal(own[untouched], photo[untouched])  # exact: not converted there and back
    shown = decode((tmp_path / "out/wide.png").read_bytes(), max_pixels=10**6, background=255)
    assert np.abs(shown.astype(int) - expected)[~untouched].max() <= 4


def test_row46_colours_that_a_file_states_without_a_profile_are_kept_too(tmp_path):
    photo = draw_photo(240, 200, FACE)
    (tmp_path / "linear.png").write_bytes(png(photo, gamma_chunk(1.0)))
    before = decode((tmp_path / "linear.png").read_bytes(), max_pixels=10**6, background=255)
    (result,) = restored(tmp_path, tmp_path / "linear.png")
    after = decode(Path(result.output).read_bytes(), max_pixels=10**6, background=255)
    corner = np.s_[:20, :20]
    assert np.array_equal(after[corner], before[corner])


def test_row48_run_and_gen_data_take_the_same_files_of_a_folder(tmp_path):
    folder = tmp_path / "in"
    jpeg = saved(Image.fromarray(draw_photo(64, 64)), "JPEG")
    taken = [
        "a.JPG",
        "b.jpg_large",
        "c.jpg?w=640",
        "john.smith",
        "d",
        "e.heic",
        "f.jxl",
        "g.avif",
        "deep/h.jfif",
    ]
    left = ["notes.txt", "._a.jpg", ".hidden/a.jpg", "__MACOSX/a.jpg", "@eaDir/a.jpg", "list.csv", "scan.pdf"]
    for name in taken + left:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(jpeg)
    found = {one.path.relative_to(folder).as_posix() for one in find_inputs([str(folder)], tmp_path / "out")}
    assert found == set(taken)
    assert {ref.id for ref in build_source(SourceSettings(src=str(folder))).refs()} == found


@pytest.mark.parametrize(
    ("name", "result"),
    [
        ("photo.jpg_large", "photo.jpg"),
        ("photo.jpg?w=640", "photo.jpg"),
        ("john.smith", "john.smith.jpg"),
        ("photo.JPEG", "photo.jpeg"),
        ("IMG_1", "IMG_1.jpg"),
    ],
)
def test_row48_results_have_the_suffix_of_their_content_where_the_name_has_none(tmp_path, name, result):
    (tmp_path / name).write_bytes(saved(Image.fromarray(draw_photo(240, 200, FACE)), "JPEG", quality=95))
    (made,) = restored(tmp_path, tmp_path / name)
    assert made.output == str(tmp_path / "out" / result)
    assert picture_format(Path(made.output).read_bytes()) == "jpeg"


def test_row48_names_that_differ_behind_the_suffix_give_two_results(tmp_path):
    for name in ("a.jpg", "a.jpg?w=640", "a.jpg_large", "b.one", "b.two"):
        (tmp_path / name).write_bytes(saved(Image.fromarray(draw_photo(240, 200, FACE)), "JPEG"))
    names = [one.name for one in find_inputs([str(tmp_path)], tmp_path / "out")]
    assert len({*names}) == 5
    assert {"b.one", "b.two"} < {*names}


def test_row49_a_heic_photo_is_restored(tmp_path):
    heif = pillow_heif.from_pillow(Image.fromarray(draw_photo(240, 200, FACE)))
    heif.save(tmp_path / "IMG_0001.HEIC", quality=95)
    (made,) = restored(tmp_path, tmp_path / "IMG_0001.HEIC")
    assert "1 face restored" in made.said
    assert made.output.endswith("IMG_0001.png")


def test_row49_a_photo_that_is_not_read_is_named_and_the_next_one_is_restored(tmp_path):
    (tmp_path / "a.jxl").write_bytes(b"\xff\x0a" + b"\0" * 60)
    (tmp_path / "b.png").write_bytes(saved(Image.fromarray(draw_photo(240, 200, FACE)), "PNG"))
    first, second = restored(tmp_path, tmp_path / "a.jxl", tmp_path / "b.png")
    assert "JPEG XL" in first.error
    assert "1 face restored" in second.said
