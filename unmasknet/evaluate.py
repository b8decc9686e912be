"""`unmask eval`: held-out samples through the networks, and through what costs nothing, all under the same scores."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from maskgen.errors import InputError, UsageError
from maskgen.samples import DataSet, open_data_set
from maskgen.types import Picture
from unmasknet import metrics
from unmasknet.baselines import MeanFace, baselines, mean_face
from unmasknet.cases import Case, Stack, choose, in_batches, read_cases, stack, to_pictures, to_tensor
from unmasknet.device import choose_device
from unmasknet.eval_settings import EvalSettings
from unmasknet.figures import Run, assemble
from unmasknet.judge import MASKED, FindFaces, Judge, build_judge, laid_in
from unmasknet.labelled import open_labelled, score_labelled
from unmasknet.ledger import PICTURE_SCORES, RESTORED, Figures, Ledger, State, facts_of
from unmasknet.metrics import Maps, Pictures, composite
from unmasknet.others import Other, open_others
from unmasknet.people import likeness
from unmasknet.restorer import Restorer, load_restorer, widened
from unmasknet.wearing import wearing

Tell = Callable[[int, int], object]
EXAMPLES = 6  # pictures shown of the worst, of the middle and of the best


@dataclass(frozen=True)
class Example:
    """A case to look at: its rank by hole PSNR, and its pictures."""

    case: Case
    group: str
    psnr: float
    pictures: dict[str, Picture]


@dataclass(frozen=True)
class Evaluation:
    """The figures as the JSON has them, and what a report shows beside them."""

    figures: Figures
    examples: tuple[Example, ...]
    shown: str
    psnrs: tuple[float, ...]


def evaluate(
    settings: EvalSettings, find_faces: FindFaces | None = None, tell: Tell = lambda done, total: None
) -> Evaluation:
    """Score what the settings name.

    Args:
        settings: of the command.
        find_faces: a detector; without one nothing is said about faces that are found.
        tell: called with the cases done and their number.

    Raises:
        InputError: there is nothing to score, or an input cannot be read. UsageError: settings contradict each other.
        MissingError: a tool that was asked for is not installed.
    """
    device = choose_device(settings.device)
    data = open_data_set(Path(settings.data))
    split, keys = choose(data, settings.split, settings.n, settings.seed)
    restorer = load_restorer(settings.weights, device)
    bench = Bench(
        settings,
        data,
        split,
        restorer,
        _size(settings, restorer, data, split),
        device,
        build_judge(settings, find_faces, device),
        open_others(settings.compare, keys),
    )
    folders = open_labelled(settings.labelled) if restorer.segmenter else []
    with torch.inference_mode():
        ledger = bench.measure(keys, tell)
        likeness(ledger)
        labelled = {
            folder.name: score_labelled(folder, restorer, find_faces, device, settings) for folder in folders
        }
        figures = assemble(ledger, bench.run(), labelled)
        shown = RESTORED if restorer.generator else next(iter(ledger.scores))
        examples = tuple(bench.examples(ledger, shown))
    return Evaluation(figures, examples, shown, tuple(ledger.values(shown, "hole.psnr").tolist()))


@dataclass
class Bench:
    """Everything that cases go through."""

    settings: EvalSettings
    data: DataSet
    split: str
    restorer: Restorer
    size: int
    device: torch.device
    judge: Judge
    others: list[Other]
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

    def pictures(self, batch: Stack) -> dict[str, Pictures]:
        """Each method's composited pictures, ours first."""
        found = {}
        if self.restorer.generator:
            found[RESTORED] = self.restore(batch)
        for name, baseline in baselines(self.face).items():
            found[name] = laid_in(baseline(batch.masked, batch.hole), batch)
        return found

    def restore(self, batch: Stack) -> Pictures:
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

    def hole(self, batch: Stack) -> Maps:
        """The map that the generator is told."""
        if self.by_truth:
            return batch.hole
        return widened(self.restorer.predicted(batch.masked)[0], self.settings.grow)

    def run(self) -> Run:
        """What the figures are figures of."""
        return Run(
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
        )

    def examples(self, ledger: Ledger, method: str) -> Iterator[Example]:
        """The worst, the middle and the best cases of a method, computed once more to be shown."""
        values = ledger.values(method, "hole.psnr")
        order = [int(i) for i in np.argsort(values, kind="stable") if np.isfinite(values[i])]
        groups = _thirds(order)
        wanted = {
            ledger.cases[i].key: (group, float(values[i])) for group, rows in groups.items() for i in rows
        }
        cases = {case.key: case for case in read_cases(self.data, self.split, list(wanted), self.size)}
        for key, (group, psnr) in wanted.items():
            yield Example(cases[key], group, psnr, self._shown(cases[key], method))

    def _shown(self, case: Case, method: str) -> dict[str, Picture]:
        batch = stack([case], self.device)
        pictures = {name: to_pictures(tensor)[0] for name, tensor in self.pictures(batch).items()}
        chosen = {method: pictures[method]}
        chosen.update(
            {name: pictures[name] for name in ("mean face", "telea") if name in pictures and name != method}
        )
        for other in self.others:
            if (picture := other.read(case.key, self.size)) is not None:
                chosen[other.name] = to_pictures(laid_in(to_tensor([picture], self.device), batch))[0]
        hole = self.hole(batch)
        return {
            "masked": case.masked,
            "hole": to_pictures(hole.expand(-1, 3, -1, -1))[0],
            **chosen,
            "truth": case.truth,
        }

    def _train_faces(self) -> Iterator[Pictures]:
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
        dice, iou = metrics.overlap(found, worn)
        counted = 1 - worn + mask  # straps are neither wanted nor wrong where the mask alone is asked for
        ledger.add("map", "dice", dice)
        ledger.add("map", "iou", iou)
        ledger.add("map", "boundary_f", metrics.boundary_f(found, worn))
        ledger.add("map", "dice_mask", metrics.overlap(found, mask, counted)[0])
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


def _size(settings: EvalSettings, restorer: Restorer, data: DataSet, split: str) -> int:
    """Pixels at which pictures are compared."""
    size = settings.size or restorer.size
    if size:
        return size
    first = next(data.samples(split=split))
    return min(first.decode()["gt"].shape[:2])


def _thirds(order: Sequence[int]) -> dict[str, list[int]]:
    """Worst, middle and best of a ranking, without a case twice."""
    count = min(EXAMPLES, len(order) // 3)
    if not count:
        return {"all": list(order)}
    middle = len(order) // 2 - count // 2
    return {
        "worst": list(order[:count]),
        "middle": list(order[middle : middle + count]),
        "best": list(order[-count:])[::-1],
    }
