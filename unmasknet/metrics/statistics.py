"""From scores to figures: means with intervals, ROC, Fréchet and kernel distance, verification. NumPy only."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray

Values = Float[ndarray, " _"]
Features = Float[ndarray, "_ d"]

FOLDS = 10  # of a verification's cross-validation, as LFW's protocol has it


def mean(values: Values) -> float | None:
    """Mean over the finite values; None where there is none.

    Left out are NaN (not defined) and infinity (the PSNR of identical pixels).
    """
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if len(finite) else None


def draws(groups: Sequence[str], times: int, seed: int) -> list[Int[ndarray, " _"]]:
    """Bootstrap samples as lists of indices: whole groups are drawn, since photos of one person are alike.

    Args:
        groups: who is seen in each sample.
        times: number of bootstrap samples.
        seed: of the draws.

    Returns:
        None of a single group: how far groups differ it cannot tell, and an interval of it would have no width.
    """
    names, member = np.unique(np.asarray(groups, dtype=str), return_inverse=True)
    if len(names) < 2:
        return []
    order = np.argsort(member, kind="stable")
    starts = np.searchsorted(member[order], np.arange(len(names) + 1))
    people = [order[starts[i] : starts[i + 1]] for i in range(len(names))]
    rng = np.random.default_rng(seed)
    return [
        np.concatenate([people[i] for i in rng.integers(len(names), size=len(names))]) for _ in range(times)
    ]


def interval(values: Values, samples: Sequence[Int[ndarray, " _"]]) -> list[float] | None:
    """The 95 % interval of the mean, by percentiles over bootstrap samples; None without a finite value."""
    finite = np.isfinite(values)
    filled = np.where(finite, values, 0.0)
    sums = np.array([filled[index].sum() for index in samples])
    counts = np.array([finite[index].sum() for index in samples])
    means = sums[counts > 0] / counts[counts > 0]
    return [float(edge) for edge in np.percentile(means, (2.5, 97.5))] if len(means) else None


def roc_auc(positive: Values, negative: Values) -> float | None:
    """Probability that a positive scores higher than a negative, ties half; None where one kind is missing."""
    if not len(positive) or not len(negative):
        return None
    order = np.sort(negative)
    below, upto = (np.searchsorted(order, positive, side) for side in ("left", "right"))
    return float(((below + upto) / 2).mean() / len(negative))


def roc(positive: Values, negative: Values, points: int = 60) -> list[list[float]]:
    """Points (false alarms, hits) of the ROC curve, from (0, 0) to (1, 1); empty where one kind is missing."""
    if not len(positive) or not len(negative):
        return []
    scores = np.unique(np.concatenate([positive, negative]))[::-1]
    alarms = 1 - np.searchsorted(np.sort(negative), scores, "left") / len(negative)
    hits = 1 - np.searchsorted(np.sort(positive), scores, "left") / len(positive)
    curve = np.vstack([[0.0, 0.0], np.column_stack([alarms, hits])])
    pick = np.unique(np.linspace(0, len(curve) - 1, points).round().astype(int))
    return [[float(x), float(y)] for x, y in curve[pick]]


def frechet(one: Features, other: Features) -> float | None:
    """Fréchet distance of two sets of features thought to be Gaussian: FID where the features are Inception's.

    |mean - mean'|^2 + trace(C + C' - 2 (C C')^1/2), by the eigenvalues of C C', which are real and not negative.
    None below two samples. Below a few thousand samples, and the more below the number of features, it is too large.
    """
    if min(len(one), len(other)) < 2:
        return None
    first, second = (
        np.atleast_2d(np.cov(features.astype(np.float64), rowvar=False)) for features in (one, other)
    )
    shift = one.mean(0, dtype=np.float64) - other.mean(0, dtype=np.float64)
    roots = np.sqrt(np.clip(np.linalg.eigvals(first @ second).real, 0, None))
    return float(shift @ shift + np.trace(first) + np.trace(second) - 2 * roots.sum())


def kernel_distance(one: Features, other: Features) -> float | None:
    """Squared MMD under the kernel (x.y / d + 1)^3, unbiased: KID where the features are Inception's.

    Over all pairs, not over drawn subsets, so it has no luck in it. May be a little below 0. None below two samples.
    """
    if min(len(one), len(other)) < 2:
        return None
    first, second = one.astype(np.float64), other.astype(np.float64)

    def kernel(left: Features, right: Features) -> Float[ndarray, "l r"]:
        return (left @ right.T / left.shape[1] + 1) ** 3

    def within(features: Features) -> float:
        values = kernel(features, features)
        return float((values.sum() - np.trace(values)) / (len(features) * (len(features) - 1)))

    return within(first) + within(second) - 2 * float(kernel(first, second).mean())


@dataclass(frozen=True)
class Verification:
    """How well distances tell the same person from another.

    Attributes:
        pairs: of the same person; there are as many of two people.
        accuracy: share of right verdicts, each at the threshold that is best on the other folds.
        auc: area under the ROC curve.
        tar: share of right acceptances where 1 % of the strangers are accepted.
    """

    pairs: int
    accuracy: float
    auc: float
    tar: float


def verify(same: Values, other: Values) -> Verification | None:
    """Judge pairs by their distance, with LFW's protocol of ten folds; None below ten pairs of either kind."""
    count = min(len(same), len(other))
    if count < FOLDS:
        return None
    distances = np.concatenate([same, other])
    truth = np.concatenate([np.ones(len(same), bool), np.zeros(len(other), bool)])
    fold = np.concatenate([np.arange(len(same)), np.arange(len(other))]) % FOLDS
    right = [_best_on_rest(distances, truth, fold == number) for number in range(FOLDS)]
    accepted = float(np.percentile(other, 1))
    auc = roc_auc(-same, -other)
    assert auc is not None
    return Verification(len(same), float(np.mean(right)), auc, float((same < accepted).mean()))


def _best_on_rest(distances: Values, truth: Bool[ndarray, " n"], held: Bool[ndarray, " n"]) -> float:
    """Accuracy on the held fold at the threshold that is best on the rest."""
    order = np.argsort(distances[~held], kind="stable")
    sorted_distances, sorted_truth = distances[~held][order], truth[~held][order]
    # Accepting the first k: right are the same-pairs among them and the others behind them.
    hits = np.concatenate([[0], np.cumsum(sorted_truth)]) + np.concatenate(
        [np.cumsum(~sorted_truth[::-1])[::-1], [0]]
    )
    k = int(hits.argmax())
    padded = np.concatenate([[sorted_distances[0] - 1], sorted_distances, [sorted_distances[-1] + 1]])
    threshold = (padded[k] + padded[k + 1]) / 2
    return float(((distances[held] < threshold) == truth[held]).mean())
