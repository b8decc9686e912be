"""Pairs are what they say, and likeness is a cosine."""

import numpy as np
import pytest

from unmasknet.evaluation.scorer import MASKED
from unmasknet.evaluation.scores import RESTORED, TRUTH, Ledger, SampleFacts
from unmasknet.evaluation.verification import likeness, pairs, usual, verification


def facts(person: str, photo: int, known: bool = True) -> SampleFacts:
    return SampleFacts(
        f"{person}-{photo}", person, known, f"{person}/{photo}", "surgical", "correct", 0.0, 0.2
    )


def unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)


def ledger(noise: float) -> Ledger:
    rng = np.random.default_rng(4)
    book = Ledger(cases=[facts(f"p{person}", photo) for person in range(12) for photo in range(3)])
    centres = [rng.normal(size=16) for _ in range(12)]
    for method, spread in ((TRUTH, 0.1), (RESTORED, noise), (MASKED, 5.0)):
        book.faces[method] = [unit(centres[i // 3] + rng.normal(0, spread, 16)) for i in range(36)]
    return book


def test_pairs_are_of_one_person_and_of_two_and_as_many() -> None:
    cases = ledger(0.1).cases
    same, other = pairs(cases, seed=1)
    assert len(same) == len(other) == 12 * 3 * 2
    assert all(cases[a].person == cases[b].person and a != b for a, b in same)
    assert all(cases[a].person != cases[b].person for a, b in other)
    assert np.array_equal(pairs(cases, seed=1)[1], other)


def test_two_masks_of_one_photo_are_no_pair() -> None:
    same, _ = pairs([facts("a", 1), facts("a", 1), facts("b", 1)], seed=1)
    assert len(same) == 0


def test_photos_of_nobody_known_are_no_pairs() -> None:
    same, other = pairs([facts("a", 1, known=False), facts("a", 2, known=False)], seed=1)
    assert len(same) == len(other) == 0


def test_good_restorations_verify_and_masks_that_hide_all_do_not() -> None:
    figures = verification(ledger(0.1), seed=1)
    assert figures is not None
    assert figures["restored"]["accuracy"] > 0.95
    assert figures["masked"]["accuracy"] < 0.75


def test_too_few_pairs_give_no_verification() -> None:
    book = Ledger(cases=[facts("a", 1), facts("a", 2), facts("b", 1)])
    book.faces[TRUTH] = [np.ones(4)] * 3
    assert verification(book, seed=1) is None


def test_likeness_is_the_cosine_and_nan_without_points() -> None:
    book = Ledger(cases=[facts("a", 1), facts("b", 1)])
    book.faces[TRUTH] = [np.array([1.0, 0.0]), None]
    book.faces[RESTORED] = [np.array([0.6, 0.8]), None]
    likeness(book)
    values = book.values(RESTORED, "identity")
    assert values[0] == pytest.approx(0.6)
    assert np.isnan(values[1])
    assert len(book.values(MASKED, "identity")) == 0


def test_usual_likeness_tells_people_apart() -> None:
    figures = usual(ledger(0.1), seed=1)
    assert figures["same_person"] > figures["strangers"] + 0.3
