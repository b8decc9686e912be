"""Results by group of people, each with its own interval, and the gap between the worst group and the rest.

`compare_groups` knows no score and no bootstrap: it takes a function that measures the samples of some groups, so it
serves means, medians and rates over samples, and the rates of a verification over pairs.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from jaxtyping import Int
from numpy import ndarray

from maskgen.dataset.attributes import TONE, sorted_groups
from maskgen.dataset.skin_tone import CLASSES
from unmasknet.evaluation.attributes import SKIN_AND_MASK, skins_and_masks
from unmasknet.metrics.statistics import Measured, rounded

Index = Int[ndarray, " _"]
Average = Callable[
    [Index], Mapping[str, float | None]
]  # of the samples at some indices, with repetition, by score
Measure = Callable[
    [Sequence[str]], Mapping[str, Measured]
]  # of the samples of some groups together, by score
Better = Literal["higher", "lower", "near 1"]
LEAST = 30  # samples from which a group counts as the worst one: below, chance decides
LEAST_PEOPLE = 5  # from whom the spread between people is estimated


def compare_groups(
    attribute: str,
    groups: Sequence[str],
    people: Sequence[str],
    measure: Measure,
    better: Mapping[str, Better],
) -> dict[str, Any]:
    """Measures each group of samples, and how far the worst group is from the rest.

    Args:
        attribute: what the groups are of, which decides their order.
        groups: the group of each sample; "" if it is unknown. Unknown ones are in no group.
        people: the person in each sample.
        measure: measures the samples of some groups together, by score.
        better: which way a score is better; other scores have no gap.

    Returns:
        `groups`: group -> `n`, `people`, each score, and `ci95` with the 95 % percentile interval of each score, for at
        least `LEAST_PEOPLE` people. `unknown`: number of samples whose group is unknown. `smallest`: `group` and `n` of
        the smallest group, or None without groups. `gaps`: score -> `worst` (its group), its `value`, that of the
        `rest` of the known samples, the `gap` (value - rest) and its `ci95` or None. Groups of fewer than `LEAST`
        samples are never the worst, and there are gaps only where at least two others are.
    """
    members: dict[str, list[str]] = {name: [] for name in _ordered(attribute, set(groups) - {""})}
    for group, person in zip(groups, people, strict=True):
        if group:
            members[group].append(person)
    measured = {name: measure([name]) for name in members}
    smallest = min(members, key=lambda name: len(members[name])) if members else None
    return {
        "groups": {name: _entry(theirs, measured[name]) for name, theirs in members.items()},
        "unknown": sum(not group for group in groups),
        "smallest": {"group": smallest, "n": len(members[smallest])} if smallest is not None else None,
        "gaps": _gaps(members, measured, measure, better),
    }


def measure_by_draws(groups: Sequence[str], draws: Sequence[Index], average: Average) -> Measure:
    """Returns a function that averages the samples of some groups, in all and in each bootstrap sample of them.

    Args:
        groups: the group of each sample.
        draws: bootstrap samples of all samples, drawn by person; none for no intervals.
        average: averages the samples at some indices, never of none; NaN and None are undefined.
    """
    member = np.array(groups, dtype=str)

    def measure(names: Sequence[str]) -> dict[str, Measured]:
        chosen = np.isin(member, names)
        values = average(np.flatnonzero(chosen))
        drawn = [average(part) if len(part := draw[chosen[draw]]) else {} for draw in draws]
        return {
            score: Measured(value, np.array([one.get(score) for one in drawn], float))
            for score, value in values.items()
        }

    return measure


def _ordered(attribute: str, groups: set[str]) -> list[str]:
    """Sorts the groups of an attribute: tones from light to dark, others as `sorted_groups` does."""
    if attribute == TONE:
        return [name for name, _ in CLASSES if name in groups]
    if attribute == SKIN_AND_MASK:
        return [name for name in skins_and_masks() if name in groups]
    return sorted_groups(groups)


def _entry(members: Sequence[str], measured: Mapping[str, Measured]) -> dict[str, Any]:
    count = len(set(members))
    return {
        "n": len(members),
        "people": count,
        **{score: rounded(one.value) for score, one in measured.items()},
        "ci95": {
            score: edges
            for score, one in measured.items()
            if count >= LEAST_PEOPLE and (edges := _edges(one)) is not None
        },
    }


def _gaps(
    members: Mapping[str, Sequence[str]],
    measured: Mapping[str, Mapping[str, Measured]],
    measure: Measure,
    better: Mapping[str, Better],
) -> dict[str, Any]:
    """Compares the worst group by each score with the rest of the samples."""
    rests: dict[str, Mapping[str, Measured]] = {}
    gaps = {}
    for score, way in better.items():
        large = [name for name in members if len(members[name]) >= LEAST]
        values = {
            name: value for name in large if (value := rounded(measured[name][score].value)) is not None
        }
        if len(values) < 2:
            continue
        worst = max(values, key=lambda name: _badness(values[name], way))
        if worst not in rests:
            rests[worst] = measure([name for name in members if name != worst])
        own, rest = measured[worst][score], rests[worst][score]
        gap = own.minus(rest)
        if gap.value is None:
            continue
        gaps[score] = {
            "worst": worst,
            "value": rounded(own.value),
            "rest": rounded(rest.value),
            "gap": rounded(gap.value),
            "ci95": _edges(gap) if len(set(members[worst])) >= LEAST_PEOPLE else None,
        }
    return gaps


def _badness(value: float, better: Better) -> float:
    return {"higher": -value, "lower": value, "near 1": abs(np.log(max(value, 1e-9)))}[better]


def _edges(measured: Measured) -> list[float | None] | None:
    """Returns the rounded 95 % interval; None without a finite value."""
    return [rounded(edge) for edge in measured.interval] if measured.interval else None
