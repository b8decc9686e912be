import re
from pathlib import Path

import pytest
from PIL import Image

from maskgen import demo
from maskgen.demo import choose, demo_settings, run_demo, write_photos
from maskgen.demo_photo import LOOKS
from maskgen.errors import UnmaskError
from maskgen.library import built_in
from maskgen.records import read_record
from maskgen.samples import open_data_set, worn


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    return run_demo(tmp_path_factory.mktemp("demo"))


def test_demo_verifies_what_it_made(shown):
    assert shown.verified
    assert shown.photos == len(LOOKS)
    assert read_record(shown.data, "train-000000").skipped == {}


def test_demo_wears_every_family(shown):
    families = {worn(sample.labels)["family"] for sample in open_data_set(shown.data).samples()}
    assert families == set(built_in().families)
    assert shown.families == len(families)


def test_demo_says_where_to_look(shown):
    assert str(shown.page) in str(shown)
    assert shown.page.exists()
    with Image.open(shown.sheet) as sheet:
        assert min(sheet.size) > 500


def test_report_is_one_file_that_asks_nothing_of_the_network(shown):
    text = shown.page.read_text("utf-8")
    assert {address[:5] for address in re.findall(r'(?:src|href)="([^"]*)"', text)} == {"data:"}
    assert str(shown.out) not in text
    assert "NASA" in text


def test_nothing_of_the_target_s_place_is_in_the_data_set(shown):
    for path in filter(Path.is_file, shown.data.rglob("*")):
        assert str(shown.out).encode() not in path.read_bytes()


def test_demo_again_gives_the_same_shard(tmp_path, monkeypatch):
    monkeypatch.setattr(demo, "LOOKS", {"near": LOOKS["near"]})
    monkeypatch.setattr(demo, "A_FAMILY", 0)
    before = (run_demo(tmp_path).data / "train-000000.tar").read_bytes()
    assert (run_demo(tmp_path).data / "train-000000.tar").read_bytes() == before


def test_every_family_is_shown_on_as_many_photos_as_can_be():
    labels = {
        f"k{n}": {"source": f"{n % 5}.jpg", "faces": [{"mask": {"family": "n95" if n else "clear"}}]}
        for n in range(30)
    }
    shown = choose(labels)
    assert len(shown) == 1 + demo.SHOWN
    assert len({labels[key]["source"] for key in shown[1:]}) == demo.SHOWN


def test_every_look_is_another_picture(tmp_path):
    pictures = [path.read_bytes() for path in write_photos(tmp_path)]
    assert len(set(pictures)) == len(LOOKS)


def test_many_families_get_many_masks_a_photo(tmp_path):
    settings = demo_settings(tmp_path, [f"f{n}" for n in range(16)], [tmp_path] * 12, 0)
    assert settings.masks.per_face * 12 >= 16 * 8


def test_a_place_that_takes_no_folder_is_said_in_a_line(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UnmaskError, match="a file is in the way"):
        run_demo(tmp_path / "file")
