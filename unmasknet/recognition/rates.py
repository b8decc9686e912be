"""Rates of a verification: accuracy by folds, ROC, TAR at FAR, EER; each with an interval over people.

A pair is accepted if its similarity exceeds a threshold. TAR is the accepted fraction of the pairs of one person
(genuine), FAR that of the pairs of two people (impostors), FRR = 1 - TAR.

Bootstrap samples draw people with replacement, since pairs that share a person are correlated. In a sample a person
counts as often as drawn, a genuine pair as often as its person, an impostor pair as often as the product of both (the
vertex bootstrap of Snijders and Borgatti, "Non-parametric standard errors and tests for network statistics", 1999).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int64, Shaped
from numpy import ndarray

from unmasknet.metrics import statistics

Values = Float[ndarray, " _"]
Weights = Float[ndarray, "samples people"]
FARS = {"0.01": 1e-2, "0.001": 1e-3}  # rates of false acceptance at which TAR is reported, by their keys
RATES = ("accuracy", "auc", "eer", *(f"tar_at_far.{key}" for key in FARS))
REJECTED = -2.0  # similarity of a pair with a face that was not found: below every cosine
RELIABLE = 30  # false acceptances below which a rate is uncertain: Doddington's "rule of 30" (2000)


@dataclass(frozen=True)
class Sides:
    """Similarities of some pairs of one kind, and the numbers of their two people.

    Attributes:
        similarity: cosine; `REJECTED` where a face was not found.
        one, other: number of the person on each side; equal for genuine pairs.
    """

    similarity: Float[ndarray, " n"]
    one: Int64[ndarray, " n"]
    other: Int64[ndarray, " n"]

    def where(self, chosen: Shaped[ndarray, " _"]) -> "Sides":
        """Returns some of the pairs: those that are true, or those of these numbers in this order."""
        return Sides(self.similarity[chosen], self.one[chosen], self.other[chosen])

    @cached_property
    def alone(self) -> Bool[ndarray, " n"] | None:
        """Which pairs show one person; None if none does."""
        alone: Bool[ndarray, " n"] = self.one == self.other
        return alone if alone.any() else None

    def weights(self, people: Float[ndarray, " people"]) -> Float[ndarray, " n"]:
        """Computes how often each pair is in a bootstrap sample that has each person so often."""
        once = people[self.one]
        both = once * people[self.other]
        return both if self.alone is None else np.where(self.alone, once, both)

    def totals(self, counted: Bool[ndarray, " n"], people: Weights) -> Float[ndarray, " samples"]:
        """Sums the weights of some pairs in all bootstrap samples at once, by a table of gallery and probe people."""
        alone = np.zeros(len(counted), bool) if self.alone is None else self.alone
        own = np.bincount(self.one[alone & counted], minlength=people.shape[1])
        others, column = np.unique(self.other, return_inverse=True)
        cells = (self.one * len(others) + column)[~alone & counted]
        table = np.bincount(cells, minlength=people.shape[1] * len(others)).reshape(people.shape[1], -1)
        between = (people @ table.astype(float) * people[:, others]).sum(1)
        return people @ own.astype(float) + between


@dataclass(frozen=True)
class Measured:
    """Rate and its values in the bootstrap samples; None and empty if it is undefined."""

    value: float | None
    samples: Float[ndarray, " samples"]

    @property
    def interval(self) -> list[float] | None:
        """The 95 % interval; None without samples."""
        finite = self.samples[np.isfinite(self.samples)]
        if self.value is None or not len(finite):
            return None
        return [float(edge) for edge in np.percentile(finite, (2.5, 97.5))]

    def minus(self, other: "Measured") -> "Measured":
        """Computes the difference of two rates over the same people and bootstrap samples."""
        if self.value is None or other.value is None:
            return Measured(None, np.empty(0))
        return Measured(self.value - other.value, self.samples - other.samples)


UNDEFINED = Measured(None, np.empty(0))


def bootstrap_weights(people: int, times: int, seed: int) -> Weights:
    """Draws how often each person is in each bootstrap sample; no samples for fewer than two people."""
    drawn = statistics.draws([f"{number:09d}" for number in range(people)], times, seed)
    weights = np.zeros((len(drawn), people))
    for row, index in zip(weights, drawn, strict=True):
        row[:] = np.bincount(index, minlength=people)
    return weights


class Curve:
    """ROC of genuine against impostor pairs, sorted once, for any weights of the people.

    TAR only changes at the similarity of a genuine pair. So impostors are counted between these, and a bootstrap sample
    of many of them costs one pass.
    """

    def __init__(self, genuine: Sides, impostors: Sides) -> None:
        self.genuine = genuine.where(np.argsort(-genuine.similarity, kind="stable"))
        self.impostors = impostors.where(np.argsort(-impostors.similarity, kind="stable"))
        rising = self.genuine.similarity[::-1]
        count = len(rising)
        # genuine pairs above, and not below, the similarity of each impostor
        above = count - np.searchsorted(rising, self.impostors.similarity, "right")
        upto = count - np.searchsorted(rising, self.impostors.similarity, "left")
        # Impostors with the same two numbers are in one bin, the most similar in the first.
        firsts, self.bin = np.unique(above + upto, return_inverse=True)
        self.above, self.upto = (np.zeros(len(firsts), np.int64) for _ in range(2))
        self.above[self.bin], self.upto[self.bin] = above, upto

    @property
    def _sides(self) -> tuple[Int64[ndarray, " _"], ...]:
        return self.genuine.one, self.genuine.other, self.impostors.one, self.impostors.other

    def rates(self, people: Float[ndarray, " people"] | None = None) -> dict[str, float]:
        """Computes AUC, EER and TAR at each FAR; NaN without a pair of either kind.

        Args:
            people: how often each person counts; None: once.
        """
        if people is None:
            people = np.ones(1 + max(int(side.max(initial=0)) for side in self._sides))
        own = np.bincount(self.bin, self.impostors.weights(people))
        accepted = np.concatenate([[0.0], np.cumsum(self.genuine.weights(people))])
        if not accepted[-1] > 0 or not own.sum() > 0:
            return dict.fromkeys(("auc", "eer", *FARS), float("nan"))
        far = np.concatenate([[0.0], np.cumsum(own) / own.sum()])
        above, upto = accepted[self.above] / accepted[-1], accepted[self.upto] / accepted[-1]
        # An impostor is ranked below the genuine pairs above it; ties count half.
        auc = float((np.diff(far) * (above + upto)).sum() / 2)
        found = {"auc": min(1.0, auc), "eer": _equal(far, above, upto)}
        for key, limit in FARS.items():
            found[key] = self._tar(above, far, limit)
        return found

    def points(self, count: int = 80) -> list[list[float]]:
        """Returns points (FAR, TAR) of the curve, evenly on a logarithmic axis of FAR, the last one (1, 1)."""
        impostors, total = self.impostors.similarity, len(self.impostors.similarity)
        if not total or not len(self.genuine.similarity):
            return []
        ranks = np.unique(np.geomspace(1, total, count).astype(int)) - 1
        far = np.searchsorted(-impostors, -impostors[ranks], "left") / total
        tar = self.above[self.bin[ranks]] / len(self.genuine.similarity)
        return [*([float(r), float(t)] for r, t in zip(far, tar, strict=True)), [1.0, 1.0]]

    def threshold(self, far: float) -> float | None:
        """Returns the similarity that at most the fraction `far` of the impostors exceeds; None if too few."""
        count = len(self.impostors.similarity)
        if far * count < 1:
            return None
        return float(self.impostors.similarity[min(int(far * count + 1e-9), count - 1)])

    def _tar(self, above: Values, far: Values, limit: float) -> float:
        """Computes TAR where at most `limit` of the impostors are accepted; NaN if that is less than one of them.

        Args:
            above: accepted fraction of the genuine pairs above each bin.
            far: fraction of the impostors before each bin, and 1.
            limit: the rate of false acceptance.
        """
        if limit * len(self.impostors.similarity) < 1:
            return float("nan")
        at = int(
            np.searchsorted(far[1:], limit * (1 + 1e-9), "right")
        )  # the bin in which the limit is exceeded
        return float(above[min(at, len(above) - 1)])


def _equal(far: Values, above: Values, upto: Values) -> float:
    """Computes the equal error rate: where the curve crosses FAR = FRR, linear within a bin.

    Args:
        far: fraction of the impostors before each bin, and 1.
        above, upto: fraction of the genuine pairs above each bin, and of those not below it.
    """
    at = int(np.argmax(far[1:] >= 1 - upto))
    before, frr = float(far[at]), float(1 - above[at])
    if frr <= before:  # crossed between two bins, where TAR rises at one FAR
        return before
    wide, fall = float(far[at + 1]) - before, float(upto[at] - above[at])
    return before + (frr - before) / (wide + fall) * wide


def decisions(
    similarity: Float[ndarray, " n"], same: Bool[ndarray, " n"], fold: Int64[ndarray, " n"]
) -> tuple[Bool[ndarray, " n"], float]:
    """Decides each pair at the threshold that is best on the pairs of all other folds, as LFW's protocol does.

    Returns:
        Whether each decision is right, and the mean threshold.
    """
    right = np.zeros(len(similarity), bool)
    thresholds = []
    for number in np.unique(fold):
        held = fold == number
        rest = ~held if (~held).any() else held  # one fold alone has no other
        threshold = -statistics.best_threshold(-similarity[rest], same[rest], balanced=True)
        accepted = (similarity[held] > threshold) & (similarity[held] > REJECTED)
        right[held] = accepted == same[held]
        thresholds.append(threshold)
    return right, float(np.mean(thresholds)) if thresholds else float("nan")


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


def numbered(people: Sequence[str]) -> Int64[ndarray, " n"]:
    """Numbers the people, in the order of their names."""
    numbers: Shaped[ndarray, " n"] = np.unique(np.asarray(people, dtype=str), return_inverse=True)[1]
    return numbers.astype(np.int64)
