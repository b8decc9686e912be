"""Summary of an evaluation, as `--json` prints it: rows, differences between them, and groups of probes."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from unmasknet.metrics.statistics import Measured
from unmasknet.recognition import rates
from unmasknet.recognition.bootstrap import (
    DIGITS,
    Weights,
    bootstrap_weights,
    intervals,
    numbered,
    rounded,
)
from unmasknet.recognition.embeddings import Embeddings
from unmasknet.recognition.groups import GroupedPairs
from unmasknet.recognition.networks import FaceNetwork
from unmasknet.recognition.pairs import NONE
from unmasknet.recognition.photos import NamedPhoto
from unmasknet.recognition.rates import REJECTED
from unmasknet.recognition.roc import FARS
from unmasknet.recognition.scored_rows import Scored, ScoredRow, build_rows
from unmasknet.recognition.settings import RecognitionSettings

Summary = dict[str, Any]
BINS = 48  # of the histograms of similarities
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
    """

    settings: RecognitionSettings
    data: str
    split: str
    network: FaceNetwork
    missing: int
    left: Counter[str]
    embeddings: Embeddings


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
    people = numbered([photo.person for photo in photos])
    weights = bootstrap_weights(int(people.max()) + 1, settings.bootstrap, settings.seed)
    rows = build_rows(scored, people)
    measured = {name: _all_rates(row, weights) for name, row in rows.items()}
    pairs = GroupedPairs(rows, scored, people, weights)
    names = dict.fromkeys(name for one in attributes for name in one)
    by_group = {name: pairs.compare(name, [one.get(name, "") for one in attributes]) for name in names}
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
        "by_family": pairs.compare("family", [photo.family for photo in photos])["groups"],
        "by_wear": pairs.compare("wear", [photo.wear for photo in photos])["groups"],
        "by_yaw": pairs.compare("yaw", [photo.yaw_range for photo in photos])["groups"],
        "by_group": {name: part.pop("groups") for name, part in by_group.items()},
        "group_gaps": by_group,
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
        "ci95": intervals(measured),
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
        "tar_at_far": {key: rounded(measured[f"tar_at_far.{key}"].value) for key in FARS},
    }


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
                "ci95": intervals(gaps),
            },
        )
