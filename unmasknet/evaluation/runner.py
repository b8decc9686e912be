"""Runner of an evaluation: applies networks, baselines and other methods to all samples and scores the results."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from maskgen.dataset.reader import DataSet
from maskgen.errors import InputError, UsageError
from maskgen.progress import OnProgress, Progress
from unmasknet.evaluation.other_methods import OtherMethod
from unmasknet.evaluation.samples import (
    EvalSample,
    SampleBatch,
    choose,
    in_batches,
    read_samples,
    stack,
    to_tensor,
)
from unmasknet.evaluation.scorer import MASKED, Scorer, composited
from unmasknet.evaluation.scores import IMAGE_SCORES, RESTORED, ScoreTable, WearReading, facts_of
from unmasknet.evaluation.settings import EvalSettings
from unmasknet.evaluation.summary import ScoredRun
from unmasknet.evaluation.wear_state import wearing
from unmasknet.maps import ImageBatch, MapBatch, composite
from unmasknet.metrics import image as image_metrics
from unmasknet.metrics.baselines import MeanFace, baselines, mean_face
from unmasknet.models.two_stage import Restorer, widened


@dataclass
class Runner:
    """Data, networks, other methods and scorer of one evaluation.

    Attributes:
        split: split that is scored.
        size: side in pixels at which images are compared.
        seconds: time spent in the networks so far.
        face: mean face of training photos; None without any.
    """

    settings: EvalSettings
    data: DataSet
    split: str
    restorer: Restorer
    size: int
    device: torch.device
    scorer: Scorer
    others: list[OtherMethod]
    seconds: float = 0.0
    face: MeanFace | None = None

    def __post_init__(self) -> None:
        if self.settings.map == "predicted" and not self.restorer.segmenter:
            raise UsageError(
                "--map predicted: needs a segmenter; name its run with --weights, or use --map truth"
            )
        self.face = mean_face(self._train_faces())

    def measure(self, keys: Sequence[str], on_progress: OnProgress) -> ScoreTable:
        """Scores the samples of `keys` with all methods; bare ones only by how the segmenter reads them."""
        table, done = ScoreTable(), 0
        for read in in_batches(read_samples(self.data, self.split, keys, self.size), self.settings.batch):
            done += len(read)
            bare = [sample for sample in read if sample.is_bare]
            table.bare += len(bare)
            self._read_bare(table, bare)
            samples = [sample for sample in read if not sample.is_bare]
            if not samples:
                on_progress(Progress(done, len(keys)))
                continue
            batch = stack(samples, self.device)
            table.samples += [facts_of(sample) for sample in samples]
            truth = self.scorer.truth(table, samples, batch)
            for method, images in self.images(batch).items():
                self.scorer.score(table, method, samples, batch, images, truth)
            self._score_others(table, samples)
            self._score_maps(table, samples, batch)
            on_progress(Progress(done, len(keys)))
        return table

    def images(self, batch: SampleBatch) -> dict[str, ImageBatch]:
        """Computes the composited images of each method, those of the networks first."""
        found = {}
        if self.restorer.generator:
            found[RESTORED] = self.restore(batch)
        for name, baseline in baselines(self.face).items():
            found[name] = composited(baseline(batch.masked, batch.map), batch)
        return found

    def restore(self, batch: SampleBatch) -> ImageBatch:
        """Restores a batch with the map that the settings select, and adds the time to `seconds`."""
        began = time.perf_counter()
        map = self.map(batch)
        result = composite(self.restorer.restored(batch.masked, map), batch.masked, map)
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        self.seconds += time.perf_counter() - began
        return result

    @property
    def uses_true_map(self) -> bool:
        """Whether the generator receives the true map."""
        return self.settings.map == "truth" or not self.restorer.segmenter

    def map(self, batch: SampleBatch) -> MapBatch:
        """Returns the map that the generator receives."""
        if self.uses_true_map:
            return batch.map
        return widened(self.restorer.predicted(batch.masked)[0], self.settings.grow)

    def run(self) -> ScoredRun:
        """Describes the run for the summary."""
        return ScoredRun(
            self.settings,
            self.split,
            self.restorer,
            self.size,
            self.device,
            "truth" if self.uses_true_map else "predicted",
            self.scorer.network,
            self.scorer.identity.name if self.scorer.identity else None,
            self.scorer.lite0.name if self.scorer.lite0 else None,
            tuple(other.name for other in self.others),
            self.seconds,
        )

    def _train_faces(self) -> Iterator[ImageBatch]:
        """Yields unmasked training crops, which are not scored, for the mean face."""
        if not self.settings.train_faces:
            return
        try:
            _, keys = choose(self.data, "train", self.settings.train_faces, self.settings.seed)
        except InputError:
            return
        for samples in in_batches(read_samples(self.data, "train", keys, self.size), self.settings.batch):
            yield to_tensor([sample.truth for sample in samples], self.device)

    def _score_others(self, table: ScoreTable, samples: Sequence[EvalSample]) -> None:
        for other in self.others:
            for sample in samples:
                image = other.read(sample.key, self.size)
                if image is None:
                    self._missing(table, other.name)
                    continue
                batch = stack([sample], self.device)
                truth = self.scorer.lite0(batch.truth) if self.scorer.lite0 else None
                images = composited(to_tensor([image], self.device), batch)
                self.scorer.score(table, other.name, [sample], batch, images, truth)

    @staticmethod
    def _missing(table: ScoreTable, name: str) -> None:
        """Adds NaN scores for a sample of which a method has no image."""
        for score in table.scores[MASKED].keys() & set(IMAGE_SCORES):
            table.add(name, score, [float("nan")])

    def _score_maps(self, table: ScoreTable, samples: Sequence[EvalSample], batch: SampleBatch) -> None:
        """Scores the segmenter's map, and the wear state that is read from it."""
        if not self.restorer.segmenter:
            return
        found, likely = self.restorer.predicted(batch.masked)
        mask, worn = (batch.parts >= 3).float(), (batch.parts >= 2).float()
        dice, iou = image_metrics.overlap(found, worn)
        counted = 1 - worn + mask  # straps are ignored when the mask alone is scored
        table.add("map", "dice", dice)
        table.add("map", "iou", iou)
        table.add("map", "boundary_f", image_metrics.boundary_f(found, worn))
        table.add("map", "dice_mask", image_metrics.overlap(found, mask, counted)[0])
        self._read_wear_states(table, samples, likely, masked=True)
        of_truth = self.restorer.predicted(batch.truth)[1]
        own = [
            number for number, sample in enumerate(samples) if sample.wears_mask
        ]  # others were read as bare
        self._read_wear_states(table, [samples[number] for number in own], of_truth[own], masked=False)

    def _read_bare(self, table: ScoreTable, samples: Sequence[EvalSample]) -> None:
        """Reads the wear state of photos without a mask."""
        if samples and self.restorer.segmenter:
            likely = self.restorer.predicted(stack(samples, self.device).truth)[1]
            self._read_wear_states(table, samples, likely, masked=False)

    def _read_wear_states(
        self, table: ScoreTable, samples: Sequence[EvalSample], likely: MapBatch, *, masked: bool
    ) -> None:
        """Reads the wear state of each sample's own face, which may be bare while others in the image wear masks."""
        planes = likely[:, 0].float().cpu().numpy()
        for sample, plane in zip(samples, planes, strict=True):
            self._score_wear_state(table, masked and sample.wears_mask, sample, plane)

    def _score_wear_state(
        self, table: ScoreTable, masked: bool, sample: EvalSample, plane: np.ndarray
    ) -> None:
        if sample.points is None:
            return
        assert self.restorer.segmenter is not None
        soft = wearing(plane, sample.points)
        sharp = wearing((plane >= self.restorer.segmenter.threshold).astype(np.float32), sample.points)
        table.wear_readings.append(
            WearReading(masked, sample.wear, sharp.state, soft.face, soft.wrong, sample.key)
        )
