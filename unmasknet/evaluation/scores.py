"""Scores of all samples by method, and the statistics over them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
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
from unmasknet.metrics.statistics import DIGITS, rounded

Summary = dict[str, Any]
Draws = Sequence[Int[ndarray, " _"]]

RESTORED, TRUTH = "restored", "truth"
IMAGE_SCORES = (
    "hole.psnr",
    "hole.ssim",
    "hole.l1",
    "whole.psnr",
    "whole.ssim",
    "perceptual.whole",
    "perceptual.hole",
    "realism.detail_1",
    "realism.detail_2",
    "realism.detail_4",
    "realism.seam",
    "realism.tone",
    "realism.leak",
)
RATIOS = ("realism.detail_1", "realism.detail_2", "realism.detail_4", "realism.seam")
"""Scores that are ratios: their median is given, since a truth with little detail makes a ratio very large."""
WINDOW = " in the window over the hole"  # added to a network's name: features of that window alone
AHEAD = ("hole.psnr", "hole.ssim")  # scores by which methods are compared
HOLE_EDGES = (0.0, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 1.0)  # fractions of the image
YAW_EDGES = (0.0, 10.0, 20.0, 30.0, 45.0, 90.0)  # degrees, absolute


@dataclass
class ScoreTable:
    """All scores of an evaluation.

    Attributes:
        samples: facts of each sample, without its images.
        scores: method -> score -> one value per sample; NaN where undefined.
        vectors: method -> feature network -> vectors, for FID and KID.
        faces: method -> one embedding per sample, None if its points are unknown.
        wear_readings: how the segmenter reads the wear state, for masked and for bare photos.
        bare: number of samples without a mask, which have no other scores.
    """

    samples: list["SampleFacts"] = field(default_factory=list)
    scores: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    vectors: dict[str, dict[str, list[Tensor]]] = field(default_factory=dict)
    faces: dict[str, list[Float[ndarray, " d"] | None]] = field(default_factory=dict)
    wear_readings: list["WearReading"] = field(default_factory=list)
    bare: int = 0

    def add(self, method: str, score: str, values: Tensor | Sequence[float]) -> None:
        """Appends the values of a score for more samples."""
        numbers = values.detach().double().cpu().tolist() if isinstance(values, Tensor) else list(values)
        self.scores.setdefault(method, {}).setdefault(score, []).extend(numbers)

    def add_vectors(self, method: str, network: str, vectors: Tensor) -> None:
        """Appends a batch of feature vectors."""
        self.vectors.setdefault(method, {}).setdefault(network, []).append(vectors.detach().float().cpu())

    def values(self, method: str, score: str) -> Float[ndarray, " n"]:
        """Returns a score of all samples; empty if it was not computed."""
        return np.array(self.scores.get(method, {}).get(score, []), np.float64)

    def features(self, method: str, network: str) -> Float[ndarray, "n d"] | None:
        """Returns the feature vectors of all samples of a method; None if they were not computed."""
        batches = self.vectors.get(method, {}).get(network)
        return torch.cat(batches).numpy() if batches else None

    def mean(self, method: str, score: str) -> float | None:
        """Computes the mean of a score, or the median of one of `RATIOS`; None if it is undefined for all samples."""
        average = statistics.median if score in RATIOS else statistics.mean
        return rounded(average(self.values(method, score)))


@dataclass(frozen=True)
class SampleFacts:
    """Facts of a sample without its images."""

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
    """Wear state of one photo: the true one, and the one read from the segmenter's map.

    Attributes:
        masked: whether the photo shows a mask.
        wear: how the mask is worn.
        predicted: the state read from the map.
        face: hidden fraction of the lower face.
        wrong: bare fraction of the least covered of nose, mouth and chin.
        key: key of the sample.
    """

    masked: bool
    wear: str
    predicted: str
    face: float
    wrong: float
    key: str = ""


def facts_of(sample: EvalSample) -> SampleFacts:
    """Returns the facts of a sample without its images."""
    return SampleFacts(
        sample.key,
        sample.person,
        bool(sample.labels["identity"]),
        str(sample.labels["source"]),
        sample.family,
        sample.wear,
        sample.yaw,
        sample.hole_share,
    )


def method_summary(table: ScoreTable, method: str, network: str) -> Summary:
    """Summarises all scores of one method; FID and KID by the features of `network`."""
    summary: Summary = {"hole": {}, "whole": {}, "perceptual": {}, "realism": {}}
    for score in IMAGE_SCORES:
        group, name = score.split(".")
        summary[group][name] = table.mean(method, score)
    summary["realism"]["kid"] = _distance(table, method, network + WINDOW, statistics.kernel_distance)
    summary["fid"] = _distance(table, method, network, statistics.frechet)
    summary["kid"] = _distance(table, method, network, statistics.kernel_distance)
    return summary


def _distance(
    table: ScoreTable, method: str, network: str, distance: Callable[[ndarray, ndarray], float | None]
) -> float | None:
    """Computes the distance of a method's feature vectors to the truth's; None without both."""
    vectors, truth = table.features(method, network), table.features(TRUTH, network)
    if vectors is None or truth is None or len(vectors) != len(truth):
        return None
    return rounded(distance(vectors, truth))


def by_range(table: ScoreTable, method: str, of: str, edges: Sequence[float]) -> list[Summary]:
    """Summarises samples by ranges of `share` or `yaw`; empty ranges are left out."""
    facts = np.array([getattr(sample, of) for sample in table.samples])
    rows = []
    for low, high in pairwise(edges):
        chosen = (facts >= low) & ((facts < high) | (high == edges[-1]))
        if chosen.any():
            rows.append({"from": low, "to": high, **group_summary(table, method, chosen)})
    return rows


def by_name(table: ScoreTable, method: str, of: str) -> dict[str, Summary]:
    """Summarises samples by `family` or `wear`."""
    facts = np.array([getattr(sample, of) for sample in table.samples])
    return {str(name): group_summary(table, method, facts == name) for name in sorted(set(facts.tolist()))}


def group_summary(table: ScoreTable, method: str, chosen: ndarray) -> Summary:
    """Computes mean PSNR and SSIM in the hole over some samples; None if the method has no images."""
    summary: Summary = {"n": int(chosen.sum())}
    for name in ("psnr", "ssim"):
        values = table.values(method, f"hole.{name}")
        summary[name] = rounded(statistics.mean(values[chosen])) if len(values) else None
    return summary


def intervals(table: ScoreTable, methods: Mapping[str, str], draws: Draws) -> dict[str, list[float]]:
    """Computes 95 % confidence intervals of means, and of the lead over each other method on the same samples.

    Args:
        table: the scores.
        methods: method -> prefix of its keys in the result, "" for the restored images.
        draws: bootstrap samples, as indices.
    """
    found: dict[str, list[float]] = {}
    for method, prefix in methods.items():
        for score in table.scores.get(method, {}):
            average = np.median if score in RATIOS else np.mean
            found.update(_interval(f"{prefix}{score}", table.values(method, score), draws, average))
        for score in AHEAD:
            found.update(_interval(f"{score} minus {method}", gaps(table, method, score), draws))
    return found


def ahead(table: ScoreTable, methods: Iterable[str]) -> dict[str, Summary]:
    """Computes the mean lead over each method on the samples that both have; empty without restored images."""
    return {
        method: {score.split(".")[1]: rounded(statistics.mean(gaps(table, method, score))) for score in AHEAD}
        for method in methods
        if RESTORED in table.scores
    }


def gaps(table: ScoreTable, method: str, score: str) -> Float[ndarray, " n"]:
    """Computes restored minus `method` for each sample; empty if one has no scores or both are the same."""
    restored, other = table.values(RESTORED, score), table.values(method, score)
    if method == RESTORED or len(restored) != len(other):
        return np.empty(0)
    with np.errstate(invalid="ignore"):  # infinity minus infinity is undefined, and left out
        return restored - other


def _interval(
    name: str, values: Float[ndarray, " n"], draws: Draws, average: statistics.Average = np.mean
) -> dict[str, list[float]]:
    edges = statistics.interval(values, draws, average) if len(draws) and len(values) else None
    return {name: [float(f"{edge:.{DIGITS}g}") for edge in edges]} if edges else {}
