"""Scores of all cases by method, and the figures that a report is made of."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy import ndarray
from torch import Tensor

from unmasknet.evaluation.samples import EvalSample
from unmasknet.metrics import statistics

Summary = dict[str, Any]
Draws = Sequence[Int[ndarray, " _"]]

RESTORED, TRUTH = "restored", "truth"
PICTURE_SCORES = (
    "hole.psnr",
    "hole.ssim",
    "hole.l1",
    "whole.psnr",
    "whole.ssim",
    "perceptual.whole",
    "perceptual.hole",
)
AHEAD = ("hole.psnr", "hole.ssim")  # scores by which methods are told apart
HOLE_EDGES = (0.0, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 1.0)  # shares of the picture
YAW_EDGES = (0.0, 10.0, 20.0, 30.0, 45.0, 90.0)  # degrees, either way
DIGITS = 6  # significant ones of a figure: no measurement here is good for more


@dataclass
class ScoreTable:
    """What was measured.

    Attributes:
        cases: facts of each case, without its pictures.
        scores: method -> score -> a number a case; NaN where it is not defined.
        vectors: method -> feature network -> vectors, for FID and KID.
        faces: method -> one embedding a case, None where its points are not known.
        states: what the segmenter says of how a mask is worn, for the masked photos and for the bare ones.
    """

    samples: list["SampleFacts"] = field(default_factory=list)
    scores: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    vectors: dict[str, dict[str, list[Tensor]]] = field(default_factory=dict)
    faces: dict[str, list[Float[ndarray, " d"] | None]] = field(default_factory=dict)
    wear_readings: list["WearReading"] = field(default_factory=list)

    def add(self, method: str, score: str, values: Tensor | Sequence[float]) -> None:
        """Append a score of some more cases."""
        numbers = values.detach().double().cpu().tolist() if isinstance(values, Tensor) else list(values)
        self.scores.setdefault(method, {}).setdefault(score, []).extend(numbers)

    def add_vectors(self, method: str, network: str, vectors: Tensor) -> None:
        """Append a batch of feature vectors."""
        self.vectors.setdefault(method, {}).setdefault(network, []).append(vectors.detach().float().cpu())

    def values(self, method: str, score: str) -> Float[ndarray, " n"]:
        """A score of all cases; none if it was not measured."""
        return np.array(self.scores.get(method, {}).get(score, []), np.float64)

    def features(self, method: str, network: str) -> Float[ndarray, "n d"] | None:
        """Feature vectors of all cases of a method; none if they were not computed."""
        batches = self.vectors.get(method, {}).get(network)
        return torch.cat(batches).numpy() if batches else None

    def mean(self, method: str, score: str) -> float | None:
        """Mean of a score, None where it is defined for no case."""
        return rounded(statistics.mean(self.values(method, score)))


@dataclass(frozen=True)
class SampleFacts:
    """A case without its pictures."""

    key: str
    person: str
    known: bool
    source: str
    family: str
    wear: str
    yaw: float
    share: float


@dataclass(frozen=True)
class WearReading:
    """A verdict about one photo.

    Attributes:
        masked: whether the photo has a mask, and `wear` how it is worn.
        said: the state that the map was read as.
        face: how much of the lower face is hidden; `wrong`: how bare the barest of nose, mouth and chin is.
    """

    masked: bool
    wear: str
    predicted: str
    face: float
    wrong: float


def facts_of(sample: EvalSample) -> SampleFacts:
    """What is kept of a case."""
    return SampleFacts(
        sample.key,
        sample.person,
        bool(sample.labels["identity"]),
        str(sample.labels["source"]),
        sample.family,
        sample.wear,
        sample.yaw,
        sample.share,
    )


def rounded(value: float | None) -> float | None:
    """A figure for JSON: rounded to what can be meant, None where it is no number."""
    if value is None or not np.isfinite(value):
        return None
    return float(f"{value:.{DIGITS}g}")


def method_summary(table: ScoreTable, method: str, network: str) -> Summary:
    """All figures of one method's pictures; FID and KID by the features of `network`."""
    summary: Summary = {"hole": {}, "whole": {}, "perceptual": {}}
    for score in PICTURE_SCORES:
        group, name = score.split(".")
        summary[group][name] = table.mean(method, score)
    ours, truth = table.features(method, network), table.features(TRUTH, network)
    summary["fid"] = summary["kid"] = None
    if ours is not None and truth is not None and len(ours) == len(truth):
        summary["fid"] = rounded(statistics.frechet(ours, truth))
        summary["kid"] = rounded(statistics.kernel_distance(ours, truth))
    return summary


def by_range(table: ScoreTable, method: str, of: str, edges: Sequence[float]) -> list[Summary]:
    """Figures of the cases between two edges of a fact, `share` or `yaw`; ranges without a case are left out."""
    facts = np.array([getattr(sample, of) for sample in table.samples])
    rows = []
    for low, high in pairwise(edges):
        chosen = (facts >= low) & ((facts < high) | (high == edges[-1]))
        if chosen.any():
            rows.append({"from": low, "to": high, **group_summary(table, method, chosen)})
    return rows


def by_name(table: ScoreTable, method: str, of: str) -> dict[str, Summary]:
    """Figures of the cases that share a fact, `family` or `wear`."""
    facts = np.array([getattr(sample, of) for sample in table.samples])
    return {str(name): group_summary(table, method, facts == name) for name in sorted(set(facts.tolist()))}


def group_summary(table: ScoreTable, method: str, chosen: ndarray) -> Summary:
    """PSNR and SSIM in the hole over some cases, None where the method has no pictures."""
    summary: Summary = {"n": int(chosen.sum())}
    for name in ("psnr", "ssim"):
        values = table.values(method, f"hole.{name}")
        summary[name] = rounded(statistics.mean(values[chosen])) if len(values) else None
    return summary


def intervals(table: ScoreTable, methods: Mapping[str, str], draws: Draws) -> dict[str, list[float]]:
    """95 % intervals of means, and of how far we are ahead of each other method on the same cases.

    Args:
        ledger: the scores.
        methods: method -> what its figures' names begin with in the result, "" for our own.
        draws: bootstrap samples of the cases.
    """
    found: dict[str, list[float]] = {}
    for method, prefix in methods.items():
        for score in table.scores.get(method, {}):
            found.update(_interval(f"{prefix}{score}", table.values(method, score), draws))
        for score in AHEAD:
            found.update(_interval(f"{score} minus {method}", gaps(table, method, score), draws))
    return found


def ahead(table: ScoreTable, methods: Iterable[str]) -> dict[str, Summary]:
    """How far we are ahead of each method, mean over the cases that both have a score of; none without a result."""
    return {
        method: {score.split(".")[1]: rounded(statistics.mean(gaps(table, method, score))) for score in AHEAD}
        for method in methods
        if RESTORED in table.scores
    }


def gaps(table: ScoreTable, method: str, score: str) -> Float[ndarray, " n"]:
    """Our score less a method's, of each case; none where one of them has none, nor of ourselves."""
    ours, theirs = table.values(RESTORED, score), table.values(method, score)
    if method == RESTORED or len(ours) != len(theirs):
        return np.empty(0)
    with np.errstate(invalid="ignore"):  # endless less endless is not defined, and left out
        return ours - theirs


def _interval(name: str, values: Float[ndarray, " n"], draws: Draws) -> dict[str, list[float]]:
    edges = statistics.interval(values, draws) if len(draws) and len(values) else None
    return {name: [float(f"{edge:.{DIGITS}g}") for edge in edges]} if edges else {}
