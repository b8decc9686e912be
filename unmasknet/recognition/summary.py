"""Summary of an evaluation, as `--json` prints it: rows, differences between them, and groups of probes."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int64
from numpy import ndarray

from unmasknet.recognition import rates
from unmasknet.recognition.embeddings import Embeddings
from unmasknet.recognition.networks import FaceNetwork
from unmasknet.recognition.pairs import NONE, Pairs
from unmasknet.recognition.photos import NamedPhoto
from unmasknet.recognition.rates import REJECTED, Curve, Measured, Sides, Weights
from unmasknet.recognition.settings import RecognitionSettings

Summary = dict[str, Any]
DIGITS = 5  # after the decimal point
BINS = 48  # of the histograms of similarities
LEAST_PEOPLE = 5  # of a group; the bootstrap says nothing about the spread of fewer
GROUP_FAR = "0.01"  # rate of false acceptance over all people whose threshold groups are compared at
# Differences: name -> the row, and the row that is subtracted.
DIFFERENCES = {
    "a mask on the probe": ("plain-masked", "plain-plain"),
    "masks on both": ("masked-masked", "plain-plain"),
    "restoring the probe": ("plain-restored", "plain-masked"),
    "restoring the probe of two masked photos": ("masked-restored", "masked-masked"),
    "restoring the probe by a reference": ("plain-reference-restored", "plain-masked"),
    "a reference beside plain restoring": ("plain-reference-restored", "plain-restored"),
    "what restoring leaves lost": ("plain-restored", "plain-plain"),
    "what restoring by a reference leaves lost": ("plain-reference-restored", "plain-plain"),
}


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
class Facts:
    """Facts about the run that the summary holds beside the rates.

    Attributes:
        settings: of the command.
        data: name of the data set.
        split: the split that is scored.
        network: the face recognition network.
        missing: number of listed pairs that lack a photo.
        left: number of samples left out, by reason.
        embeddings: of all photos.
        jobs: number of probes restored by a reference.
    """

    settings: RecognitionSettings
    data: str
    split: str
    network: FaceNetwork
    missing: int
    left: Counter[str]
    embeddings: Embeddings
    jobs: int


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


def summarise(
    facts: Facts, photos: Sequence[NamedPhoto], scored: Scored, attributes: Sequence[Mapping[str, str]]
) -> Summary:
    """Builds the summary.

    Args:
        facts: about the run.
        photos: the photos.
        scored: the pairs with their similarities.
        attributes: attribute -> group of the person on each photo.
    """
    settings = facts.settings
    people = rates.numbered([photo.person for photo in photos])
    weights = rates.bootstrap_weights(int(people.max()) + 1, settings.bootstrap, settings.seed)
    rows = build_rows(scored, people)
    measured = {name: _all_rates(row, weights) for name, row in rows.items()}
    groups = {
        "by_family": [photo.family for photo in photos],
        "by_wear": [photo.wear for photo in photos],
        "by_yaw": [photo.yaw_range for photo in photos],
    }
    return {
        "data": facts.data,
        "split": facts.split or "all",
        "network": {"name": facts.network.name, "side": facts.network.side, "flip": settings.flip},
        "weights": list(settings.weights) if settings.restores else [],
        "map": settings.map,
        "landmarks": settings.landmarks,
        "protocol": "listed" if settings.pairs else "drawn",
        "seed": settings.seed,
        "people": len(set(people.tolist())),
        "photos": len(photos),
        "pairs": {
            "same": int(scored.listed.same.sum()),
            "different": int((~scored.listed.same).sum()),
            "impostors": len(scored.impostors),
            "folds": len(np.unique(scored.listed.fold)),
            "missing": facts.missing,
            "references": int((scored.references != NONE).sum()),
        },
        "left_out": dict(facts.left),
        "unrestored": facts.embeddings.unrestored,
        "refused_references": facts.embeddings.refused,
        "rows": {name: _row_summary(row, measured[name], _range(rows)) for name, row in rows.items()},
        "differences": dict(_differences(rows, measured, weights)),
        **{
            name: _grouped(rows, scored, people, np.array(labels, str), weights)
            for name, labels in groups.items()
        },
        "by_group": {
            attribute: _grouped(
                rows,
                scored,
                people,
                np.array([one.get(attribute, "") for one in attributes], str),
                weights,
            )
            for attribute in sorted({name for one in attributes for name in one})
        },
    }


def _all_rates(row: ScoredRow, weights: Weights) -> dict[str, Measured]:
    return row.rates(row.known, np.isfinite(row.impostors.similarity), weights)


def _row_summary(row: ScoredRow, measured: Mapping[str, Measured], edges: tuple[float, float]) -> Summary:
    """Builds the entry of a row."""
    known = row.known
    return {
        "same": int((row.same & known).sum()),
        "different": int((~row.same & known).sum()),
        "impostors": int(np.isfinite(row.impostors.similarity).sum()),
        "people": len(set(row.sides.one[known].tolist()) | set(row.sides.other[known].tolist())),
        "not_found": int((row.listed == REJECTED).sum()),
        **_values(measured),
        "fold_error": rounded(rates.fold_error(row.right[known], row.fold[known])),
        "threshold": rounded(row.threshold),
        "ci95": _intervals(measured),
        "roc": [[round(far, 7), round(tar, DIGITS)] for far, tar in row.curve.points()],
        "histogram": {
            "from": edges[0],
            "to": edges[1],
            "same": _histogram(row.curve.genuine.similarity, edges),
            "different": _histogram(row.curve.impostors.similarity, edges),
        },
    }


def _range(rows: Mapping[str, ScoredRow]) -> tuple[float, float]:
    """Returns the range of the histograms, the same for all rows: tenths around nearly all similarities."""
    every = np.concatenate([row.curve.impostors.similarity for row in rows.values()])
    every = every[every > REJECTED]
    low = float(np.floor(10 * np.percentile(every, 0.2)) / 10) if len(every) else -1.0
    return min(low, 0.9), 1.0


def _histogram(similarity: Float[ndarray, " n"], edges: tuple[float, float]) -> list[int]:
    """Counts similarities in `BINS` bins; values beyond the edges count in the outer bins."""
    return np.histogram(np.clip(similarity, *edges), BINS, edges)[0].tolist()


def _values(measured: Mapping[str, Measured]) -> Summary:
    return {
        "accuracy": rounded(measured["accuracy"].value),
        "auc": rounded(measured["auc"].value),
        "eer": rounded(measured["eer"].value),
        "tar_at_far": {key: rounded(measured[f"tar_at_far.{key}"].value) for key in rates.FARS},
    }


def _intervals(measured: Mapping[str, Measured]) -> Summary:
    edges = {name: one.interval for name, one in measured.items()}
    return {name: [rounded(edge) for edge in both] for name, both in edges.items() if both}


def _differences(
    rows: Mapping[str, ScoredRow], measured: Mapping[str, Mapping[str, Measured]], weights: Weights
) -> Iterator[tuple[str, Summary]]:
    """Yields the differences between two rows, over the pairs that both have."""
    for name, (one, other) in DIFFERENCES.items():
        if one not in rows or other not in rows:
            continue
        listed = rows[one].known & rows[other].known
        impostors = np.isfinite(rows[one].impostors.similarity + rows[other].impostors.similarity)
        if listed.all() and impostors.all():
            first, second = measured[one], measured[other]
        else:
            first, second = (rows[row].rates(listed, impostors, weights) for row in (one, other))
        gaps = {rate: first[rate].minus(second[rate]) for rate in rates.RATES}
        yield (
            name,
            {
                "row": one,
                "minus": other,
                "same": int((rows[one].same & listed).sum()),
                **_values(gaps),
                "ci95": _intervals(gaps),
            },
        )


def _grouped(
    rows: Mapping[str, ScoredRow],
    scored: Scored,
    people: Int64[ndarray, " photos"],
    labels: ndarray,
    weights: Weights,
) -> Summary:
    """Measures groups of probes at each row's threshold for all people, which does not know the groups.

    Returns:
        group -> number of genuine pairs and of people; row -> `tar`, `far` and `auc` of the group, with intervals.
    """
    found: Summary = {}
    for group in sorted(set(labels.tolist()) - {""}, key=_order):
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
) -> Summary:
    """Builds the entry of a row in a group; without intervals for fewer than `LEAST_PEOPLE` people."""
    genuine = row.sides.where(listed & row.known)
    strangers = row.impostors.where(impostors & np.isfinite(row.impostors.similarity))
    threshold = row.curve.threshold(rates.FARS[GROUP_FAR])
    measured = {"tar": rates.UNDEFINED, "far": rates.UNDEFINED}
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
        "ci95": _intervals(measured) if enough else {},
    }


def _order(group: str) -> tuple[float, str]:
    """Sorts ranges by their lower edge, other groups by name."""
    low = group.partition("-")[0]
    return (float(low) if low.isdecimal() else -1.0, group)


def rounded(value: float | None) -> float | None:
    """Rounds a value for the JSON; None if it is undefined."""
    return None if value is None or not np.isfinite(value) else round(float(value), DIGITS) + 0.0
