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

from unmasknet.evaluation.samples import Case
from unmasknet.metrics import statistics

Figures = dict[str, Any]
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
class Ledger:
    """What was measured.

    Attributes:
        cases: facts of each case, without its pictures.
        scores: method -> score -> a number a case; NaN where it is not defined.
        vectors: method -> feature network -> vectors, for FID and KID.
        faces: method -> one embedding a case, None where its points are not known.
        states: what the segmenter says of how a mask is worn, for the masked photos and for the bare ones.
    """

    cases: list["SampleFacts"] = field(default_factory=list)
    scores: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    vectors: dict[str, dict[str, list[Tensor]]] = field(default_factory=dict)
    faces: dict[str, list[Float[ndarray, " d"] | None]] = field(default_factory=dict)
    states: list["State"] = field(default_factory=list)

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
        return tidy(statistics.mean(self.values(method, score)))


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
class State:
    """A verdict about one photo.

    Attributes:
        masked: whether the photo has a mask, and `wear` how it is worn.
        said: the state that the map was read as.
        face: how much of the lower face is hidden; `wrong`: how bare the barest of nose, mouth and chin is.
    """

    masked: bool
    wear: str
    said: str
    face: float
    wrong: float


def facts_of(case: Case) -> SampleFacts:
    """What is kept of a case."""
    return SampleFacts(
        case.key,
        case.person,
        bool(case.labels["identity"]),
        str(case.labels["source"]),
        case.family,
        case.wear,
        case.yaw,
        case.share,
    )


def tidy(value: float | None) -> float | None:
    """A figure for JSON: rounded to what can be meant, None where it is no number."""
    if value is None or not np.isfinite(value):
        return None
    return float(f"{value:.{DIGITS}g}")


def method_figures(ledger: Ledger, method: str, network: str) -> Figures:
    """All figures of one method's pictures; FID and KID by the features of `network`."""
    figures: Figures = {"hole": {}, "whole": {}, "perceptual": {}}
    for score in PICTURE_SCORES:
        group, name = score.split(".")
        figures[group][name] = ledger.mean(method, score)
    ours, truth = ledger.features(method, network), ledger.features(TRUTH, network)
    figures["fid"] = figures["kid"] = None
    if ours is not None and truth is not None and len(ours) == len(truth):
        figures["fid"] = tidy(statistics.frechet(ours, truth))
        figures["kid"] = tidy(statistics.kernel_distance(ours, truth))
    return figures


def by_range(ledger: Ledger, method: str, of: str, edges: Sequence[float]) -> list[Figures]:
    """Figures of the cases between two edges of a fact, `share` or `yaw`; ranges without a case are left out."""
    facts = np.array([getattr(case, of) for case in ledger.cases])
    rows = []
    for low, high in pairwise(edges):
        chosen = (facts >= low) & ((facts < high) | (high == edges[-1]))
        if chosen.any():
            rows.append({"from": low, "to": high, **group_figures(ledger, method, chosen)})
    return rows


def by_name(ledger: Ledger, method: str, of: str) -> dict[str, Figures]:
    """Figures of the cases that share a fact, `family` or `wear`."""
    facts = np.array([getattr(case, of) for case in ledger.cases])
    return {str(name): group_figures(ledger, method, facts == name) for name in sorted(set(facts.tolist()))}


def group_figures(ledger: Ledger, method: str, chosen: ndarray) -> Figures:
    """PSNR and SSIM in the hole over some cases, None where the method has no pictures."""
    figures: Figures = {"n": int(chosen.sum())}
    for name in ("psnr", "ssim"):
        values = ledger.values(method, f"hole.{name}")
        figures[name] = tidy(statistics.mean(values[chosen])) if len(values) else None
    return figures


def intervals(ledger: Ledger, methods: Mapping[str, str], draws: Draws) -> dict[str, list[float]]:
    """95 % intervals of means, and of how far we are ahead of each other method on the same cases.

    Args:
        ledger: the scores.
        methods: method -> what its figures' names begin with in the result, "" for our own.
        draws: bootstrap samples of the cases.
    """
    found: dict[str, list[float]] = {}
    for method, prefix in methods.items():
        for score in ledger.scores.get(method, {}):
            found.update(_interval(f"{prefix}{score}", ledger.values(method, score), draws))
        for score in AHEAD:
            found.update(_interval(f"{score} minus {method}", gaps(ledger, method, score), draws))
    return found


def ahead(ledger: Ledger, methods: Iterable[str]) -> dict[str, Figures]:
    """How far we are ahead of each method, mean over the cases that both have a score of; none without a result."""
    return {
        method: {score.split(".")[1]: tidy(statistics.mean(gaps(ledger, method, score))) for score in AHEAD}
        for method in methods
        if RESTORED in ledger.scores
    }


def gaps(ledger: Ledger, method: str, score: str) -> Float[ndarray, " n"]:
    """Our score less a method's, of each case; none where one of them has none, nor of ourselves."""
    ours, theirs = ledger.values(RESTORED, score), ledger.values(method, score)
    if method == RESTORED or len(ours) != len(theirs):
        return np.empty(0)
    with np.errstate(invalid="ignore"):  # endless less endless is not defined, and left out
        return ours - theirs


def _interval(name: str, values: Float[ndarray, " n"], draws: Draws) -> dict[str, list[float]]:
    edges = statistics.interval(values, draws) if len(draws) and len(values) else None
    return {name: [float(f"{edge:.{DIGITS}g}") for edge in edges]} if edges else {}
