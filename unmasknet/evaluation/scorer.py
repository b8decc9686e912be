"""Scorer: computes all scores of one batch of a method's images."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from numpy import ndarray

from maskgen.types import Affine, RGBImage
from unmasknet.evaluation.samples import EvalSample, SampleBatch, to_images
from unmasknet.evaluation.scores import RESTORED, TRUTH, WINDOW, ScoreTable
from unmasknet.evaluation.settings import EvalSettings
from unmasknet.maps import ImageBatch, MapBatch, composite, window_over_hole
from unmasknet.metrics import brisque, features, realism
from unmasknet.metrics import image as image_metrics
from unmasknet.metrics.features import Lite0, NetworkFeatures
from unmasknet.metrics.identity import Identity, build_identity
from unmasknet.metrics.inception import Inception, load_inception

FindFaces = Callable[[RGBImage, int], Sequence[Affine]]  # (photo, side) -> one matrix photo -> crop per face
MASKED = "masked input"
CLOSELY_SCORED = (RESTORED, TRUTH, MASKED)  # also scored by BRISQUE, face detector and face recognition
LEAST_SIDE = 32  # pixels; below it BRISQUE's half-size statistics are meaningless


@dataclass(frozen=True)
class Scorer:
    """Networks and detectors that score images; the scores of a missing one are null."""

    lite0: Lite0 | None
    inception: Inception | None
    identity: Identity | None
    brisque: bool
    find_faces: FindFaces | None

    @property
    def network(self) -> str:
        """Name of the network whose features FID and KID compare."""
        net = self.inception or self.lite0
        return net.name if net else ""

    def truth(
        self, table: ScoreTable, samples: Sequence[EvalSample], batch: SampleBatch
    ) -> NetworkFeatures | None:
        """Scores the truth, and returns its features, which the methods' images are compared with."""
        self._score_closely(table, TRUTH, samples, batch.truth)
        return self._vectors(table, TRUTH, batch.truth, batch.map)

    def score(
        self,
        table: ScoreTable,
        method: str,
        samples: Sequence[EvalSample],
        batch: SampleBatch,
        images: ImageBatch,
        truth: NetworkFeatures | None,
    ) -> None:
        """Adds the scores of a method's composited images of some samples to `table`."""
        map, everything = batch.map, torch.ones_like(batch.map)
        windows = image_metrics.ssim_map(images, batch.truth)
        table.add(method, "hole.psnr", image_metrics.psnr(images, batch.truth, map))
        table.add(method, "hole.ssim", image_metrics.over(windows, map))
        table.add(method, "hole.l1", image_metrics.l1(images, batch.truth, map))
        table.add(method, "whole.psnr", image_metrics.psnr(images, batch.truth, everything))
        table.add(method, "whole.ssim", image_metrics.over(windows, everything))
        for score, values in realism_scores(images, batch).items():
            table.add(method, score, values)
        vectors = self._vectors(table, method, images, map)
        if vectors and truth:
            table.add(method, "perceptual.whole", features.perceptual_distance(vectors, truth, everything))
            table.add(method, "perceptual.hole", features.perceptual_distance(vectors, truth, map))
        if method in CLOSELY_SCORED:
            self._score_closely(table, method, samples, images)

    def _vectors(
        self, table: ScoreTable, method: str, images: ImageBatch, map: MapBatch
    ) -> NetworkFeatures | None:
        """Adds the feature vectors of images and of their windows over the hole; returns the perceptual features."""
        vectors = self.lite0(images) if self.lite0 else None
        window = window_over_hole(images, map)
        if self.inception:
            table.add_vectors(method, self.inception.name, self.inception(images))
            table.add_vectors(method, self.inception.name + WINDOW, self.inception(window))
        elif self.lite0 and vectors:
            table.add_vectors(method, self.lite0.name, vectors.vector)
            table.add_vectors(method, self.lite0.name + WINDOW, self.lite0(window).vector)
        return vectors

    def _score_closely(
        self, table: ScoreTable, method: str, samples: Sequence[EvalSample], images: ImageBatch
    ) -> None:
        images_rgb = to_images(images)
        if self.brisque and images_rgb[0].shape[0] >= LEAST_SIDE:
            table.add(method, "brisque", [brisque.brisque(image) for image in images_rgb])
        if self.find_faces:
            table.add(
                method, "detected", [float(bool(self.find_faces(image, len(image)))) for image in images_rgb]
            )
        if self.identity:
            table.faces.setdefault(method, []).extend(
                self._face(self.identity, sample, image)
                for sample, image in zip(samples, images_rgb, strict=True)
            )

    @staticmethod
    def _face(identity: Identity, sample: EvalSample, image: RGBImage) -> Float[ndarray, " d"] | None:
        return None if sample.points is None else identity.embed(image, sample.points)


def realism_scores(images: ImageBatch, batch: SampleBatch) -> dict[str, image_metrics.Scores]:
    """Computes the scores of detail, seam, tone and leaking colour of a method's composited images."""
    map = batch.map
    found = {
        f"realism.detail_{band[0]:g}": realism.detail(images, batch.truth, map, band)
        for band in realism.BANDS
    }
    found["realism.seam"] = realism.seam(images, batch.truth, map)
    found["realism.tone"] = realism.tone(images, batch.truth, map)
    found["realism.leak"] = realism.leak(images, batch.truth, batch.masked, map)
    return found


def build_scorer(settings: EvalSettings, find_faces: FindFaces | None, device: torch.device) -> Scorer:
    """Builds the scorer that the settings select, from the packages that are installed.

    Raises:
        MissingError: a package that the settings require is not installed.
        InputError: a weights file is not valid.
    """
    wanted = settings.features == "on" or (settings.features == "auto" and features.has_lite0())
    inception = load_inception(Path(settings.inception)) if settings.inception else None
    return Scorer(
        features.build_lite0().to(device) if wanted else None,
        inception.to(device) if inception else None,
        build_identity(settings.identity),
        settings.brisque,
        find_faces if settings.detect else None,
    )


def composited(images: ImageBatch, batch: SampleBatch) -> ImageBatch:
    """Composites a method's images into the masked photos by the true hole; for baselines and other methods."""
    return composite(images, batch.masked, batch.map)
