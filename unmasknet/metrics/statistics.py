"""Statistics over scores: means with intervals, ROC, Fréchet and kernel distance, verification. NumPy only."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray

Values = Float[ndarray, " _"]
Features = Float[ndarray, "_ d"]

Average = Callable[[Values], np.floating[Any]]

FOLDS = 10  # of the cross-validation, as in LFW's verification protocol
DIGITS = 6  # significant digits of a summary; no measurement is more precise


def mean(values: Values) -> float | None:
    """Computes the mean over the finite values; None without any.

    NaN (undefined) and infinity (the PSNR of identical pixels) are left out.
    """
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if len(finite) else None


def median(values: Values) -> float | None:
    """Computes the median of the finite values; None without any."""
    finite = values[np.isfinite(values)]
    return float(np.median(finite)) if len(finite) else None


def draws(groups: Sequence[str], times: int, seed: int) -> list[Int[ndarray, " _"]]:
    """Draws bootstrap samples of whole groups, since photos of one person are correlated.

    Args:
        groups: the person in each sample.
        times: number of bootstrap samples.
        seed: of the draws.

    Returns:
        Indices of the samples, one array per bootstrap sample. Empty for a single group, from which the variance
        between groups cannot be estimated.
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


def interval(
    values: Values, samples: Sequence[Int[ndarray, " _"]], average: Average = np.mean
) -> list[float] | None:
    """Computes the 95 % confidence interval of an average by bootstrap percentiles.

    Args:
        values: one value per sample; values that are not finite are left out.
        samples: bootstrap samples, as indices.
        average: `np.mean` or `np.median`.

    Returns:
        The edges of the interval; None without a finite value.
    """
    if average is np.mean:
        averages = _means(values, samples)
    else:
        finite = (values[index][np.isfinite(values[index])] for index in samples)
        averages = np.array([average(drawn) for drawn in finite if len(drawn)])
    return percentile_interval(averages)


def percentile_interval(values: Values) -> list[float] | None:
    """Computes the 95 % interval of a statistic from its values in bootstrap samples; None without a finite one."""
    finite = values[np.isfinite(values)]
    return [float(edge) for edge in np.percentile(finite, (2.5, 97.5))] if len(finite) else None


@dataclass(frozen=True)
class Measured:
    """Statistic and its values in the bootstrap samples; None and empty if it is undefined."""

    value: float | None
    samples: Float[ndarray, " samples"]

    @property
    def interval(self) -> list[float] | None:
        """The 95 % interval; None without samples."""
        return None if self.value is None else percentile_interval(self.samples)

    def minus(self, other: "Measured") -> "Measured":
        """Computes the difference of two statistics over the same bootstrap samples."""
        if self.value is None or other.value is None:
            return UNDEFINED
        both = len(self.samples) == len(other.samples)  # none where there are too few people
        return Measured(self.value - other.value, self.samples - other.samples if both else np.empty(0))


UNDEFINED = Measured(None, np.empty(0))


def rounded(value: float | None) -> float | None:
    """Rounds a value for JSON to `DIGITS` significant digits; None if it is not finite."""
    if value is None or not np.isfinite(value):
        return None
    return float(f"{value:.{DIGITS}g}")


def _means(values: Values, samples: Sequence[Int[ndarray, " _"]]) -> Values:
    """Computes the mean of the finite values of each bootstrap sample that has some."""
    finite = np.isfinite(values)
    filled = np.where(finite, values, 0.0)
    sums = np.array([filled[index].sum() for index in samples])
    counts = np.array([finite[index].sum() for index in samples])
    means: Values = sums[counts > 0] / counts[counts > 0]
    return means


def roc_auc(positive: Values, negative: Values) -> float | None:
    """Computes the probability that a positive scores higher than a negative; None if one kind is missing.

    Ties count half.
    """
    if not len(positive) or not len(negative):
        return None
    order = np.sort(negative)
    below, upto = (np.searchsorted(order, positive, side) for side in ("left", "right"))
    return float(((below + upto) / 2).mean() / len(negative))


def roc(positive: Values, negative: Values, points: int = 60) -> list[list[float]]:
    """Computes points (false positive rate, true positive rate) of the ROC curve, from (0, 0) to (1, 1).

    Returns:
        At most `points` points; none if one kind is missing.
    """
    if not len(positive) or not len(negative):
        return []
    scores = np.unique(np.concatenate([positive, negative]))[::-1]
    alarms = 1 - np.searchsorted(np.sort(negative), scores, "left") / len(negative)
    hits = 1 - np.searchsorted(np.sort(positive), scores, "left") / len(positive)
    curve = np.vstack([[0.0, 0.0], np.column_stack([alarms, hits])])
    pick = np.unique(np.linspace(0, len(curve) - 1, points).round().astype(int))
    return [[float(x), float(y)] for x, y in curve[pick]]


def frechet(one: Features, other: Features) -> float | None:
    """Computes the Fréchet distance of two sets of features, taken as Gaussian; FID if they are Inception's.

    |mean - mean'|^2 + trace(C + C' - 2 (C C')^1/2), by the eigenvalues of C C', which are real and not negative.

    Returns:
        The distance; None below two samples. It is biased upwards below a few thousand samples, and more so with fewer
        samples than features.
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
    """Computes the unbiased squared MMD with the kernel (x.y / d + 1)^3; KID if the features are Inception's.

    It uses all pairs instead of random subsets, so it is deterministic. It can be slightly below 0.

    Returns:
        The distance; None below two samples.
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
    """Result of a face verification.

    Attributes:
        pairs: number of pairs of the same person; there are as many of two people.
        accuracy: fraction of correct decisions, each at the threshold that is best on the other folds.
        auc: area under the ROC curve.
        tar: true acceptance rate at a false acceptance rate of 1 %.
    """

    pairs: int
    accuracy: float
    auc: float
    tar: float


def verify(same: Values, other: Values) -> Verification | None:
    """Verifies pairs by their distance with LFW's ten-fold protocol; None below ten pairs of either kind."""
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
    """Computes the accuracy on the held-out fold at the threshold that is best on the rest."""
    threshold = best_threshold(distances[~held], truth[~held])
    return float(((distances[held] < threshold) == truth[held]).mean())


def best_threshold(distances: Values, truth: Bool[ndarray, " n"], *, balanced: bool = False) -> float:
    """Finds the threshold below which most pairs are of one person, and above which most are of two people.

    Args:
        distances: of the pairs; at least one. Pairs at infinity are never accepted.
        truth: whether a pair shows one person.
        balanced: count both kinds of pairs alike where there are more of one.

    Returns:
        The middle between two different distances, or .5 beyond the first or the last; infinity if all are infinite.
    """
    order = np.argsort(distances, kind="stable")
    sorted_distances, sorted_truth = distances[order], truth[order]
    # If the first k are accepted, the same-person pairs among them and the other pairs after them are correct.
    accepted = np.concatenate([[0], np.cumsum(sorted_truth)])
    refused = np.concatenate([np.cumsum(~sorted_truth[::-1])[::-1], [0]])
    hits = accepted * refused[0] + refused * accepted[-1] if balanced else accepted + refused
    finite = sorted_distances[np.isfinite(sorted_distances)]
    if not len(finite):
        return float("inf")
    cuts = np.flatnonzero(np.concatenate([[True], np.diff(finite) > 0, [True]]))  # equal pairs stay together
    k = int(cuts[hits[cuts].argmax()])
    padded = np.concatenate([[finite[0] - 1], finite, [finite[-1] + 1]])
    return float((padded[k] + padded[k + 1]) / 2)
