"""Rows of an evaluation: pairs with their similarities, and the rates on all or some of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int64
from numpy import ndarray

from unmasknet.metrics.statistics import Measured
from unmasknet.recognition import rates
from unmasknet.recognition.bootstrap import Sides, Weights
from unmasknet.recognition.pairs import Pairs
from unmasknet.recognition.roc import Curve


@dataclass(frozen=True)
class Scored:
    """Pairs with their similarities.

    Attributes:
        listed: pairs that decide the accuracy; those of one person are the genuine pairs of all rates.
        impostors: pairs of two people for the rates of false acceptance.
        listed_similarity, impostor_similarity: row -> one value per pair; NaN where a pair has no reference.
        references: number of the photo by which the probe of each listed pair is restored; `NONE` without.
    """

    listed: Pairs
    impostors: Pairs
    listed_similarity: Mapping[str, Float[ndarray, " n"]]
    impostor_similarity: Mapping[str, Float[ndarray, " m"]]
    references: Int64[ndarray, " n"]


@dataclass(frozen=True)
class ScoredRow:
    """Pairs of one row that have a similarity, and what decides about them.

    Attributes:
        listed: similarities of the listed pairs; NaN without a reference.
        same: whether each shows one person.
        fold: of each.
        right: whether LFW's protocol decides each rightly.
        threshold: mean of the folds' thresholds.
        genuine, impostors: the pairs of the curve.
    """

    listed: Float[ndarray, " n"]
    same: Bool[ndarray, " n"]
    fold: Int64[ndarray, " n"]
    right: Bool[ndarray, " n"]
    threshold: float
    sides: Sides
    impostors: Sides

    @property
    def known(self) -> Bool[ndarray, " n"]:
        """Which listed pairs have a similarity."""
        return np.isfinite(self.listed)

    def rates(
        self, listed: Bool[ndarray, " n"], impostors: Bool[ndarray, " m"], people: Weights
    ) -> dict[str, Measured]:
        """Measures all rates on some of the pairs."""
        same, sides = self.same[listed], self.sides.where(listed)
        found = {"accuracy": rates.accuracy(self.right[listed], same, sides, people)}
        curve = Curve(sides.where(same), self.impostors.where(impostors))
        return found | rates.curve_rates(curve, people)

    @cached_property
    def curve(self) -> Curve:
        """ROC of all pairs of the row."""
        return Curve(
            self.sides.where(self.same & self.known),
            self.impostors.where(np.isfinite(self.impostors.similarity)),
        )


def build_rows(scored: Scored, people: Int64[ndarray, " photos"]) -> dict[str, ScoredRow]:
    """Builds the rows. `people`: number of the person on each photo."""
    found = {}
    listed, impostors = scored.listed, scored.impostors
    for name, similarity in scored.listed_similarity.items():
        known = np.isfinite(similarity)
        right = np.zeros(len(similarity), bool)
        right[known], threshold = rates.decisions(similarity[known], listed.same[known], listed.fold[known])
        found[name] = ScoredRow(
            similarity,
            listed.same,
            listed.fold,
            right,
            threshold,
            Sides(similarity, people[listed.gallery], people[listed.probe]),
            Sides(scored.impostor_similarity[name], people[impostors.gallery], people[impostors.probe]),
        )
    return found
