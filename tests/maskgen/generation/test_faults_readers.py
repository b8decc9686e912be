"""Rows 725 and 726 of the fault matrix: index files that other readers of shards write into a data set."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from maskgen.dataset.reader import open_data_set
from maskgen.dataset.unpack.run import unpack
from maskgen.dataset.verify import verify
from maskgen.files import older_record_path
from tests.helpers.fake_worker_tools import contents, make, settings_for

pytestmark = pytest.mark.fault


@pytest.fixture
def out(undisturbed: Path, tmp_path: Path) -> Path:
    return shutil.copytree(undisturbed, tmp_path / "out")


def index_of_energon(out: Path) -> None:
    (out / ".nv-meta").mkdir()
    (out / ".nv-meta/split.yaml").write_text("split_parts:\n  train:\n  - train-{000000..000003}.tar\n")
    for shard in out.glob("*.tar"):
        (out / f"{shard.name}.idx").write_bytes(bytes(16))


def index_of_wids(out: Path) -> None:
    shards = [{"url": shard.name, "nsamples": 1} for shard in sorted(out.glob("train-*.tar"))]
    index = {"__kind__": "wids-shard-index-v1", "wids_version": 1, "shardlist": shards}
    (out / "train.json").write_text(json.dumps(index))


def index_of_webshart(out: Path) -> None:
    for shard in out.glob("*.tar"):
        index = {"path": shard.name, "filesize": shard.stat().st_size, "files": {}}
        older_record_path(out, shard.stem).write_text(json.dumps(index))


def assert_unchanged(out: Path, photos: Path, tmp_path: Path, add: Callable[[Path], None]) -> None:
    samples = open_data_set(out).count
    add(out)
    before = contents(out)
    report = verify(out)
    assert report.ok, report.problems
    assert report.samples == open_data_set(out).count == samples
    assert unpack(out, tmp_path / "plain").samples == samples
    make(settings_for(photos, out))
    assert contents(out) == before


@pytest.mark.parametrize("add", [index_of_energon, index_of_wids])
def test_row725_indexes_that_readers_write_beside_the_shards_change_nothing(
    add: Callable[[Path], None], photos: Path, out: Path, tmp_path: Path
) -> None:
    assert_unchanged(out, photos, tmp_path, add)


def test_row726_an_index_named_like_a_record_of_format_1_is_not_taken_for_one(
    photos: Path, out: Path, tmp_path: Path
) -> None:
    assert_unchanged(out, photos, tmp_path, index_of_webshart)
