"""Statistics against independent computations and known answers."""

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm
from torchmetrics.functional.classification import binary_auroc
from torchmetrics.image.kid import poly_mmd

from unmasknet.metrics import statistics

RNG = np.random.default_rng(3)


def test_mean_ignores_undefined_values() -> None:
    assert statistics.mean(np.array([1.0, np.nan, np.inf, 3.0])) == 2
    assert statistics.mean(np.array([np.nan, np.inf])) is None
    assert statistics.mean(np.array([])) is None


def test_auc_equals_torchmetrics_with_ties() -> None:
    positive, negative = RNG.integers(0, 9, 80) / 9.0, RNG.integers(0, 7, 50) / 9.0
    expected = binary_auroc(
        torch.from_numpy(np.concatenate([positive, negative])), torch.tensor([1] * 80 + [0] * 50)
    )
    assert statistics.roc_auc(positive, negative) == pytest.approx(expected.item(), abs=1e-6)


def test_auc_of_separate_alike_and_missing_scores() -> None:
    low, high = np.array([0.1, 0.2]), np.array([0.8, 0.9])
    assert statistics.roc_auc(high, low) == 1
    assert statistics.roc_auc(low, high) == 0
    assert statistics.roc_auc(low, low) == 0.5
    assert statistics.roc_auc(high, np.array([])) is None


def test_roc_runs_from_corner_to_corner_over_an_area_of_auc() -> None:
    positive, negative = RNG.normal(1, 1, 300), RNG.normal(0, 1, 300)
    curve = np.array(statistics.roc(positive, negative, points=1000))
    assert curve[0].tolist() == [0, 0]
    assert curve[-1].tolist() == [1, 1]
    assert np.trapezoid(curve[:, 1], curve[:, 0]) == pytest.approx(
        statistics.roc_auc(positive, negative), abs=1e-9
    )


def test_frechet_distance_equals_the_formula_with_a_matrix_root() -> None:
    one, other = RNG.normal(size=(90, 6)), RNG.normal(0.3, 1.4, size=(70, 6))
    first, second = np.cov(one, rowvar=False), np.cov(other, rowvar=False)
    root = sqrtm(first @ second).real
    expected = ((one.mean(0) - other.mean(0)) ** 2).sum() + np.trace(first + second - 2 * root)
    assert statistics.frechet(one, other) == pytest.approx(expected, rel=1e-8)


def test_frechet_distance_of_equal_covariance_is_the_squared_shift() -> None:
    one = RNG.normal(size=(50, 5))
    assert statistics.frechet(one, one + 2.0) == pytest.approx(5 * 4.0, abs=1e-6)
    assert statistics.frechet(one, one) == pytest.approx(0, abs=1e-6)
    assert statistics.frechet(one[:1], one) is None


def test_frechet_distance_holds_with_fewer_samples_than_features() -> None:
    one = RNG.normal(size=(6, 20))
    assert statistics.frechet(one, one) == pytest.approx(0, abs=1e-6)


def test_kernel_distance_equals_torchmetrics() -> None:
    one, other = RNG.normal(size=(40, 7)), RNG.normal(0.4, 1, size=(40, 7))
    expected = poly_mmd(torch.from_numpy(one), torch.from_numpy(other))
    assert statistics.kernel_distance(one, other) == pytest.approx(expected.item(), rel=1e-9)


def test_kernel_distance_of_two_halves_of_one_set_is_about_zero() -> None:
    features = RNG.normal(size=(600, 8))
    near = statistics.kernel_distance(features[:300], features[300:])
    far = statistics.kernel_distance(features[:300], features[300:] + 0.5)
    assert near is not None
    assert far is not None
    assert abs(near) < far / 20


def test_interval_of_a_known_spread() -> None:
    values = RNG.normal(5, 2, 400)
    samples = statistics.draws([str(i) for i in range(400)], 1000, seed=1)
    low, high = statistics.interval(values, samples) or (0, 0)
    assert low < values.mean() < high
    assert high - low == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.15)


def test_photos_of_one_person_are_drawn_together() -> None:
    groups = [str(i // 20) for i in range(400)]  # 20 people, 20 identical values each
    values = np.repeat(RNG.normal(0, 1, 20), 20)
    together = statistics.interval(values, statistics.draws(groups, 500, seed=1)) or [0, 0]
    alone = statistics.interval(values, statistics.draws([str(i) for i in range(400)], 500, seed=1)) or [0, 0]
    assert together[1] - together[0] > 3 * (alone[1] - alone[0])


def test_draws_are_a_function_of_the_seed() -> None:
    one, again, other = (statistics.draws(["a", "b", "c", "d"], 3, seed=seed) for seed in (5, 5, 6))
    assert all(np.array_equal(a, b) for a, b in zip(one, again, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_interval_without_a_finite_value_is_none() -> None:
    assert statistics.interval(np.array([np.nan, np.inf]), statistics.draws(["a", "b"], 10, seed=0)) is None


def test_verification_of_clear_and_of_random_pairs() -> None:
    clear = statistics.verify(RNG.uniform(0, 0.4, 100), RNG.uniform(0.6, 1, 100))
    chance = statistics.verify(RNG.uniform(0, 1, 1000), RNG.uniform(0, 1, 1000))
    assert clear is not None
    assert (clear.accuracy, clear.auc, clear.tar) == (1, 1, 1)
    assert chance is not None
    assert chance.accuracy == pytest.approx(0.5, abs=0.04)
    assert chance.auc == pytest.approx(0.5, abs=0.04)
    assert statistics.verify(np.zeros(9), np.ones(100)) is None
