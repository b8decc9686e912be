"""Results by group of people, each with its own interval, to compare the quality between groups."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from unmasknet.evaluation.attributes import AttributesOf
from unmasknet.evaluation.scores import RESTORED, ScoreTable, Summary, gaps, rounded
from unmasknet.evaluation.settings import EvalSettings
from unmasknet.metrics import statistics

BASELINE = "mean face"  # the gain over it depends less on how difficult a group is


def by_group(table: ScoreTable, attributes_of: AttributesOf, settings: EvalSettings) -> dict[str, Summary]:
    """Summarises the scores by attribute and group; photos without attributes are in no group.

    Returns:
        attribute -> group -> `psnr` and `ssim` in the hole, `dice` of the map, `likeness` by the face recognition
        network, and `ahead`, the gain over the mean face in dB, with their intervals.
    """
    known = [attributes_of(sample.source) for sample in table.samples]
    scores = {
        "psnr": table.values(RESTORED, "hole.psnr"),
        "ssim": table.values(RESTORED, "hole.ssim"),
        "dice": table.values("map", "dice"),
        "likeness": table.values(RESTORED, "identity"),
        "ahead": gaps(table, BASELINE, "hole.psnr") if RESTORED in table.scores else np.empty(0),
    }
    people = [sample.person for sample in table.samples]
    found: dict[str, Summary] = {}
    for attribute in sorted({name for one in known for name in one}):
        names = np.array([one.get(attribute, "") for one in known])
        found[attribute] = {
            str(group): _group_summary(scores, people, names == group, settings)
            for group in sorted(set(names.tolist()) - {""})
        }
    return found


def _group_summary(
    scores: dict[str, Float[ndarray, " _"]],
    people: Sequence[str],
    chosen: Bool[ndarray, " n"],
    settings: EvalSettings,
) -> Summary:
    group = {name: values[chosen] for name, values in scores.items() if len(values)}
    members = [person for person, wanted in zip(people, chosen, strict=True) if wanted]
    draws = statistics.draws(members, settings.bootstrap, settings.seed)
    intervals = {name: statistics.interval(values, draws) for name, values in group.items()} if draws else {}
    return {
        "n": len(members),
        "people": len(set(members)),
        **{name: rounded(statistics.mean(group[name])) if name in group else None for name in scores},
        "ci95": {name: [rounded(edge) for edge in edges] for name, edges in intervals.items() if edges},
    }
