"""Fixtures shared by the tests of runs: photos of a source, and the data set of a run without faults."""

from pathlib import Path

import pytest

from tests.helpers.fake_worker_tools import PHOTOS, draw_photos, make, settings_for


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_photos(tmp_path_factory.mktemp("source") / "people", PHOTOS)


@pytest.fixture(scope="module")
def undisturbed(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("undisturbed") / "out"
    assert make(settings_for(photos, out)).triplets == PHOTOS
    return out
