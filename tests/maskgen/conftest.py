"""Fixtures shared by the tests of runs: photos of a source, and the data set of a run without faults."""

from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from tests.helpers.fake_worker_tools import PHOTOS, draw_photos, end_started, make, settings_for

# The time that an example takes says nothing on a busy machine.
hypothesis.settings.register_profile(
    "untimed", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("untimed")


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_photos(tmp_path_factory.mktemp("source") / "people", PHOTOS)


@pytest.fixture(scope="module")
def undisturbed(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("undisturbed") / "out"
    assert make(settings_for(photos, out)).triplets == PHOTOS
    return out


@pytest.fixture(autouse=True)
def _no_run_outlives_its_test() -> Iterator[None]:
    yield
    end_started()
