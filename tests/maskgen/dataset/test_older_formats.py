"""Data sets of earlier builds are read, and not resumed: those of format 1, and those with records beside the tars."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from maskgen.cli.verify import report_text
from maskgen.dataset.reader import open_data_set
from maskgen.dataset.shards import format_of
from maskgen.dataset.unpack import unpack
from maskgen.dataset.verify import verify
from maskgen.errors import UsageError
from maskgen.files import older_record_path, record_path
from maskgen.generation.pipeline import generate, rehearse
from maskgen.reports.preview import preview
from tests.helpers.fake_worker_tools import build, contents, draw_photos, settings_for
from tests.helpers.older_data_sets import OLDER, SAMPLES, unpack_older
from tests.helpers.program import program


@pytest.fixture(params=OLDER)
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return unpack_older(request.param, tmp_path)


@pytest.fixture
def format_1(tmp_path: Path) -> Path:
    return unpack_older("format-1", tmp_path)


def test_verify_finds_it_sound_and_names_the_format(old: Path) -> None:
    report = verify(old)
    assert (report.problems, report.samples, report.format) == ((), SAMPLES, OLDER[old.name])


def test_the_command_names_the_format_as_text_and_json(old: Path) -> None:
    number = OLDER[old.name]
    assert f"8 samples in 3 shards of format {number}: sound" in report_text(str(old), verify(old))
    assert json.loads(program("verify", str(old), "--json").stdout)["format"] == number


def test_samples_are_decoded(old: Path) -> None:
    samples = list(open_data_set(old).samples())
    assert len(samples) == SAMPLES
    for sample in samples:
        assert format_of(sample.members) == OLDER[old.name]
        pixels = sample.decode()
        assert set(np.unique(pixels["map"])) == {0, 1}
        assert np.array_equal(pixels["map"] > 0, pixels["parts"] > 0)
        assert 3 in pixels["parts"]
    assert (max(sample.labels["seed"] for sample in samples) > 2**31) == (OLDER[old.name] == 1)


def test_preview_and_unpack_read_it(old: Path, tmp_path: Path) -> None:
    assert preview(old, out=tmp_path / "looked").samples == SAMPLES
    assert unpack(old, tmp_path / "files").samples == SAMPLES
    assert len(list((tmp_path / "files" / "binary_mask").rglob("*.png"))) == SAMPLES
    assert unpack(old, tmp_path / "boxes", layout="yolo").samples == SAMPLES


def test_its_photos_are_a_source(old: Path, tmp_path: Path) -> None:
    made = generate(settings_for(old, tmp_path / "again"), build=build)
    assert (made.photos, made.triplets) == (4, 4)
    assert verify(tmp_path / "again").ok


@pytest.mark.fault
def test_row600_a_data_set_of_an_older_format_is_not_resumed(old: Path, tmp_path: Path) -> None:
    photos = draw_photos(tmp_path / "people", 4)
    before = {path: path.read_bytes() for path in old.rglob("*") if path.is_file()}
    for run in ({}, {"extend": True}, {"shards": "0::2"}, {"retry_failed": True}):
        for start in (generate, lambda settings, build: rehearse(settings)):
            with pytest.raises(UsageError, match=r"older version.* --out, or --overwrite") as refused:
                start(settings_for(photos, old, run=run), build=build)
            assert ("are now in records/" in str(refused.value)) == (OLDER[old.name] == 2)
    assert {
        path: path.read_bytes() for path in old.rglob("*") if path.is_file() and path.name != "lock"
    } == before
    assert not (old / "records").exists()
    made = generate(settings_for(photos, old, run={"overwrite": True}), build=build)
    assert (made.triplets, verify(old).format) == (4, 2)
    generate(settings_for(photos, tmp_path / "new"), build=build)
    assert contents(old) == contents(tmp_path / "new"), "nothing of the older data set is left"


@pytest.mark.fault
def test_row700_an_older_data_set_without_its_plan_is_not_taken_for_a_new_folder(
    old: Path, tmp_path: Path
) -> None:
    photos = draw_photos(tmp_path / "people", 4)
    shutil.rmtree(old / ".work")
    before = contents(old)
    with pytest.raises(UsageError, match=r"no plan says that it is of this data set.*or --overwrite"):
        generate(settings_for(photos, old), build=build)
    assert contents(old) == before
    generate(settings_for(photos, old, run={"overwrite": True}), build=build)
    assert not list(old.glob("*-*.json"))
    assert verify(old).ok


@pytest.mark.fault
def test_row700_records_moved_by_hand_are_read(old: Path) -> None:
    (old / "records").mkdir()
    for name in ("train-000000", "val-000000"):
        older_record_path(old, name).rename(record_path(old, name))
    report = verify(old)
    assert (report.ok, report.samples) == (True, SAMPLES)
    assert open_data_set(old).count == SAMPLES


@pytest.mark.fault
def test_row601_samples_of_another_format_than_the_data_set_says_are_found(
    format_1: Path, tmp_path: Path
) -> None:
    photos = draw_photos(tmp_path / "people", 4)
    generate(settings_for(photos, tmp_path / "new"), build=build)
    shutil.copy(format_1 / "train-000000.tar", tmp_path / "new" / "train-000000.tar")
    shutil.copy(older_record_path(format_1, "train-000000"), record_path(tmp_path / "new", "train-000000"))
    found = [problem.what for problem in verify(tmp_path / "new").problems]
    assert any("says format 2, but there are samples of format 1" in what for what in found)
    facts = json.loads((format_1 / "dataset.json").read_text())
    assert facts["format"] == 1
