"""Groups of probes: TAR and FAR of each group at the threshold for all people, which does not know the groups."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Bool, Int64
from numpy import ndarray

from maskgen.dataset.attributes import sorted_groups
from unmasknet.recognition import rates
from unmasknet.recognition.bootstrap import UNDEFINED, Weights, intervals, rounded
from unmasknet.recognition.roc import FARS, Curve
from unmasknet.recognition.scored_rows import Scored, ScoredRow

LEAST_PEOPLE = 5  # of a group; the bootstrap says nothing about the spread of fewer
GROUP_FAR = "0.01"  # rate of false acceptance over all people whose threshold groups are compared at


def group_summary(
    rows: Mapping[str, ScoredRow],
    scored: Scored,
    people: Int64[ndarray, " photos"],
    labels: ndarray,
    weights: Weights,
) -> dict[str, Any]:
    """Measures groups of probes at each row's threshold for all people, which does not know the groups.

    Returns:
        group -> number of genuine pairs and of people; row -> `tar`, `far` and `auc` of the group, with intervals.
    """
    found: dict[str, Any] = {}
    for group in sorted_groups(set(labels.tolist()) - {""}):
        listed = scored.listed.same & (labels[scored.listed.probe] == group)
        impostors = labels[scored.impostors.probe] == group
        found[group] = {
            "same": int(listed.sum()),
            "impostors": int(impostors.sum()),
            "people": len(set(people[scored.listed.probe[listed]].tolist())),
            "rows": {name: _group_row(row, listed, impostors, weights) for name, row in rows.items()},
        }
    return found


def _group_row(
    row: ScoredRow, listed: Bool[ndarray, " n"], impostors: Bool[ndarray, " m"], weights: Weights
) -> dict[str, Any]:
    """Builds the entry of a row in a group; without intervals for fewer than `LEAST_PEOPLE` people."""
    genuine = row.sides.where(listed & row.known)
    strangers = row.impostors.where(impostors & np.isfinite(row.impostors.similarity))
    threshold = row.curve.threshold(FARS[GROUP_FAR])
    measured = {"tar": UNDEFINED, "far": UNDEFINED}
    if threshold is not None:
        measured = {
            name: rates.accepted_share(sides, threshold, weights)
            for name, sides in (("tar", genuine), ("far", strangers))
        }
    auc = Curve(genuine, strangers).rates()["auc"]
    enough = len(np.unique(genuine.one)) >= LEAST_PEOPLE
    return {
        "same": len(genuine.similarity),
        **{name: rounded(one.value) for name, one in measured.items()},
        "auc": rounded(auc if np.isfinite(auc) else None),
        "ci95": intervals(measured) if enough else {},
    }
