"""Training and evaluation read data sets of format 1."""

import zipfile
from pathlib import Path

import pytest

from tests.helpers.evaluation import quick
from tests.helpers.training import settings, train
from unmasknet.evaluation.evaluate import evaluate

FILE = Path(__file__).parents[2] / "maskgen" / "dataset" / "format-1.zip"
READ = {"split": "train", "validate_split": "train", "batch": 1}


@pytest.mark.parametrize("stage", ["segm", "gan"])
def test_networks_learn_from_it_and_are_scored_on_it(stage: str, tmp_path: Path) -> None:
    with zipfile.ZipFile(FILE) as archive:
        archive.extractall(tmp_path / "old")
    run = train(stage, settings(stage, tmp_path / "old", data=READ), tmp_path / "run").run
    scored = evaluate(quick(tmp_path / "old", weights=[str(run)], split="train")).summary
    assert (scored["n"], scored["bare"]) == (2, 0)
    found = scored["map"]["dice"] if stage == "segm" else scored["hole"]["psnr"]
    assert found is not None
