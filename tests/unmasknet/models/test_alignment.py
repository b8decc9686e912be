"""Crops of another alignment than that of the networks are warned of: in train, eval and run."""

import json

import pytest

from tests.helpers import training
from tests.helpers.evaluation import quick
from unmasknet.evaluation.evaluate import evaluate
from unmasknet.models.alignment import OtherAlignment, alignment_of, crop_alignment, mixed_alignment
from unmasknet.models.load import load_trained
from unmasknet.restore.runtimes.torch_runtime import open_torch


def align(folder, name):
    """Rewrites the dataset.json of a data set as if its crops were aligned so."""
    path = folder / "dataset.json"
    about = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps(about | {"settings": {"crop": {"size": 32, "align": name}}}))


def test_weights_keep_the_alignment_of_their_crops_and_warn_where_others_are_used(tmp_path):
    data = training.write_data(tmp_path / "data")
    align(data, "arcface")
    with pytest.warns(OtherAlignment, match="aligned as arcface; unmask run cuts faces as ffhq"):
        training.train("segm", training.settings("segm", data, loop={"steps": 1}), tmp_path / "run")
    assert alignment_of(load_trained(tmp_path / "run").facts) == "arcface"
    with pytest.warns(OtherAlignment, match="trained on crops aligned as arcface"):
        open_torch([str(tmp_path / "run")], "cpu", 1)
    scored = quick(data, weights=[str(tmp_path / "run")], split="val", n=1)
    alike = evaluate(scored)
    assert not any("aligned" in line for line in alike.warnings)
    align(data, "ffhq")
    assert any("trained on crops aligned as arcface" in line for line in evaluate(scored).warnings)


def test_whole_photos_and_older_data_sets_and_weights_warn_of_nothing():
    assert crop_alignment({}) == crop_alignment({"crop": {"size": 256}}) == "ffhq"
    assert crop_alignment({"crop": {"size": 0, "align": "ffhq"}}) == ""
    assert mixed_alignment("", ["arcface"]) is None
    assert mixed_alignment("ffhq", [alignment_of({})]) is None
