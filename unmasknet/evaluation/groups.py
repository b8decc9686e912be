"""Figures by group of people: is one group served worse than another? Each with its own interval."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from unmasknet.evaluation.attributes import AttributesOf
from unmasknet.evaluation.scores import RESTORED, Figures, Ledger, gaps, tidy
from unmasknet.evaluation.settings import EvalSettings
from unmasknet.metrics import statistics

BASELINE = "mean face"  # groups differ in how hard they are; how far we are ahead of it differs less


def by_group(ledger: Ledger, attributes_of: AttributesOf, settings: EvalSettings) -> dict[str, Figures]:
    """Attribute -> group -> figures with intervals; photos of which nothing is known are in no group.

    `psnr` and `ssim` in the hole, `dice` of the map, `likeness` by the network that knows people, `ahead` of the mean
    face in dB.
    """
    known = [attributes_of(case.source) for case in ledger.cases]
    scores = {
        "psnr": ledger.values(RESTORED, "hole.psnr"),
        "ssim": ledger.values(RESTORED, "hole.ssim"),
        "dice": ledger.values("map", "dice"),
        "likeness": ledger.values(RESTORED, "identity"),
        "ahead": gaps(ledger, BASELINE, "hole.psnr") if RESTORED in ledger.scores else np.empty(0),
    }
    people = [case.person for case in ledger.cases]
    found: dict[str, Figures] = {}
    for attribute in sorted({name for one in known for name in one}):
        names = np.array([one.get(attribute, "") for one in known])
        found[attribute] = {
            str(group): _figures(scores, people, names == group, settings)
            for group in sorted(set(names.tolist()) - {""})
        }
    return found


def _figures(
    scores: dict[str, Float[ndarray, " _"]],
    people: Sequence[str],
    chosen: Bool[ndarray, " n"],
    settings: EvalSettings,
) -> Figures:
    ours = {name: values[chosen] for name, values in scores.items() if len(values)}
    seen = [person for person, wanted in zip(people, chosen, strict=True) if wanted]
    draws = statistics.draws(seen, settings.bootstrap, settings.seed)
    intervals = {name: statistics.interval(values, draws) for name, values in ours.items()} if draws else {}
    return {
        "n": len(seen),
        "people": len(set(seen)),
        **{name: tidy(statistics.mean(ours[name])) if name in ours else None for name in scores},
        "ci95": {name: [tidy(edge) for edge in edges] for name, edges in intervals.items() if edges},
    }
