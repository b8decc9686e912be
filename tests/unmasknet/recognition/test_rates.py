"""Rates of a verification against known answers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unmasknet.metrics.statistics import best_threshold, roc_auc
from unmasknet.recognition import rates
from unmasknet.recognition.bootstrap import Sides, bootstrap_weights
from unmasknet.recognition.rates import REJECTED
from unmasknet.recognition.roc import Curve


def sides(similarity, one=None, other=None):
    values = np.asarray(similarity, float)
    numbers = np.arange(len(values))
    one = numbers if one is None else np.asarray(one, np.int64)
    return Sides(values, one, one if other is None else np.asarray(other, np.int64))


def test_separated_pairs_are_all_told_apart():
    found = Curve(sides(np.linspace(0.6, 0.9, 50)), sides(np.linspace(-0.2, 0.4, 2000))).rates()
    assert found == pytest.approx({"auc": 1.0, "eer": 0.0, "0.01": 1.0, "0.001": 1.0})


def test_random_similarities_give_chance_and_tar_equals_far():
    rng = np.random.default_rng(0)
    found = Curve(sides(rng.normal(size=40_000)), sides(rng.normal(size=40_000))).rates()
    assert found["auc"] == pytest.approx(0.5, abs=0.01)
    assert found["eer"] == pytest.approx(0.5, abs=0.01)
    assert found["0.01"] == pytest.approx(0.01, abs=0.003)
    assert found["0.001"] == pytest.approx(0.001, abs=0.001)


def test_equal_similarities_are_chance():
    found = Curve(sides(np.full(30, 0.3)), sides(np.full(2000, 0.3))).rates()
    assert found["auc"] == pytest.approx(0.5)
    assert found["eer"] == pytest.approx(0.5)
    assert found["0.01"] == 0.0, "a threshold that accepts one of equal pairs accepts all of them"


def test_the_equal_error_rate_of_two_gaussians_is_known():
    rng = np.random.default_rng(1)
    found = Curve(sides(rng.normal(2, 1, 50_000)), sides(rng.normal(0, 1, 50_000))).rates()
    assert found["eer"] == pytest.approx(0.1587, abs=0.004)  # the Gaussian's tail beyond 1
    assert found["auc"] == pytest.approx(0.9214, abs=0.004)  # and below 2 / sqrt(2)
    assert found["0.01"] == pytest.approx(0.3721, abs=0.01)  # above 2.326, of a mean of 2


def test_tar_at_far_accepts_at_most_that_share_of_the_impostors():
    impostors = np.arange(1000) / 1000  # ten of them are above .9895
    found = Curve(sides([0.985, 0.9885, 0.9895, 0.995]), sides(impostors)).rates()
    assert found["0.01"] == 0.5
    assert found["0.001"] == 0.0


@given(
    st.lists(st.integers(0, 9), min_size=1, max_size=30), st.lists(st.integers(0, 9), min_size=1, max_size=30)
)
def test_the_area_agrees_with_the_probability_that_a_genuine_pair_is_ahead(genuine, impostors):
    mine = Curve(sides(genuine), sides(impostors)).rates()["auc"]
    assert mine == pytest.approx(roc_auc(np.array(genuine, float), np.array(impostors, float)))


def test_weights_count_a_pair_as_often_as_its_people_are_drawn():
    genuine, impostors = sides([0.9, 0.2], [0, 1]), sides([0.5, 0.1], [0, 1], [1, 2])
    people = np.array([2.0, 1.0, 0.0])
    assert genuine.weights(people).tolist() == [2, 1]
    assert impostors.weights(people).tolist() == [2, 0], "an impostor pair counts as the product of both"
    found = Curve(genuine, impostors).rates(people)
    assert found["auc"] == pytest.approx(2 / 3)


def test_sums_over_all_samples_agree_with_those_of_each():
    rng = np.random.default_rng(4)
    mixed = sides(rng.normal(size=500), rng.integers(0, 30, 500), rng.integers(0, 30, 500))
    counted, people = mixed.similarity > 0.3, bootstrap_weights(30, 20, 0)
    assert (mixed.one == mixed.other).any()
    expected = [mixed.weights(row)[counted].sum() for row in people]
    assert mixed.totals(counted, people) == pytest.approx(expected)
    share = rates.accepted_share(mixed, 0.3, people)
    assert share.value == pytest.approx(counted.mean())
    assert share.samples == pytest.approx(np.array(expected) / [mixed.weights(row).sum() for row in people])


def test_too_few_impostors_leave_a_rate_undefined():
    found = Curve(sides([0.9]), sides(np.linspace(0, 0.5, 500))).rates()
    assert found["0.01"] == 1.0
    assert np.isnan(found["0.001"]), "one of a thousand of 500 is none"


def test_a_face_that_was_not_found_is_never_accepted():
    similarity = np.array([REJECTED, 0.9, 0.9, 0.1, 0.1, 0.1])
    same = np.array([True, True, True, False, False, False])
    right, _ = rates.decisions(similarity, same, np.array([0, 0, 1, 0, 1, 1]))
    assert right.tolist() == [False, True, True, True, True, True]
    everyone = np.full(4, REJECTED)
    right, _ = rates.decisions(everyone, np.ones(4, bool), np.array([0, 0, 1, 1]))
    assert not right.any(), "even where accepting everybody would be best"


@pytest.mark.fault
def test_row658_the_threshold_stays_between_the_faces_that_were_found():
    """Nine of ten pairs are refused anyway; a cut among these would accept every pair of two people that was found."""
    same, fold = np.tile(np.repeat([True, False], 40), 3), np.repeat(np.arange(3), 80)
    found = np.tile(np.arange(40) % 10 == 0, 6)
    similarity = np.where(found, np.where(same, 0.8, 0.1), REJECTED)
    right, threshold = rates.decisions(similarity, same, fold)
    assert threshold == pytest.approx(0.45)
    assert right[~same].all()
    assert right[same].tolist() == found[same].tolist()


def test_no_threshold_divides_equal_pairs():
    # Three of the four pairs at 1 are of one person; the first two cannot be accepted without the others.
    distances = np.array([1.0, 1.0, 1.0, 1.0, 2.0, 2.0])
    same = np.array([True, True, True, False, False, False])
    assert best_threshold(distances, same) == 1.5
    assert best_threshold(np.array([0.5, np.inf]), np.array([True, True])) == 1.0, "never accepted"
    assert best_threshold(np.full(2, np.inf), np.array([True, False])) == np.inf


def test_a_fold_is_decided_at_the_threshold_of_the_others():
    # The fold 0 alone would be cut at .75; the other one says .35, where its pair of two people is accepted.
    similarity = np.array([0.9, 0.6, 0.5, 0.2])
    same = np.array([True, False, True, False])
    right, threshold = rates.decisions(similarity, same, np.array([0, 0, 1, 1]))
    assert right.tolist() == [True, False, False, True]
    assert threshold == pytest.approx((0.35 + 0.75) / 2)


def test_the_interval_covers_the_true_rate():
    """In 60 experiments, each with people of their own, the interval of the area should hold the true one in 57.

    What a person's pairs share is most of their spread; an interval over pairs holds the true area in half of them.
    """
    rng = np.random.default_rng(2)
    people, photos, held = 60, 4, 0
    person = np.repeat(np.arange(people), photos)
    one, other = (person[side] for side in np.triu_indices(len(person), 1))
    same = one == other
    truth = 0.7602  # that N(1, 1) is above N(0, 1)
    for seed in range(60):
        alike = rng.normal(1, 0.95, people)  # of the photos of each person
        genuine = alike[one[same]] + rng.normal(0, (1 - 0.95**2) ** 0.5, same.sum())
        strangers = Sides(rng.normal(size=(~same).sum()), one[~same], other[~same])
        weights = bootstrap_weights(people, 150, seed)
        curve = Curve(Sides(genuine, one[same], other[same]), strangers)
        low, high = rates.curve_rates(curve, weights)["auc"].interval
        held += low <= truth <= high
    assert held >= 52


def test_the_difference_of_two_rows_pairs_their_samples():
    rng = np.random.default_rng(3)
    base = rng.normal(size=200)
    one, other = sides(base + 1), sides(base)
    impostors = sides(
        np.sort(rng.normal(size=2000)), rng.integers(0, 100, 2000), rng.integers(100, 200, 2000)
    )
    weights = bootstrap_weights(200, 100, 0)
    first, second = (rates.curve_rates(Curve(one_, impostors), weights)["auc"] for one_ in (one, other))
    gap = first.minus(second)
    low, high = gap.interval
    assert low > 0
    assert high - low < first.interval[1] - first.interval[0] + second.interval[1] - second.interval[0]
    assert gap.value == pytest.approx(first.value - second.value)


def test_few_pairs_of_two_people_count_as_much_as_many_of_one():
    # Accepting everything is right for 8 of 9 pairs, and wrong for all pairs of two people.
    similarity = np.array([0.9, 0.8, 0.7, 0.7, 0.65, 0.6, 0.6, 0.3, 0.5])
    same = np.array([True] * 8 + [False])
    right, _ = rates.decisions(similarity, same, np.zeros(9, np.int64))
    assert right.tolist() == [True] * 7 + [False, True]


def test_accuracy_is_the_fraction_of_right_decisions():
    same = np.array([True, True, False, False])
    right = np.array([True, False, True, True])
    found = rates.accuracy(right, same, sides([0.9, 0.1, 0.2, 0.3]), bootstrap_weights(4, 50, 0))
    assert found.value == 0.75
    assert rates.fold_error(right, np.array([0, 0, 1, 1])) == pytest.approx(0.25)


def test_one_person_has_no_interval():
    assert bootstrap_weights(1, 100, 0).shape == (0, 1)
    measured = rates.curve_rates(Curve(sides([0.9]), sides([0.1])), bootstrap_weights(1, 100, 0))
    assert measured["auc"].value == 1.0
    assert measured["auc"].interval is None
