"""Rows 48 and 57 of the fault matrix: a data set of photos with odd names can be unpacked under them."""

import zipfile

import pytest

from maskgen.dataset.unpack import unpack
from maskgen.generation.pipeline import generate
from tests.helpers.fake_worker_tools import build, draw_photo, settings_for
from tests.helpers.small_images import write_data_set

pytestmark = pytest.mark.fault


@pytest.mark.parametrize("name", ["caf\\xe9.jpg", "back\\slash.jpg", "Ann\\Ann_0001.jpg", "a/b\\c/d.jpg"])
def test_row57_a_backslash_in_a_name_does_not_keep_a_tree_from_being_unpacked(tmp_path, name):
    folder = write_data_set(tmp_path / "set", [name, "a.jpg"], size_setting=0)
    unpack(folder, tmp_path / "to", layout="tree")
    assert (tmp_path / "to" / name).read_bytes()[:2] == b"\xff\xd8"
    assert (tmp_path / "to/a.jpg").exists()


def test_row57_a_zip_of_windows_becomes_a_data_set_of_people_and_their_tree(tmp_path):
    photos = {rf"Ann_Lee\Ann_Lee_000{number}.jpg": number for number in range(1, 5)}
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as packed:
        for name, number in photos.items():
            draw_photo(tmp_path / f"{number}.jpg", number)
            member = zipfile.ZipInfo(name)
            member.create_system = 0
            packed.writestr(member, (tmp_path / f"{number}.jpg").read_bytes())
    report = generate(settings_for(tmp_path / "set.zip", tmp_path / "out"), build=build)
    assert (report.triplets, len(report.skipped)) == (4, 0)
    assert not any("who is on" in line for line in report.warnings)
    unpack(tmp_path / "out", tmp_path / "to", layout="tree")
    assert sorted(path.name for path in (tmp_path / "to/Ann_Lee").iterdir()) == [
        f"Ann_Lee_000{number}.jpg" for number in range(1, 5)
    ]


def test_row48_a_tree_keeps_names_without_a_suffix_of_a_photo(tmp_path):
    names = ["john.smith", "john.jones", "a.jpg_large", "b.jpg?w=640", "c.png_d.jpg"]
    folder = write_data_set(tmp_path / "set", names, size_setting=0)
    unpack(folder, tmp_path / "to", layout="tree")
    files = {path.name for path in (tmp_path / "to").iterdir()} - {"samples.csv", "skipped.csv"}
    assert files == {"john.smith.jpg", "john.jones.jpg", "a.jpg", "b.jpg", "c.png_d.jpg"}
