"""Bootstrap over people: weights of pairs in bootstrap samples, and rates with their intervals.

Bootstrap samples draw people with replacement, since pairs that share a person are correlated. In a sample a person
counts as often as drawn, a genuine pair as often as its person, an impostor pair as often as the product of both (the
vertex bootstrap of Snijders and Borgatti, "Non-parametric standard errors and tests for network statistics", 1999).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int64, Shaped
from numpy import ndarray

from unmasknet.metrics import statistics
from unmasknet.metrics.statistics import Measured

Weights = Float[ndarray, "samples people"]
DIGITS = 5  # after the decimal point, in the summary


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


def bootstrap_weights(people: int, times: int, seed: int) -> Weights:
    """Draws how often each person is in each bootstrap sample; no samples for fewer than two people."""
    drawn = statistics.draws([f"{number:09d}" for number in range(people)], times, seed)
    weights = np.zeros((len(drawn), people))
    for row, index in zip(weights, drawn, strict=True):
        row[:] = np.bincount(index, minlength=people)
    return weights


def numbered(people: Sequence[str]) -> Int64[ndarray, " n"]:
    """Numbers the people, in the order of their names."""
    numbers: Shaped[ndarray, " n"] = np.unique(np.asarray(people, dtype=str), return_inverse=True)[1]
    return numbers.astype(np.int64)


def intervals(measured: Mapping[str, Measured]) -> dict[str, list[float | None]]:
    """Returns the rounded 95 % intervals of those rates that have one."""
    edges = {name: one.interval for name, one in measured.items()}
    return {name: [rounded(edge) for edge in both] for name, both in edges.items() if both}


def rounded(value: float | None) -> float | None:
    """Rounds a value for the summary; None if it is undefined."""
    return None if value is None or not np.isfinite(value) else round(float(value), DIGITS) + 0.0
