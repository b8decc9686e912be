"""Data sets of format 1 are read, and not resumed. `format-1.zip` was made of the astronaut by the version before 2."""

import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

from maskgen.dataset.reader import open_data_set
from maskgen.dataset.shards import format_of
from maskgen.dataset.unpack import unpack
from maskgen.dataset.verify import verify
from maskgen.errors import UsageError
from maskgen.generation.pipeline import generate
from maskgen.reports.preview import preview
from tests.helpers.fake_worker_tools import build, draw_photos, settings_for

FILE = Path(__file__).parent / "format-1.zip"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """Unpacks the data set: two samples of 64 pixels."""
    with zipfile.ZipFile(FILE) as archive:
        archive.extractall(tmp_path / "old")
    return tmp_path / "old"


def test_verify_finds_it_sound_and_names_the_format(old: Path) -> None:
    report = verify(old)
    assert (report.problems, report.samples, report.format) == ((), 2, 1)


def test_samples_are_decoded(old: Path) -> None:
    for sample in open_data_set(old).samples():
        assert format_of(sample.members) == 1
        pixels = sample.decode()
        assert set(np.unique(pixels["map"])) == {0, 1}
        assert np.array_equal(pixels["map"] > 0, pixels["parts"] > 0)
        assert 3 in pixels["parts"]
        assert sample.labels["seed"] > 2**31


def test_preview_and_unpack_read_it(old: Path, tmp_path: Path) -> None:
    assert preview(old, out=tmp_path / "looked").samples == 2
    assert unpack(old, tmp_path / "files").samples == 2
    assert len(list((tmp_path / "files").rglob("*.png"))) >= 2


@pytest.mark.fault
def test_row600_a_data_set_of_format_1_is_not_resumed(old: Path, tmp_path: Path) -> None:
    photos = draw_photos(tmp_path / "people", 4)
    before = {path: path.read_bytes() for path in old.rglob("*") if path.is_file()}
    for run in ({}, {"extend": True}):
        with pytest.raises(UsageError, match=r"format 1.* --out, or --overwrite"):
            generate(settings_for(photos, old, run=run), build=build)
    assert all(path.read_bytes() == data for path, data in before.items())
    made = generate(settings_for(photos, old, run={"overwrite": True}), build=build)
    assert (made.triplets, verify(old).format) == (4, 2)


@pytest.mark.fault
def test_row601_samples_of_another_format_than_the_data_set_says_are_found(old: Path, tmp_path: Path) -> None:
    photos = draw_photos(tmp_path / "people", 4)
    generate(settings_for(photos, tmp_path / "new"), build=build)
    for name in ("train-000000.tar", "train-000000.json"):
        shutil.copy(old / name, tmp_path / "new" / name)
    found = [problem.what for problem in verify(tmp_path / "new").problems]
    assert any("says format 2, but there are samples of format 1" in what for what in found)
    facts = json.loads((old / "dataset.json").read_text())
    assert facts["format"] == 1
