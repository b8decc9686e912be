"""Pairs of photos for verification, and likeness as a cosine."""

import numpy as np
import pytest

from unmasknet.evaluation.scorer import MASKED
from unmasknet.evaluation.scores import RESTORED, TRUTH, SampleFacts, ScoreTable
from unmasknet.evaluation.verification import add_likeness, pairs, typical_likeness, verification


def facts(person: str, photo: int, known: bool = True) -> SampleFacts:
    return SampleFacts(
        f"{person}-{photo}", person, known, f"{person}/{photo}", "surgical", "correct", 0.0, 0.2
    )


def unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)


def score_table(noise: float) -> ScoreTable:
    rng = np.random.default_rng(4)
    table = ScoreTable(samples=[facts(f"p{person}", photo) for person in range(12) for photo in range(3)])
    centres = [rng.normal(size=16) for _ in range(12)]
    for method, spread in ((TRUTH, 0.1), (RESTORED, noise), (MASKED, 5.0)):
        table.faces[method] = [unit(centres[i // 3] + rng.normal(0, spread, 16)) for i in range(36)]
    return table


def test_there_are_equally_many_pairs_of_one_person_and_of_two() -> None:
    samples = score_table(0.1).samples
    same, other = pairs(samples, seed=1)
    assert len(same) == len(other) == 12 * 3 * 2
    assert all(samples[a].person == samples[b].person and a != b for a, b in same)
    assert all(samples[a].person != samples[b].person for a, b in other)
    assert np.array_equal(pairs(samples, seed=1)[1], other)


def test_two_masks_of_one_photo_are_not_a_pair() -> None:
    same, _ = pairs([facts("a", 1), facts("a", 1), facts("b", 1)], seed=1)
    assert len(same) == 0


def test_photos_of_unknown_people_form_no_pairs() -> None:
    same, other = pairs([facts("a", 1, known=False), facts("a", 2, known=False)], seed=1)
    assert len(same) == len(other) == 0


def test_good_restorations_verify_better_than_masked_photos() -> None:
    summary = verification(score_table(0.1), seed=1)
    assert summary is not None
    assert summary["restored"]["accuracy"] > 0.95
    assert summary["masked"]["accuracy"] < 0.75


def test_too_few_pairs_give_no_verification() -> None:
    table = ScoreTable(samples=[facts("a", 1), facts("a", 2), facts("b", 1)])
    table.faces[TRUTH] = [np.ones(4)] * 3
    assert verification(table, seed=1) is None


def test_likeness_is_the_cosine_and_nan_without_points() -> None:
    table = ScoreTable(samples=[facts("a", 1), facts("b", 1)])
    table.faces[TRUTH] = [np.array([1.0, 0.0]), None]
    table.faces[RESTORED] = [np.array([0.6, 0.8]), None]
    add_likeness(table)
    values = table.values(RESTORED, "identity")
    assert values[0] == pytest.approx(0.6)
    assert np.isnan(values[1])
    assert len(table.values(MASKED, "identity")) == 0


def test_typical_likeness_is_higher_between_photos_of_one_person() -> None:
    summary = typical_likeness(score_table(0.1), seed=1)
    assert summary["same_person"] > summary["strangers"] + 0.3
