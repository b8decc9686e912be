"""Whether samples were trained on, by what the weights record."""

import json

import pytest

from maskgen.dataset.reader import open_data_set
from tests.helpers.evaluation import write_split
from unmasknet.data.shard_list import data_digest, training_data
from unmasknet.evaluation.trained_on import trained_on, warning_of
from unmasknet.models.released import LEARNT_FROM


@pytest.fixture
def data_sets(tmp_path):
    """Two data sets of two sources, and one of the first source with other masks."""

    def data_set(name, source, counts):
        folder = tmp_path / name
        for split, count in counts.items():
            write_split(folder, split, count)
        (folder / "dataset.json").write_text(
            json.dumps({"source": source, "shards": [], "settings": {}, "format": 2})
        )
        return folder

    return {
        "lfw": data_set("lfw", "lfw", {"train": 6, "test": 4}),
        "again": data_set("again", "lfw", {"train": 7, "test": 5}),
        "mine": data_set("mine", "mine", {"train": 8, "test": 3}),
    }


def recorded(*folders, split="train"):
    """Returns the metadata of weights that were trained on data sets."""
    names = [str(folder) for folder in folders]
    return {"data": data_digest(names, split), "trained_on": json.dumps(training_data(names, split))}


def answer(folder, split, *facts):
    return trained_on(open_data_set(folder), split, facts)


def test_samples_that_were_trained_on_are_known_by_their_shards(data_sets):
    weights = recorded(data_sets["lfw"], data_sets["mine"])
    assert answer(data_sets["lfw"], "train", weights) == "yes"
    assert answer(data_sets["mine"], "train", weights) == "yes"
    assert answer(data_sets["lfw"], "test", recorded(data_sets["lfw"], split="test")) == "yes"


def test_held_out_splits_and_data_of_another_source_were_not_trained_on(data_sets):
    weights = recorded(data_sets["lfw"])
    assert answer(data_sets["lfw"], "test", weights) == "no"
    assert answer(data_sets["mine"], "train", weights) == "no"


def test_the_same_source_with_other_masks_may_have_been_trained_on(data_sets):
    weights = recorded(data_sets["lfw"])
    assert answer(data_sets["again"], "train", weights) == "maybe"
    assert answer(data_sets["again"], "test", weights) == "no"


def test_the_worst_answer_of_two_networks_counts(data_sets):
    one, other = recorded(data_sets["mine"]), recorded(data_sets["lfw"])
    assert answer(data_sets["lfw"], "train", one, other) == "yes"
    assert answer(data_sets["lfw"], "train", one) == "no"
    assert answer(data_sets["lfw"], "train") is None


def test_released_weights_learned_from_named_sources(data_sets):
    (released,) = ({"data": digest} for digest in LEARNT_FROM)
    assert answer(data_sets["lfw"], "train", released) == "maybe"
    assert answer(data_sets["mine"], "train", released) == "no"


@pytest.mark.fault
@pytest.mark.parametrize(
    "text", [None, "", "[", "[]", "7", '{"shards": 3}', '{"sources": [1], "split": null}', "[" * 5000]
)
def test_row742_weights_that_do_not_record_their_data_leave_it_unknown(data_sets, text):
    facts = {"data": "0" * 16} | ({} if text is None else {"trained_on": text})
    assert answer(data_sets["mine"], "train", facts) == "unknown"
    assert answer(data_sets["mine"], "test", facts) == "no"


def test_a_data_set_without_its_source_is_unknown(data_sets):
    weights = recorded(data_sets["lfw"])
    (data_sets["mine"] / "dataset.json").unlink()
    assert answer(data_sets["mine"], "train", weights) == "unknown"


def test_tars_by_name_record_no_source(data_sets):
    found = training_data([str(data_sets["lfw"] / "train-000000.tar"), str(data_sets["mine"])], "train")
    assert found["sources"] == []
    assert len(found["shards"]) == 1


def test_only_scores_that_do_not_hold_are_warned_of():
    assert "do not hold" in warning_of("yes", "val")[0]
    assert "other masks" in warning_of("maybe", "train")[0]
    assert "unknown" in warning_of("unknown", "train")[0]
    for found, split in (("no", "train"), ("no", "test"), ("unknown", "test"), (None, "train")):
        assert warning_of(found, split) == []
