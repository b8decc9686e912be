"""Summary of an evaluation, as printed by `--json`: the keys are always the same; values are numbers or null."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from unmasknet.evaluation.attributes import Attributes
from unmasknet.evaluation.group_scores import group_scores
from unmasknet.evaluation.scorer import CLOSELY_SCORED, MASKED
from unmasknet.evaluation.scores import (
    HOLE_EDGES,
    RESTORED,
    YAW_EDGES,
    Draws,
    ScoreTable,
    Summary,
    WearReading,
    ahead,
    by_name,
    by_range,
    intervals,
    method_summary,
)
from unmasknet.evaluation.settings import EvalSettings
from unmasknet.evaluation.verification import typical_likeness, verification
from unmasknet.metrics import statistics
from unmasknet.metrics.statistics import rounded
from unmasknet.models.two_stage import Restorer

BASELINES = ("masked input", "mean fill", "mean face", "telea")


@dataclass(frozen=True)
class ScoredRun:
    """Description of a scored run.

    Attributes:
        map: source of the generator's map, "truth" or "predicted".
        network: name of the network whose features FID and KID compare.
        identity: name of the face recognition network.
        perceptual: name of the network of the perceptual distance.
        others: names of the other methods.
        seconds: time spent in the networks over all samples.
    """

    settings: EvalSettings
    split: str
    restorer: Restorer
    size: int
    device: torch.device
    map: str
    network: str
    identity: str | None
    perceptual: str | None
    others: tuple[str, ...]
    seconds: float


def assemble(
    table: ScoreTable, run: ScoredRun, labelled: Summary, attributes: Mapping[str, Attributes]
) -> Summary:
    """Assembles all results, as `unmask eval --json` prints them.

    Args:
        table: the scores.
        run: what was scored, and how.
        labelled: results on photos labelled by others.
        attributes: key of a sample -> attributes of the person in it.
    """
    draws = _draws(table, run.settings)
    groups = group_scores(table, attributes, draws)
    restored = method_summary(table, RESTORED, run.network)
    count = len(table.samples)
    return {
        "n": count,
        "bare": table.bare,
        "split": run.split,
        "weights": list(run.restorer.names),
        "map_source": run.map,
        "size": run.size,
        "parameters": run.restorer.parameters,
        "hole": restored["hole"],
        "whole": restored["whole"],
        "realism": restored["realism"],
        "perceptual": {"name": run.perceptual, **restored["perceptual"]},
        "fid": {"value": restored["fid"], "features": run.network or None, "n": count},
        "kid": {"value": restored["kid"], "features": run.network or None, "n": count},
        "brisque": {name: table.mean(method, "brisque") for name, method in _closely_scored()},
        "map": {name: table.mean("map", name) for name in ("dice", "iou", "boundary_f", "dice_mask")},
        "wearing": wear_summary(table.wear_readings),
        "identity": _identity(table, run),
        "detected": {name: table.mean(method, "detected") for name, method in _closely_scored()},
        "by_hole": by_range(table, RESTORED, "share", HOLE_EDGES),
        "by_family": by_name(table, RESTORED, "family"),
        "by_yaw": by_range(table, RESTORED, "yaw", YAW_EDGES),
        "by_wear": by_name(table, RESTORED, "wear"),
        "by_group": {attribute: part.pop("groups") for attribute, part in groups.items()},
        "group_gaps": groups,
        "baselines": {
            name: method_summary(table, name, run.network) for name in BASELINES if name in table.scores
        },
        "compare": {name: _other(table, name, run.network) for name in run.others},
        "ahead": ahead(table, [*(name for name in BASELINES if name in table.scores), *run.others]),
        "labelled": labelled,
        "ci95": _intervals(table, run, draws),
        "seconds_per_image": rounded(run.seconds / count) if run.restorer.generator else None,
        "device": str(run.device),
    }


def _closely_scored() -> list[tuple[str, str]]:
    """Returns (name in the JSON, method) of the methods that are scored closely."""
    return [("masked" if method == MASKED else method, method) for method in CLOSELY_SCORED]


def _draws(table: ScoreTable, settings: EvalSettings) -> Draws:
    return statistics.draws([sample.person for sample in table.samples], settings.bootstrap, settings.seed)


def _identity(table: ScoreTable, run: ScoredRun) -> Summary:
    """Summarises the mean cosine to the truth's embedding, and the verification."""
    return {
        "model": run.identity,
        "restored": table.mean(RESTORED, "identity"),
        "masked": table.mean(MASKED, "identity"),
        **typical_likeness(table, run.settings.seed),
        "verification": verification(table, run.settings.seed) if run.identity else None,
    }


def _other(table: ScoreTable, name: str, network: str) -> Summary:
    scored = int((~np.isnan(table.values(name, "hole.l1"))).sum())
    return {"n": scored, "missing": len(table.samples) - scored, **method_summary(table, name, network)}


def _intervals(table: ScoreTable, run: ScoredRun, draws: Draws) -> dict[str, list[float]]:
    methods = {RESTORED: ""} if RESTORED in table.scores else {}
    methods |= {name: f"baselines.{name}." for name in BASELINES if name in table.scores}
    methods |= {name: f"compare.{name}." for name in run.others}
    found = intervals(table, methods, draws)
    if "map" in table.scores:
        found |= intervals(table, {"map": "map."}, draws)
    return found


def wear_summary(wear_readings: Sequence[WearReading]) -> Summary:
    """Summarises how well the map separates masked from bare faces and correct from incorrect wear.

    In `by_wear`, `recall` is the fraction of the photos with a wear state that are read as masked, and for `unmasked`
    the fraction of bare photos that are read as bare; `named` is the fraction whose wear state is read correctly.
    """
    masked = [reading for reading in wear_readings if reading.masked]
    bare = [reading for reading in wear_readings if not reading.masked]
    right = [reading for reading in masked if reading.wear == "correct"]
    wrong = [reading for reading in masked if reading.wear != "correct"]
    faces, bare_faces = (np.array([reading.face for reading in group]) for group in (masked, bare))
    groups = {
        wear: [reading for reading in masked if reading.wear == wear]
        for wear in sorted({s.wear for s in masked})
    }
    by_wear: Summary = {wear: _recall(group, wear, "masked") for wear, group in groups.items()}
    if bare:
        by_wear["unmasked"] = _recall(bare, "unmasked", "unmasked")
    return {
        "roc_auc": rounded(statistics.roc_auc(faces, bare_faces)),
        "roc_auc_wrong": rounded(
            statistics.roc_auc(*(np.array([s.wrong for s in group]) for group in (wrong, right)))
        ),
        "by_wear": by_wear,
        "roc": statistics.roc(faces, bare_faces),
    }


def _recall(group: Sequence[WearReading], wear: str, kind: str) -> Summary:
    predicted = [(reading.predicted == "unmasked") == (kind == "unmasked") for reading in group]
    return {
        "n": len(group),
        "recall": rounded(float(np.mean(predicted))),
        "named": rounded(float(np.mean([reading.predicted == wear for reading in group]))),
    }
