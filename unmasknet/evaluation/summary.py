"""The figures of an evaluation as its JSON has them: the same keys always, numbers or null."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from unmasknet.evaluation.attributes import AttributesOf
from unmasknet.evaluation.groups import by_group
from unmasknet.evaluation.scorer import LOOKED_AT, MASKED
from unmasknet.evaluation.scores import (
    HOLE_EDGES,
    RESTORED,
    YAW_EDGES,
    Draws,
    Figures,
    Ledger,
    State,
    ahead,
    by_name,
    by_range,
    intervals,
    method_figures,
    tidy,
)
from unmasknet.evaluation.settings import EvalSettings
from unmasknet.evaluation.verification import usual, verification
from unmasknet.metrics import statistics
from unmasknet.models.two_stage import Restorer

BASELINES = ("masked input", "mean fill", "mean face", "telea")


@dataclass(frozen=True)
class ScoredRun:
    """What the figures are figures of.

    Attributes:
        map: whose map the generator was told, "truth" or "predicted".
        network: whose features FID and KID compare; `perceptual`: those of the distance; `identity`: who knows people.
        others: names of the other methods.
        seconds: of the networks over all cases.
        attributes_of: tells the groups that a photo's people belong to.
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
    attributes_of: AttributesOf


def assemble(ledger: Ledger, run: ScoredRun, labelled: Figures) -> Figures:
    """Everything that was measured, as `unmask eval --json` prints it."""
    draws = _draws(ledger, run.settings)
    ours = method_figures(ledger, RESTORED, run.network)
    count = len(ledger.cases)
    return {
        "n": count,
        "split": run.split,
        "weights": list(run.restorer.names),
        "map_source": run.map,
        "size": run.size,
        "parameters": run.restorer.parameters,
        "hole": ours["hole"],
        "whole": ours["whole"],
        "perceptual": {"name": run.perceptual, **ours["perceptual"]},
        "fid": {"value": ours["fid"], "features": run.network or None, "n": count},
        "kid": {"value": ours["kid"], "features": run.network or None, "n": count},
        "brisque": {name: ledger.mean(method, "brisque") for name, method in _looked_at()},
        "map": {name: ledger.mean("map", name) for name in ("dice", "iou", "boundary_f", "dice_mask")},
        "wearing": wearing_figures(ledger.states),
        "identity": _identity(ledger, run),
        "detected": {name: ledger.mean(method, "detected") for name, method in _looked_at()},
        "by_hole": by_range(ledger, RESTORED, "share", HOLE_EDGES),
        "by_family": by_name(ledger, RESTORED, "family"),
        "by_yaw": by_range(ledger, RESTORED, "yaw", YAW_EDGES),
        "by_wear": by_name(ledger, RESTORED, "wear"),
        "by_group": by_group(ledger, run.attributes_of, run.settings),
        "baselines": {
            name: method_figures(ledger, name, run.network) for name in BASELINES if name in ledger.scores
        },
        "compare": {name: _other(ledger, name, run.network) for name in run.others},
        "ahead": ahead(ledger, [*(name for name in BASELINES if name in ledger.scores), *run.others]),
        "labelled": labelled,
        "ci95": _intervals(ledger, run, draws),
        "seconds_per_image": tidy(run.seconds / count) if run.restorer.generator else None,
        "device": str(run.device),
    }


def _looked_at() -> list[tuple[str, str]]:
    """Names in the JSON of the methods whose pictures are looked at closer."""
    return [("masked" if method == MASKED else method, method) for method in LOOKED_AT]


def _draws(ledger: Ledger, settings: EvalSettings) -> Draws:
    return statistics.draws([case.person for case in ledger.cases], settings.bootstrap, settings.seed)


def _identity(ledger: Ledger, run: ScoredRun) -> Figures:
    """Mean cosine to the truth's embedding, and what verification makes of the pictures."""
    return {
        "model": run.identity,
        "restored": ledger.mean(RESTORED, "identity"),
        "masked": ledger.mean(MASKED, "identity"),
        **usual(ledger, run.settings.seed),
        "verification": verification(ledger, run.settings.seed) if run.identity else None,
    }


def _other(ledger: Ledger, name: str, network: str) -> Figures:
    scored = int((~np.isnan(ledger.values(name, "hole.l1"))).sum())
    return {"n": scored, "missing": len(ledger.cases) - scored, **method_figures(ledger, name, network)}


def _intervals(ledger: Ledger, run: ScoredRun, draws: Draws) -> dict[str, list[float]]:
    methods = {RESTORED: ""} if RESTORED in ledger.scores else {}
    methods |= {name: f"baselines.{name}." for name in BASELINES if name in ledger.scores}
    methods |= {name: f"compare.{name}." for name in run.others}
    found = intervals(ledger, methods, draws)
    if "map" in ledger.scores:
        found |= intervals(ledger, {"map": "map."}, draws)
    return found


def wearing_figures(states: Sequence[State]) -> Figures:
    """How well the map tells masked from bare, worn right from worn wrong, and each wear.

    `by_wear`: `recall` is the share that is said to wear a mask, of the bare ones (`unmasked`) the share that is said
    to wear none; `named` the share whose wear is said right.
    """
    masked = [state for state in states if state.masked]
    bare = [state for state in states if not state.masked]
    right = [state for state in masked if state.wear == "correct"]
    wrong = [state for state in masked if state.wear != "correct"]
    faces, bare_faces = (np.array([state.face for state in group]) for group in (masked, bare))
    groups = {
        wear: [state for state in masked if state.wear == wear] for wear in sorted({s.wear for s in masked})
    }
    by_wear: Figures = {wear: _recall(group, wear, "masked") for wear, group in groups.items()}
    if bare:
        by_wear["unmasked"] = _recall(bare, "unmasked", "unmasked")
    return {
        "roc_auc": tidy(statistics.roc_auc(faces, bare_faces)),
        "roc_auc_wrong": tidy(
            statistics.roc_auc(*(np.array([s.wrong for s in group]) for group in (wrong, right)))
        ),
        "by_wear": by_wear,
        "roc": statistics.roc(faces, bare_faces),
    }


def _recall(group: Sequence[State], wear: str, kind: str) -> Figures:
    said = [(state.said == "unmasked") == (kind == "unmasked") for state in group]
    return {
        "n": len(group),
        "recall": tidy(float(np.mean(said))),
        "named": tidy(float(np.mean([state.said == wear for state in group]))),
    }
