"""Face recognition scores of the results: likeness, and verification of pairs."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from maskgen.seeds import hash64, rng_for
from unmasknet.evaluation.scorer import MASKED
from unmasknet.evaluation.scores import RESTORED, TRUTH, SampleFacts, ScoreTable, Summary
from unmasknet.metrics import statistics
from unmasknet.metrics.statistics import rounded

MOST_PAIRS = 6000  # same-person pairs; as many as LFW's own list has in total
Pairs = Int[ndarray, "p 2"]


def add_likeness(table: ScoreTable) -> None:
    """Adds the cosine between the embeddings of each result and its truth to the scores, as `identity`."""
    for method in (RESTORED, MASKED):
        values = [
            float("nan") if one is None or other is None else float(one @ other)
            for one, other in zip(table.faces.get(method, []), table.faces.get(TRUTH, []), strict=False)
        ]
        if values:
            table.add(method, "identity", values)


def verification(table: ScoreTable, seed: int) -> Summary | None:
    """Computes the verification accuracy on pairs of photos with known identities; None if there are too few.

    One image of a pair (the probe) is restored, masked or the truth; the other (the gallery) is a photo without a mask,
    as when a camera image is compared with a passport. There are as many pairs of two people as of one.
    """
    same, other = pairs(table.samples, seed)
    truth = _matrix(table.faces.get(TRUTH, []))
    summary: Summary = {"pairs": len(same)}
    for name, method in (("restored", RESTORED), ("masked", MASKED), ("truth", TRUTH)):
        probes = _matrix(table.faces.get(method, []))
        result = None
        if probes is not None and truth is not None and len(same):
            result = statistics.verify(_distances(probes, truth, same), _distances(probes, truth, other))
        summary[name] = result and {
            "accuracy": rounded(result.accuracy),
            "auc": rounded(result.auc),
            "tar_at_far_1pct": rounded(result.tar),
        }
    return summary if summary["truth"] else None


def typical_likeness(table: ScoreTable, seed: int) -> Summary:
    """Computes the mean likeness between the truths of two photos of one person, and of two people."""
    truth = _matrix(table.faces.get(TRUTH, []))
    found: Summary = {"same_person": None, "strangers": None}
    if truth is not None:
        for name, at in zip(found, pairs(table.samples, seed), strict=True):
            found[name] = rounded(statistics.mean(1 - _distances(truth, truth, at)))
    return found


def pairs(samples: Sequence[SampleFacts], seed: int) -> tuple[Pairs, Pairs]:
    """Draws pairs (probe, gallery) of two photos of one person, and as many of two people.

    The result depends on keys and seed only.
    """
    people: dict[str, list[int]] = {}
    for number, sample in enumerate(samples):
        if sample.known:
            people.setdefault(sample.person, []).append(number)
    same = [
        pair
        for group in people.values()
        for one, other in combinations(group, 2)
        if samples[one].source != samples[other].source
        for pair in ((one, other), (other, one))
    ]
    same.sort(key=lambda pair: hash64("pair", seed, samples[pair[0]].key, samples[pair[1]].key))
    same = same[:MOST_PAIRS]
    return _array(same), _strangers(people, samples, len(same), seed)


def _strangers(people: dict[str, list[int]], samples: Sequence[SampleFacts], count: int, seed: int) -> Pairs:
    known = [number for group in people.values() for number in group]
    if len(people) < 2:
        return _array([])
    rng = rng_for(seed, "strangers")
    found: list[tuple[int, int]] = []
    while len(found) < count:
        one, other = (known[i] for i in rng.integers(len(known), size=2))
        if samples[one].person != samples[other].person:
            found.append((one, other))
    return _array(found)


def _array(found: Sequence[tuple[int, int]]) -> Pairs:
    return np.array(found, np.int64).reshape(-1, 2)


def _matrix(faces: Sequence[Float[ndarray, " d"] | None]) -> Float[ndarray, "n d"] | None:
    """Stacks embeddings as rows, NaN for a missing one; None if all are missing."""
    width = next((len(face) for face in faces if face is not None), 0)
    if not width:
        return None
    return np.stack([np.full(width, np.nan) if face is None else face for face in faces])


def _distances(
    probes: Float[ndarray, "n d"], gallery: Float[ndarray, "n d"], at: Pairs
) -> Float[ndarray, " _"]:
    distances = 1 - (probes[at[:, 0]] * gallery[at[:, 1]]).sum(1)
    return distances[np.isfinite(distances)]
