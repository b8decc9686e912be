"""Rates of a verification: accuracy by folds as in LFW's protocol, TAR at FAR, AUC and EER, with bootstrap samples."""

import numpy as np
from jaxtyping import Bool, Float, Int64
from numpy import ndarray

from unmasknet.metrics import statistics
from unmasknet.metrics.statistics import UNDEFINED, Measured
from unmasknet.recognition.bootstrap import Sides, Weights
from unmasknet.recognition.roc import FARS, Curve

RATES = ("accuracy", "auc", "eer", *(f"tar_at_far.{key}" for key in FARS))
REJECTED = -2.0  # similarity of a pair with a face that was not found: below every cosine
RELIABLE = 30  # false acceptances below which a rate is uncertain: Doddington's "rule of 30" (2000)


def decisions(
    similarity: Float[ndarray, " n"], same: Bool[ndarray, " n"], fold: Int64[ndarray, " n"]
) -> tuple[Bool[ndarray, " n"], float]:
    """Decides each pair at the threshold that is best on the pairs of all other folds, as LFW's protocol does.

    A pair with a face that was not found is refused, whatever the threshold.

    Returns:
        Whether each decision is right, and the mean threshold; NaN without a pair that could be accepted.
    """
    right = np.zeros(len(similarity), bool)
    distances = np.where(similarity > REJECTED, -similarity, np.inf)
    thresholds = []
    for number in np.unique(fold):
        held = fold == number
        rest = ~held if (~held).any() else held  # one fold alone has no other
        limit = statistics.best_threshold(distances[rest], same[rest], balanced=True)
        right[held] = (distances[held] < limit) == same[held]
        thresholds.append(-limit)
    finite = np.array(thresholds)[np.isfinite(thresholds)]
    return right, float(finite.mean()) if len(finite) else float("nan")


def accuracy(
    right: Bool[ndarray, " n"], same: Bool[ndarray, " n"], sides: Sides, people: Weights
) -> Measured:
    """Computes the mean of the fractions of right decisions on genuine and on impostor pairs.

    With as many pairs of either kind, as in LFW's protocol, it is the fraction of right decisions.
    """
    if not same.any() or same.all():
        return UNDEFINED

    def of(weights: Float[ndarray, " n"]) -> float:
        total = [weights[kind].sum() for kind in (same, ~same)]
        hits = [weights[kind & right].sum() for kind in (same, ~same)]
        return float(np.mean([h / t for h, t in zip(hits, total, strict=True)])) if min(total) > 0 else np.nan

    samples = np.array([of(sides.weights(row)) for row in people])
    return Measured(of(np.ones(len(right))), samples)


def fold_error(right: Bool[ndarray, " n"], fold: Int64[ndarray, " n"]) -> float | None:
    """Computes the standard error of the folds' accuracies, which LFW's protocol states; None for one fold."""
    means = [float(right[fold == number].mean()) for number in np.unique(fold)]
    return float(np.std(means, ddof=1) / np.sqrt(len(means))) if len(means) > 1 else None


def curve_rates(curve: Curve, people: Weights) -> dict[str, Measured]:
    """Computes AUC, EER and TAR at each FAR with their bootstrap samples, by the names in `RATES`."""
    names = {"auc": "auc", "eer": "eer"} | {key: f"tar_at_far.{key}" for key in FARS}
    values = curve.rates()
    drawn = [curve.rates(row) for row in people]
    return {
        name: Measured(values[key], np.array([one[key] for one in drawn]))
        if np.isfinite(values[key])
        else UNDEFINED
        for key, name in names.items()
    }


def accepted_share(sides: Sides, threshold: float, people: Weights) -> Measured:
    """Computes the fraction of the pairs above a threshold."""
    if not len(sides.similarity):
        return UNDEFINED
    accepted = sides.similarity > threshold
    total = sides.totals(np.ones(len(accepted), bool), people)
    share = sides.totals(accepted, people) / np.where(total > 0, total, np.nan)
    return Measured(float(accepted.mean()), share)
