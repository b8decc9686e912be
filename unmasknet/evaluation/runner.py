"""What all samples go through: networks, baselines and other methods, under the same scores."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from maskgen.dataset.reader import DataSet
from maskgen.errors import InputError, UsageError
from unmasknet.evaluation.attributes import AttributesOf
from unmasknet.evaluation.other_methods import Other
from unmasknet.evaluation.samples import Case, Stack, choose, in_batches, read_cases, stack, to_tensor
from unmasknet.evaluation.scorer import MASKED, Judge, laid_in
from unmasknet.evaluation.scores import PICTURE_SCORES, RESTORED, Ledger, State, facts_of
from unmasknet.evaluation.settings import EvalSettings
from unmasknet.evaluation.summary import ScoredRun
from unmasknet.evaluation.wear_state import wearing
from unmasknet.maps import ImageBatch, MapBatch, composite
from unmasknet.metrics import image as image_metrics
from unmasknet.metrics.baselines import MeanFace, baselines, mean_face
from unmasknet.models.two_stage import Restorer, widened

Tell = Callable[[int, int], object]


@dataclass
class Course:
    """Everything that cases go through."""

    settings: EvalSettings
    data: DataSet
    split: str
    restorer: Restorer
    size: int
    device: torch.device
    judge: Judge
    others: list[Other]
    attributes_of: AttributesOf
    seconds: float = 0.0
    face: MeanFace | None = None

    def __post_init__(self) -> None:
        if self.settings.map == "predicted" and not self.restorer.segmenter:
            raise UsageError(
                "--map predicted: needs a segmenter; name its run with --weights, or use --map truth"
            )
        self.face = mean_face(self._train_faces())

    def measure(self, keys: Sequence[str], tell: Tell) -> Ledger:
        """Put the cases through all methods and all scores."""
        ledger, done = Ledger(), 0
        for cases in in_batches(read_cases(self.data, self.split, keys, self.size), self.settings.batch):
            batch = stack(cases, self.device)
            ledger.cases += [facts_of(case) for case in cases]
            truth = self.judge.truth(ledger, cases, batch)
            for method, pictures in self.pictures(batch).items():
                self.judge.score(ledger, method, cases, batch, pictures, truth)
            self._score_others(ledger, cases)
            self._score_maps(ledger, cases, batch)
            done += len(cases)
            tell(done, len(keys))
        return ledger

    def pictures(self, batch: Stack) -> dict[str, ImageBatch]:
        """Each method's composited pictures, ours first."""
        found = {}
        if self.restorer.generator:
            found[RESTORED] = self.restore(batch)
        for name, baseline in baselines(self.face).items():
            found[name] = laid_in(baseline(batch.masked, batch.hole), batch)
        return found

    def restore(self, batch: Stack) -> ImageBatch:
        """Our pictures, with the hole that the settings ask for; the time it takes is added up."""
        began = time.perf_counter()
        hole = self.hole(batch)
        result = composite(self.restorer.restored(batch.masked, hole), batch.masked, hole)
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        self.seconds += time.perf_counter() - began
        return result

    @property
    def by_truth(self) -> bool:
        """Whether the generator is told the true map."""
        return self.settings.map == "truth" or not self.restorer.segmenter

    def hole(self, batch: Stack) -> MapBatch:
        """The map that the generator is told."""
        if self.by_truth:
            return batch.hole
        return widened(self.restorer.predicted(batch.masked)[0], self.settings.grow)

    def run(self) -> ScoredRun:
        """What the figures are figures of."""
        return ScoredRun(
            self.settings,
            self.split,
            self.restorer,
            self.size,
            self.device,
            "truth" if self.by_truth else "predicted",
            self.judge.network,
            self.judge.identity.name if self.judge.identity else None,
            self.judge.lite0.name if self.judge.lite0 else None,
            tuple(other.name for other in self.others),
            self.seconds,
            self.attributes_of,
        )

    def _train_faces(self) -> Iterator[ImageBatch]:
        """Crops without a mask that are not scored, for the mean face."""
        if not self.settings.train_faces:
            return
        try:
            _, keys = choose(self.data, "train", self.settings.train_faces, self.settings.seed)
        except InputError:
            return
        for cases in in_batches(read_cases(self.data, "train", keys, self.size), self.settings.batch):
            yield to_tensor([case.truth for case in cases], self.device)

    def _score_others(self, ledger: Ledger, cases: Sequence[Case]) -> None:
        for other in self.others:
            for case in cases:
                picture = other.read(case.key, self.size)
                if picture is None:
                    self._missing(ledger, other.name)
                    continue
                batch = stack([case], self.device)
                truth = self.judge.lite0(batch.truth) if self.judge.lite0 else None
                pictures = laid_in(to_tensor([picture], self.device), batch)
                self.judge.score(ledger, other.name, [case], batch, pictures, truth)

    @staticmethod
    def _missing(ledger: Ledger, name: str) -> None:
        """A method without a picture of a case: that case has no score of it."""
        for score in ledger.scores[MASKED].keys() & set(PICTURE_SCORES):
            ledger.add(name, score, [float("nan")])

    def _score_maps(self, ledger: Ledger, cases: Sequence[Case], batch: Stack) -> None:
        """How well the segmenter finds the mask, and what it says of how it is worn."""
        if not self.restorer.segmenter:
            return
        found, likely = self.restorer.predicted(batch.masked)
        mask, worn = (batch.parts >= 3).float(), (batch.parts >= 2).float()
        dice, iou = image_metrics.overlap(found, worn)
        counted = 1 - worn + mask  # straps are neither wanted nor wrong where the mask alone is asked for
        ledger.add("map", "dice", dice)
        ledger.add("map", "iou", iou)
        ledger.add("map", "boundary_f", image_metrics.boundary_f(found, worn))
        ledger.add("map", "dice_mask", image_metrics.overlap(found, mask, counted)[0])
        for masked, probabilities in ((True, likely), (False, self.restorer.predicted(batch.truth)[1])):
            planes = probabilities[:, 0].float().cpu().numpy()
            for case, plane in zip(cases, planes, strict=True):
                self._judge_wearing(ledger, masked, case, plane)

    def _judge_wearing(self, ledger: Ledger, masked: bool, case: Case, plane: np.ndarray) -> None:
        if case.points is None:
            return
        assert self.restorer.segmenter is not None
        soft = wearing(plane, case.points)
        sharp = wearing((plane >= self.restorer.segmenter.threshold).astype(np.float32), case.points)
        ledger.states.append(State(masked, case.wear, sharp.state, soft.face, soft.wrong))
