import base64
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from maskgen.dataset.reader import open_data_set, worn
from maskgen.dataset.shard_record import read_record
from maskgen.demo import run as demo
from maskgen.demo.photo import LOOKS
from maskgen.demo.run import choose, demo_settings, run_demo, write_photos
from maskgen.errors import UnmaskError
from maskgen.images.codecs import encode_lossless
from maskgen.masks.library import built_in


def side_by_side(masked, truth):
    """Stands in for a network: returns masked and true face side by side."""
    return encode_lossless(np.hstack([masked, truth]), "png")


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    return run_demo(tmp_path_factory.mktemp("demo"), take_off=side_by_side)


def test_demo_verifies_what_it_made(shown):
    assert shown.verified
    assert shown.photos == len(LOOKS)
    assert read_record(shown.data, "train-000000").skipped == {}


def test_demo_wears_every_family(shown):
    families = {worn(sample.labels)["family"] for sample in open_data_set(shown.data).samples()}
    assert families == set(built_in().families)
    assert shown.families == len(families)


def test_demo_prints_the_paths_of_its_results(shown):
    assert str(shown.page) in str(shown)
    assert shown.page.exists()
    with Image.open(shown.sheet) as sheet:
        assert min(sheet.size) > 500


def test_a_face_is_masked_and_its_restoration_is_shown(shown):
    assert f"restored  {shown.restored}" in str(shown)
    with Image.open(shown.restored) as strip:
        masked, truth = np.hsplit(np.asarray(strip), 2)
    assert masked.shape == (256, 256, 3)
    changed = (masked != truth).any(-1).mean()
    assert 0.05 < changed < 0.4
    assert base64.b64encode(shown.restored.read_bytes()).decode() in shown.page.read_text("utf-8")


def test_without_networks_the_demo_says_so_and_removes_an_older_result(tmp_path, monkeypatch):
    monkeypatch.setattr(demo, "LOOKS", {"near": LOOKS["near"]})
    monkeypatch.setattr(demo, "A_FAMILY", 0)
    (tmp_path / "restored.png").write_bytes(b"older")
    report = run_demo(tmp_path)
    assert report.restored is None
    assert not (tmp_path / "restored.png").exists()
    assert "brings no weights" in str(report)
    assert "taken off again" not in report.page.read_text("utf-8")


def test_report_is_one_file_without_network_requests(shown):
    text = shown.page.read_text("utf-8")
    assert {address[:5] for address in re.findall(r'(?:src|href)="([^"]*)"', text)} == {"data:"}
    assert str(shown.out) not in text
    assert "NASA" in text


def test_the_data_set_does_not_contain_the_path_of_its_folder(shown):
    for path in filter(Path.is_file, shown.data.rglob("*")):
        assert str(shown.out).encode() not in path.read_bytes()


def test_demo_again_gives_the_same_shard(tmp_path, monkeypatch):
    monkeypatch.setattr(demo, "LOOKS", {"near": LOOKS["near"]})
    monkeypatch.setattr(demo, "A_FAMILY", 0)
    before = (run_demo(tmp_path).data / "train-000000.tar").read_bytes()
    assert (run_demo(tmp_path).data / "train-000000.tar").read_bytes() == before


def test_every_family_is_shown_on_as_many_photos_as_possible():
    labels = {
        f"k{n}": {"source": f"{n % 5}.jpg", "faces": [{"mask": {"family": "n95" if n else "clear"}}]}
        for n in range(30)
    }
    shown = choose(labels)
    assert len(shown) == 1 + demo.SHOWN
    assert len({labels[key]["source"] for key in shown[1:]}) == demo.SHOWN


def test_all_variants_of_the_photo_differ(tmp_path):
    pictures = [path.read_bytes() for path in write_photos(tmp_path)]
    assert len(set(pictures)) == len(LOOKS)


def test_many_families_get_many_masks_per_photo(tmp_path):
    settings = demo_settings(tmp_path, [f"f{n}" for n in range(16)], [tmp_path] * 12, 0)
    assert settings.masks.per_face * 12 >= 16 * 8


def test_a_file_in_the_way_of_the_folder_is_reported_in_one_line(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UnmaskError, match="a file is in the way"):
        run_demo(tmp_path / "file")
