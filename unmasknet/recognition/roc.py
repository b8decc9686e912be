"""ROC of genuine against impostor pairs: TAR at FAR, AUC and EER, for any weights of the people.

A pair is accepted if its similarity exceeds a threshold. TAR is the accepted fraction of the pairs of one person
(genuine), FAR that of the pairs of two people (impostors), FRR = 1 - TAR.
"""

import numpy as np
from jaxtyping import Float, Int64
from numpy import ndarray

from unmasknet.recognition.bootstrap import Sides

Values = Float[ndarray, " _"]
FARS = {"0.01": 1e-2, "0.001": 1e-3}  # rates of false acceptance at which TAR is reported, by their keys


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
