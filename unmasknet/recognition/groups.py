"""Groups of probes: TAR and FAR of each group at the threshold for all people, which does not know the groups."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Int64
from numpy import ndarray

from unmasknet.evaluation.group_comparison import LEAST_PEOPLE, Better, compare_groups
from unmasknet.metrics.statistics import UNDEFINED, Measured
from unmasknet.recognition import rates
from unmasknet.recognition.bootstrap import Weights
from unmasknet.recognition.roc import FARS, Curve
from unmasknet.recognition.scored_rows import Scored, ScoredRow

GROUP_FAR = "0.01"  # rate of false acceptance over all people whose threshold groups are compared at
RATES: Mapping[str, Better] = {"tar": "higher", "far": "lower"}  # of a group, and which way each is better


@dataclass(frozen=True)
class GroupedPairs:
    """Pairs that are compared by group of the probe.

    Attributes:
        rows: the rows.
        scored: their pairs.
        people: number of the person on each photo.
        weights: the bootstrap samples.
    """

    rows: Mapping[str, ScoredRow]
    scored: Scored
    people: Int64[ndarray, " photos"]
    weights: Weights

    def compare(self, attribute: str, groups: Sequence[str]) -> dict[str, Any]:
        """Measures groups of probes at each row's threshold for all people.

        Args:
            attribute: what the groups are of.
            groups: the group of each photo; "" if it is unknown.

        Returns:
            As `compare_groups` does, of photos, with the gaps of `ROW.tar` and `ROW.far`. An entry of `groups` has
            `photos` and `people`; `same` and `impostors`, the numbers of pairs with such a probe; and `rows`: row ->
            `same`, `tar`, `far` and `auc`, and `ci95` of rates that rest on enough people.
        """
        member = np.array(groups, dtype=str)
        better = {f"{row}.{rate}": way for row in self.rows for rate, way in RATES.items()}

        def measure(names: Sequence[str]) -> dict[str, Measured]:
            listed, impostors = self._chosen(np.isin(member, names))
            return {
                f"{name}.{rate}": one
                for name, row in self.rows.items()
                for rate, one in self._rates(row, listed, impostors).items()
            }

        people = [str(person) for person in self.people.tolist()]
        found = compare_groups(attribute, groups, people, measure, better)
        return found | {
            "groups": {name: self._entry(entry, member == name) for name, entry in found["groups"].items()}
        }

    def _chosen(self, photos: Bool[ndarray, " photos"]) -> tuple[Bool[ndarray, " n"], Bool[ndarray, " m"]]:
        """Returns which listed pairs of one person, and which impostors, have one of these photos as their probe."""
        listed = self.scored.listed
        return listed.same & photos[listed.probe], photos[self.scored.impostors.probe]

    def _entry(self, entry: Mapping[str, Any], photos: Bool[ndarray, " photos"]) -> dict[str, Any]:
        """Sorts the scores of a group by row."""
        listed, impostors = self._chosen(photos)
        return {
            "photos": entry["n"],
            "people": entry["people"],
            "same": int(listed.sum()),
            "impostors": int(impostors.sum()),
            "rows": {
                name: {
                    "same": int((listed & row.known).sum()),
                    **{rate: entry[f"{name}.{rate}"] for rate in (*RATES, "auc")},
                    "ci95": {
                        rate: entry["ci95"][f"{name}.{rate}"]
                        for rate in RATES
                        if f"{name}.{rate}" in entry["ci95"]
                    },
                }
                for name, row in self.rows.items()
            },
        }

    def _rates(
        self, row: ScoredRow, listed: Bool[ndarray, " n"], impostors: Bool[ndarray, " m"]
    ) -> dict[str, Measured]:
        """Measures some pairs of a row; without bootstrap samples for fewer than `LEAST_PEOPLE` people."""
        genuine = row.sides.where(listed & row.known)
        strangers = row.impostors.where(impostors & np.isfinite(row.impostors.similarity))
        threshold = row.curve.threshold(FARS[GROUP_FAR])
        found = dict.fromkeys(RATES, UNDEFINED)
        if threshold is not None:
            for rate, sides in (("tar", genuine), ("far", strangers)):
                share = rates.accepted_share(sides, threshold, self.weights)
                enough = len(np.unique(sides.other)) >= LEAST_PEOPLE
                found[rate] = share if enough else Measured(share.value, np.empty(0))
        auc = Curve(genuine, strangers).rates()["auc"]
        return {**found, "auc": Measured(auc if np.isfinite(auc) else None, np.empty(0))}
