"""Scores of an evaluation by group of people: sex, age, group, skin tone, or columns of a table."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from maskgen.dataset.attributes import Attributes
from unmasknet.evaluation.group_comparison import Average, Better, Index, compare_groups, measure_by_draws
from unmasknet.evaluation.scores import RATIOS, RESTORED, Draws, ScoreTable, Summary, gaps

BASELINE = "mean face"  # the gain over it depends less on how difficult a group is
SCORES: Mapping[str, tuple[str, str, Better]] = {  # name: method, score, and which way it is better
    "psnr": (RESTORED, "hole.psnr", "higher"),
    "ssim": (RESTORED, "hole.ssim", "higher"),
    "detail_1": (RESTORED, "realism.detail_1", "near 1"),
    "detail_2": (RESTORED, "realism.detail_2", "near 1"),
    "detail_4": (RESTORED, "realism.detail_4", "near 1"),
    "tone": (RESTORED, "realism.tone", "lower"),
    "likeness": (RESTORED, "identity", "higher"),
    "detected": (RESTORED, "detected", "higher"),
    "dice": ("map", "dice", "higher"),
}
AHEAD = "ahead"
WEARING = ("masked", "bare", "wear")


def group_scores(table: ScoreTable, attributes: Mapping[str, Attributes], draws: Draws) -> dict[str, Summary]:
    """Compares the scores of all groups of each attribute.

    Args:
        table: the scores.
        attributes: key of a sample -> its attributes.
        draws: bootstrap samples of all samples, drawn by person.

    Returns:
        attribute -> what `compare_groups` returns: `psnr` and `ssim` in the hole, `ahead` (the gain over the mean face
        in dB), `detail_1`, `_2`, `_4` (medians) and `tone` there, `likeness`, the fraction of images `detected`,
        `dice` of the map, and the fractions of photos read as `masked`, as `bare`, and with the right `wear` state.
    """
    people = [sample.person for sample in table.samples]
    known = [attributes.get(sample.key, {}) for sample in table.samples]
    names = dict.fromkeys(name for one in known for name in one)
    better: dict[str, Better] = {name: way for name, (_, _, way) in SCORES.items()}
    better |= {AHEAD: "higher", **dict.fromkeys(WEARING, "higher")}
    average = _average(table)
    found = {}
    for attribute in names:
        groups = [one.get(attribute, "") for one in known]
        measure = measure_by_draws(groups, draws, average)
        found[attribute] = compare_groups(attribute, groups, people, measure, better)
    return found


def _average(table: ScoreTable) -> Average:
    """Returns a function that averages each score over the samples at some indices."""
    columns = {name: table.values(method, score) for name, (method, score, _) in SCORES.items()}
    columns |= _wear_columns(table)
    columns[AHEAD] = gaps(table, BASELINE, "hole.psnr") if RESTORED in table.scores else np.empty(0)
    empty = {name: None for name, values in columns.items() if not len(values)}
    medians = {name for name, (_, score, _) in SCORES.items() if score in RATIOS}
    of_mean = [name for name in columns if name not in empty and name not in medians]
    of_median = [name for name in columns if name not in empty and name in medians]
    means, middles = (np.array([columns[name] for name in names]) for names in (of_mean, of_median))

    def average(index: Index) -> dict[str, float | None]:
        averages = {
            **_averages(of_mean, means, index, np.mean),
            **_averages(of_median, middles, index, np.median),
        }
        return empty | averages

    return average


def _wear_columns(table: ScoreTable) -> dict[str, Float[ndarray, " n"]]:
    """Returns whether each sample is read as masked, as bare without its mask, and with the right wear state.

    1 or 0 for each sample; NaN where a sample was not read. Empty without a segmenter.
    """
    if not table.wear_readings:
        return {name: np.empty(0) for name in WEARING}
    place = {sample.key: at for at, sample in enumerate(table.samples)}
    found = {name: np.full(len(place), np.nan) for name in WEARING}
    for reading in table.wear_readings:
        at = place.get(reading.key)
        if at is None:
            continue
        if reading.masked:
            found["masked"][at] = reading.predicted != "unmasked"
            found["wear"][at] = reading.predicted == reading.wear
        else:
            found["bare"][at] = reading.predicted == "unmasked"
    return found


def _averages(names: list[str], rows: ndarray, index: Index, average: Any) -> dict[str, float | None]:
    """Averages the finite values of each row at some indices; None without any."""
    if not names:
        return {}
    chosen = rows[:, index]
    finite = np.isfinite(chosen)
    if finite.all():
        return dict(zip(names, average(chosen, axis=1).tolist(), strict=True))
    return {
        name: float(average(row[good])) if good.any() else None
        for name, row, good in zip(names, chosen, finite, strict=True)
    }
