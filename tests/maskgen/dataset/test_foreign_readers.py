"""Hugging Face `datasets` on a data set without its card: it must not take the records for the samples."""

import warnings
from pathlib import Path

import pytest

from maskgen.generation.pipeline import generate
from tests.helpers.fake_worker_tools import build, draw_photos, settings_for


@pytest.mark.parametrize("readers", [1, 4])
def test_datasets_takes_the_tars_and_not_the_records_without_the_card(
    readers: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = draw_photos(tmp_path / "people", 60)
    out = tmp_path / "set"
    made = generate(settings_for(photos, out, shards={"shard_size": 1000, "readers": readers}), build=build)
    (out / "README.md").unlink()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # raised by imports of other packages
        datasets = pytest.importorskip("datasets")
        loaded = datasets.load_dataset(str(out), cache_dir=str(tmp_path / "cache"))
        assert {"masked.jpg", "gt.jpg", "map.png", "parts.png", "json"} <= set(loaded["train"].column_names)
    assert sum(map(len, loaded.values())) == made.triplets
    assert set(loaded) == {"train", "validation", "test"}
