"""`unmask eval`: scores networks, trivial baselines and other methods on held-out samples."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from maskgen.dataset.reader import DataSet, open_data_set
from maskgen.errors import InputError
from maskgen.progress import OnProgress, no_progress
from maskgen.types import RGBImage
from unmasknet.device import choose_device, use_threads
from unmasknet.evaluation.attributes import attributes_by_key
from unmasknet.evaluation.labelled_photos import open_labelled, score_labelled
from unmasknet.evaluation.other_methods import open_others
from unmasknet.evaluation.runner import Runner
from unmasknet.evaluation.samples import EvalSample, choose, read_samples, stack, to_images, to_tensor
from unmasknet.evaluation.score_csv import Row, score_rows
from unmasknet.evaluation.scorer import FindFaces, build_scorer, composited
from unmasknet.evaluation.scores import RESTORED, ScoreTable, Summary
from unmasknet.evaluation.settings import EvalSettings
from unmasknet.evaluation.summary import assemble
from unmasknet.evaluation.trained_on import trained_on, warning_of
from unmasknet.evaluation.verification import add_likeness
from unmasknet.models.alignment import alignment_of, crop_alignment, mixed_alignment
from unmasknet.models.two_stage import Restorer, load_restorer
from unmasknet.settings import GanSettings

EXAMPLES = 6  # samples shown of the worst, of the middle and of the best


@dataclass(frozen=True)
class Example:
    """Sample to show: its group by hole PSNR (`worst`, `middle`, `best`), and its images by name."""

    sample: EvalSample
    group: str
    psnr: float
    images: dict[str, RGBImage]


@dataclass(frozen=True)
class Evaluation:
    """Result of an evaluation.

    Attributes:
        summary: the values as printed by `--json`.
        examples: samples that the report shows.
        shown: the method whose PSNR ranks the examples.
        psnrs: hole PSNR of each sample with that method, in dB.
        rows: scores of each sample.
        warnings: one line per caveat about the values.
    """

    summary: Summary
    examples: tuple[Example, ...]
    shown: str
    psnrs: tuple[float, ...]
    rows: tuple[Row, ...]
    warnings: tuple[str, ...] = ()


def evaluate(
    settings: EvalSettings,
    find_faces: FindFaces | None = None,
    find_masked: FindFaces | None = None,
    on_progress: OnProgress = no_progress,
) -> Evaluation:
    """Scores the methods that the settings select.

    Args:
        settings: settings of the command.
        find_faces: a face detector; without one the scores of found faces are null.
        find_masked: a detector of masked faces, for photos labelled by others; without one each photo is segmented as
            a whole.
        on_progress: called for each batch of samples.

    Raises:
        InputError: there is nothing to score, or an input cannot be read.
        UsageError: settings contradict each other.
        MissingError: a package that the settings require is not installed.
    """
    use_threads(settings.threads)
    device = choose_device(settings.device)
    data = open_data_set(Path(settings.data))
    split, keys = choose(data, settings.split, settings.n, settings.seed)
    restorer = load_restorer(settings.weights, device)
    runner = Runner(
        settings,
        data,
        split,
        restorer,
        _size(settings, restorer, data, split),
        device,
        build_scorer(settings, find_faces, device),
        open_others(settings.compare, keys),
    )
    attributes, notes = attributes_by_key(data, split, keys, settings.by)
    folders = open_labelled(settings.labelled) if restorer.segmenter else []
    with torch.inference_mode():
        table = runner.measure(keys, on_progress)
        if not table.samples:
            raise InputError(
                f"{data.folder}: none of the {table.bare:,} samples of {split} shows a mask, so there is nothing to "
                "score; make a data set in which some faces wear one (gen-data --share .9)"
            )
        add_likeness(table)
        labelled = {
            folder.name: score_labelled(folder, restorer, find_masked, device, settings) for folder in folders
        }
        summary = assemble(table, runner.run(), labelled, attributes)
        summary["trained_on"] = trained_on(
            data, split, [one.facts for one in (restorer.segmenter, restorer.generator) if one]
        )
        shown = next(name for name in (RESTORED, "mean face", "telea") if name in table.scores)
        shown_samples = tuple(examples(runner, table, shown))
    psnrs = tuple(table.values(shown, "hole.psnr").tolist())
    trained = [alignment_of(one.facts) for one in (restorer.segmenter, restorer.generator) if one]
    mixed = mixed_alignment(crop_alignment(data.about.get("settings", {})), trained)
    seen = warning_of(summary["trained_on"], split)
    warnings = (
        *_warnings(settings, restorer, split, table),
        *seen,
        *notes,
        *([mixed] if mixed else []),
    )
    return Evaluation(summary, shown_samples, shown, psnrs, tuple(score_rows(table)), warnings)


def _warnings(settings: EvalSettings, restorer: Restorer, split: str, table: ScoreTable) -> Iterator[str]:
    """Yields caveats about the values."""
    count = len(table.samples) + table.bare
    if settings.n and count < settings.n:
        yield f"{count:,} samples are scored and not {settings.n:,}: the split {split} has no more"
    if table.bare:
        read = "they only count for wearing" if restorer.segmenter else "they are not scored"
        yield f"{table.bare:,} of {count:,} samples show no mask, so there is nothing to restore; {read}"
    generator = restorer.generator.settings if restorer.generator else None
    learnt_from = Path(generator.loss.identity_net).name if isinstance(generator, GanSettings) else ""
    if learnt_from and learnt_from == Path(settings.identity).name:
        yield (
            f"likeness is scored by {learnt_from}, which the generator was trained with: "
            "set identity to another network"
        )


def examples(runner: Runner, table: ScoreTable, method: str) -> Iterator[Example]:
    """Recomputes the worst, the middle and the best samples of a method for display."""
    values = table.values(method, "hole.psnr")
    order = [int(i) for i in np.argsort(values, kind="stable") if np.isfinite(values[i])]
    groups = _worst_middle_best(order)
    wanted = {table.samples[i].key: (group, float(values[i])) for group, rows in groups.items() for i in rows}
    samples = {
        sample.key: sample for sample in read_samples(runner.data, runner.split, list(wanted), runner.size)
    }
    for key, (group, psnr) in wanted.items():
        yield Example(samples[key], group, psnr, _shown(runner, samples[key], method))


def _shown(runner: Runner, sample: EvalSample, method: str) -> dict[str, RGBImage]:
    batch = stack([sample], runner.device)
    images = {name: to_images(tensor)[0] for name, tensor in runner.images(batch).items()}
    chosen = {method: images[method]}
    chosen.update(
        {name: images[name] for name in ("mean face", "telea") if name in images and name != method}
    )
    for other in runner.others:
        if (image := other.read(sample.key, runner.size)) is not None:
            chosen[other.name] = to_images(composited(to_tensor([image], runner.device), batch))[0]
    map = runner.map(batch)
    return {
        "masked": sample.masked,
        "map": to_images(map.expand(-1, 3, -1, -1))[0],
        **chosen,
        "truth": sample.truth,
    }


def _size(settings: EvalSettings, restorer: Restorer, data: DataSet, split: str) -> int:
    """Returns the side in pixels at which images are compared."""
    size = settings.size or restorer.size
    if size:
        return size
    first = next(data.samples(split=split))
    return min(first.decode()["gt"].shape[:2])


def _worst_middle_best(order: Sequence[int]) -> dict[str, list[int]]:
    """Selects worst, middle and best of a ranking, each sample at most once."""
    count = min(EXAMPLES, len(order) // 3)
    if not count:
        return {"all": list(order)}
    middle = len(order) // 2 - count // 2
    return {
        "worst": list(order[:count]),
        "middle": list(order[middle : middle + count]),
        "best": list(order[-count:])[::-1],
    }
