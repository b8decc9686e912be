import re
from pathlib import Path

import pytest
from PIL import Image

from maskgen.demo import LOOKS, demo_settings, run_demo, write_photos
from maskgen.records import read_record
from maskgen.samples import open_data_set, worn
from maskgen.templates import family_names


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    return run_demo(tmp_path_factory.mktemp("demo"))


def test_demo_verifies_what_it_made(shown):
    assert shown.verified
    assert shown.photos == len(LOOKS)
    assert read_record(shown.data, "train-000000").skipped == {}


def test_demo_wears_every_family(shown):
    families = {worn(sample.labels)["family"] for sample in open_data_set(shown.data).samples()}
    assert families == set(family_names())
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


def test_demo_again_gives_the_same_shard(shown):
    before = (shown.data / "train-000000.tar").read_bytes()
    run_demo(shown.out)
    assert (shown.data / "train-000000.tar").read_bytes() == before


def test_every_look_is_another_picture(tmp_path):
    pictures = [path.read_bytes() for path in write_photos(tmp_path)]
    assert len(set(pictures)) == len(LOOKS)


def test_many_families_get_many_masks_a_photo(tmp_path):
    settings = demo_settings(tmp_path, [f"f{n}" for n in range(16)], [tmp_path] * 12, 0)
    assert settings.masks.per_face * 12 >= 16 * 8
