"""Results by group of people, each with its own interval, and the gap between the worst group and the rest.

`compare_groups` knows no score: it takes a function of sample indices, so it serves means, medians and rates alike.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import numpy as np
from jaxtyping import Bool, Int
from numpy import ndarray

from unmasknet.evaluation.scores import Draws, Summary, rounded
from unmasknet.metrics.statistics import percentile_interval

Index = Int[ndarray, " _"]
Measure = Callable[
    [Index], Mapping[str, float | None]
]  # indices of samples, with repetition -> score: value or None
Better = Literal["higher", "lower", "near 1"]
LEAST = 30  # samples from which a group counts as the worst one: below, chance decides
LEAST_PEOPLE = 2  # people from whom the variance between people can be estimated


def compare_groups(
    groups: Sequence[str],
    people: Sequence[str],
    draws: Draws,
    measure: Measure,
    better: Mapping[str, Better],
) -> Summary:
    """Measures each group of samples, and how far the worst group is from the rest.

    Args:
        groups: the group of each sample; "" if it is unknown. Unknown ones are in no group.
        people: the person in each sample.
        draws: bootstrap samples of all samples, drawn by person; none for no intervals.
        measure: computes the scores of the samples at some indices, never of none; NaN and None are undefined.
        better: which way a score is better; other scores have no gap.

    Returns:
        `groups`: group -> `n`, `people`, each score, and `ci95` with the 95 % percentile interval of each score.
        `unknown`: number of samples whose group is unknown. `smallest`: `group` and `n` of the smallest group, or None
        without groups. `gaps`: score -> `worst` (its group), its `value`, that of the `rest` of the known samples, the
        `gap` (value - rest) and its `ci95` or None. Groups of fewer than `LEAST` samples are never the worst, and
        there are gaps only where at least two others are.
    """
    member = np.array(groups, dtype=str)
    names = sorted(set(member.tolist()) - {""})
    found = {name: _group(member == name, people, draws, measure) for name in names}
    sizes = {name: part["n"] for name, part in found.items()}
    smallest = min(sizes, key=lambda name: sizes[name]) if sizes else None
    large = [name for name in names if sizes[name] >= LEAST]
    gaps = _gaps(member, {name: found[name] for name in large}, draws, measure, better)
    return {
        "groups": found,
        "unknown": int((member == "").sum()),
        "smallest": {"group": smallest, "n": sizes[smallest]} if smallest is not None else None,
        "gaps": gaps,
    }


def _group(chosen: Bool[ndarray, " n"], people: Sequence[str], draws: Draws, measure: Measure) -> Summary:
    index = np.flatnonzero(chosen)
    members = {people[at] for at in index.tolist()}
    drawn = [draw[chosen[draw]] for draw in draws] if len(members) >= LEAST_PEOPLE else []
    measured = [measure(part) for part in drawn if len(part)]
    values = measure(index)
    intervals = {score: _edges([one[score] for one in measured]) for score in values}
    return {
        "n": len(index),
        "people": len(members),
        **{score: rounded(value) for score, value in values.items()},
        "ci95": {score: edges for score, edges in intervals.items() if edges},
    }


def _gaps(
    member: ndarray, found: Summary, draws: Draws, measure: Measure, better: Mapping[str, Better]
) -> Summary:
    """Compares the worst group by each score with the rest of the samples."""
    measured: dict[str, list[_Both]] = {}
    gaps = {}
    for score, way in better.items():
        values = {name: part[score] for name, part in found.items() if part.get(score) is not None}
        if len(values) < 2:
            continue
        worst = max(values, key=lambda name: _badness(values[name], way))
        if worst not in measured:
            every = np.arange(len(member))
            measured[worst] = [_apart(index, member, worst, measure) for index in (every, *draws)]
        (one, rest), *pairs = ((own.get(score), other.get(score)) for own, other in measured[worst])
        if one is None or rest is None:
            continue
        gaps[score] = {
            "worst": worst,
            "value": rounded(one),
            "rest": rounded(rest),
            "gap": rounded(one - rest),
            "ci95": _edges([a - b for a, b in pairs if a is not None and b is not None]),
        }
    return gaps


_Both = tuple[Mapping[str, float | None], Mapping[str, float | None]]


def _apart(index: Index, member: ndarray, worst: str, measure: Measure) -> _Both:
    """Measures the samples of one group and those of all others; empty for a side without samples."""
    own, rest = (index[side[index]] for side in (member == worst, (member != worst) & (member != "")))
    return measure(own) if len(own) else {}, measure(rest) if len(rest) else {}


def _badness(value: float, better: Better) -> float:
    return {"higher": -value, "lower": value, "near 1": abs(np.log(max(value, 1e-9)))}[better]


def _edges(values: Sequence[float | None]) -> list[float] | None:
    """Computes the 95 % percentile interval; None without a finite value."""
    edges = percentile_interval(np.array(values, float))  # None becomes NaN
    return edges and [float(f"{edge:.6g}") for edge in edges]
