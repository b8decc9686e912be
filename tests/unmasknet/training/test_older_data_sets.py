"""Networks are trained and scored on data sets of earlier builds: format 1, and records beside the tars."""

from pathlib import Path

import numpy as np
import pytest

from tests.helpers.evaluation import quick
from tests.helpers.older_data_sets import OLDER, unpack_older
from tests.helpers.training import settings, train
from unmasknet.data.shard_list import count_samples, list_shards
from unmasknet.evaluation.evaluate import evaluate


@pytest.fixture(scope="module", params=OLDER)
def old(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpack_older(request.param, tmp_path_factory.mktemp("older"))


def test_its_shards_are_listed_with_their_counts(old: Path) -> None:
    for split, count in {"train": 4, "val": 2, "test": 2}.items():
        assert count_samples([str(old)], split) == count
        assert [Path(shard.url).name for shard in list_shards([str(old)], split)] == [f"{split}-000000.tar"]


def test_a_segmenter_and_a_generator_learn_from_it_and_are_scored_on_it(old: Path, tmp_path: Path) -> None:
    data = {"batch": 2}  # it has two photos to train on
    loop = {
        "steps": 30,
        "validate_every": 30,
        "sample_every": 30,
        "checkpoint_every": 30,
        "validate_samples": 2,
    }
    segm = train(
        "segm", settings("segm", old, data=data, loop=loop, optimiser={"lr": 0.01}), tmp_path / "segm"
    )
    assert segm.steps == 30
    assert segm.best["dice"] > 0.3, "30 steps find the lower half of 4 faces"
    gan = train("gan", settings("gan", old, data=data), tmp_path / "gan")
    assert np.isfinite(gan.best["psnr_hole"])
    summary = evaluate(
        quick(old, weights=[str(tmp_path / "segm"), str(tmp_path / "gan")], map="truth")
    ).summary
    assert (summary["n"], summary["bare"], summary["split"]) == (2, 0, "test")
    assert np.isfinite(summary["hole"]["psnr"])
    assert evaluate(quick(old, weights=[str(tmp_path / "segm")])).summary["map"]["dice"] > 0.3
