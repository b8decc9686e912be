"""Training run from settings to report, for both stages: set up, start or resume, fit."""

import json
import random
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from maskgen.errors import InputError, UsageError
from maskgen.progress import OnProgress
from maskgen.reading import parse_json
from maskgen.seeds import hash64
from unmasknet.data.batches import Batch, open_batches
from unmasknet.data.malloc_tuning import keep_freed_memory
from unmasknet.data.shard_list import count_samples, data_digest, data_settings, training_data
from unmasknet.device import choose_device, choose_precision, use_threads
from unmasknet.models import checkpoint
from unmasknet.models.alignment import crop_alignment, warn_before_training
from unmasknet.models.load import find_checkpoint, load_trained
from unmasknet.models.released import RELEASED, released_file
from unmasknet.models.size import count_gmac, count_parameters
from unmasknet.settings import SegmSettings
from unmasknet.training import distributed
from unmasknet.training.distributed import joined
from unmasknet.training.gan import GanTask
from unmasknet.training.loop import FitPlan, Settings, fit
from unmasknet.training.report import at_chance
from unmasknet.training.run_folder import RunFolder
from unmasknet.training.segmenter import SegmTask
from unmasknet.training.task import (
    Task,
    TrainingProcess,
    TrainProgress,
    begin_from,
    begin_from_weights,
    restore,
)

FREE = {
    "loop": {"steps", "epochs", "minutes", "accumulate", "device", "threads", "log_every", "validate_every",
             "validate_samples", "sample_every", "samples", "checkpoint_every", "keep_every", "max_bad_steps"},
    "data": {"data", "workers"},
}  # fmt: skip
"""Settings that may change when a run is resumed; the hash of the data is compared instead of its path."""


@dataclass(frozen=True)
class TrainingOrder:
    """Folder of a run and how the run starts.

    Attributes:
        out: the run folder.
        config: the settings as TOML, for `config.toml`.
        resume: resume the run in `out`, or start it if there is none.
        start: run folder, checkpoint or averaged weights (a file, or "released") to start from; "" for random weights.
    """

    out: Path
    config: str
    resume: bool = False
    start: str = ""


@dataclass(frozen=True)
class TrainReport:
    """Result of `unmask train`.

    Attributes:
        run: the run folder.
        steps: updates in total.
        best: metrics of the best validation.
        parameters: weights of the network that is released: "trainable" and "fixed".
        gmac: multiply-accumulate operations per image, in units of 10^9.
        seconds: wall time of this process.
        bad_steps: steps skipped because of a non-finite value.
        wait: median fraction of the time in which steps waited for data; None if nothing was logged.
        unread: number of unreadable items of the data.
        warnings: one line for each discriminator that did not learn.
    """

    run: Path
    steps: int
    best: dict[str, float]
    parameters: dict[str, int]
    gmac: float
    seconds: float
    bad_steps: int
    wait: float | None
    unread: int = 0
    warnings: tuple[str, ...] = ()


def launch(settings: Settings, order: TrainingOrder, on_progress: OnProgress) -> TrainReport:
    """Trains the stage that the settings belong to; calls `on_progress` after each step.

    Raises:
        UsageError: `order.out` holds another run, or one with other settings.
        InputError: the data or a checkpoint cannot be used.
        StopRequested, MissingError, UnmaskError: see `fit`.
    """
    began = time.perf_counter()
    check_data(settings)
    device = choose_device(settings.loop.device)
    set_up_torch(settings, device)
    with joined(device) as ranks:
        run = RunFolder(order.out, settings.stage)
        state = checkpoint.load_run(run.last) if order.resume and run.last.exists() else None
        settings = with_precision(settings, device, state)
        facts = _facts(settings)
        if state is not None:
            _check_same(state["facts"], facts, run, type(settings))
        if ranks.first:
            warn_before_training(facts["align"])
            run.begin(order.config, resume=order.resume)
        with _seeded(settings.seed):
            task = build_task(settings, TrainingProcess(device, ranks))
        progress = _first_progress(task, run, order, state)
        _check_together(progress, run, device)
        if ranks.first:
            run.go_back(progress.step)
        plan = FitPlan(settings, count_steps(settings), settings.loop.minutes, device, ranks, facts)

        def stream(step: int) -> Iterator[Batch]:
            return open_batches(
                settings.data.data, settings.data.split, settings,
                train=True, rank=ranks.rank, world=ranks.world, start_step=step, device=device,
            )  # fmt: skip

        progress = fit(task, plan, run, stream, progress, on_progress)
    return TrainReport(
        run.folder,
        progress.step,
        progress.best,
        count_parameters(next(iter(task.nets.values()))),
        round(_gmac(task, settings.data.size), 4),
        round(time.perf_counter() - began, 1),
        progress.bad,
        run.waiting(),
        len(run.unread()),
        tuple(at_chance([row for row in run.rows() if row["kind"] == "validate"])),
    )


def build_task(settings: Settings, place: TrainingProcess) -> Task:
    """Builds the task of a stage: networks with random weights, their optimisers and losses."""
    return SegmTask(settings, place) if isinstance(settings, SegmSettings) else GanTask(settings, place)


def _gmac(task: Task, side: int) -> float:
    """Computes the GMAC of the released network for one image."""
    return count_gmac(task.ema.net, *((1, channels, side, side) for channels in task.inputs))


def check_data(settings: Settings) -> None:
    """Refuses settings without data.

    Raises:
        UsageError: `data.data` is empty.
    """
    if not settings.data.data:
        raise UsageError("data.data is missing; name the data set: --data DIR")


def count_steps(settings: Settings) -> int:
    """Returns the number of updates: as set, or enough for `epochs` passes over the data.

    Raises:
        InputError: the samples cannot be counted.
    """
    loop, data = settings.loop, settings.data
    if loop.epochs is None:
        return loop.steps
    count = count_samples(data.data, data.split)
    if count is None:
        raise InputError("loop.epochs: tars without a record cannot be counted; set loop.steps (--steps)")
    return max(1, round(loop.epochs * count / data.batch))


def set_up_torch(settings: Settings, device: torch.device) -> None:
    """Sets the number of threads, and options that make a GPU faster."""
    use_threads(settings.loop.threads)
    if device.type == "cuda":
        torch.cuda.set_device(device)
        torch.backends.cudnn.benchmark = True
        torch.set_float32_matmul_precision("high")
    elif device.type == "cpu":
        keep_freed_memory()


def with_precision(
    settings: Settings, device: torch.device, state: checkpoint.State | None = None
) -> Settings:
    """Replaces the precision `auto` by the faster one, on all ranks the same.

    Args:
        settings: settings of a run.
        device: device of the networks.
        state: checkpoint from which the run is resumed, if there is one: its precision is kept.
    """
    if settings.loop.precision != "auto":
        return settings
    kept = parse_json(state["facts"]["settings"])["loop"]["precision"] if state is not None else ""
    wanted = kept or choose_precision(device)
    # A rank that has the checkpoint also sends this message: others may lack it, which is found later.
    faster = distributed.largest(float(wanted == "bf16"), device)
    precision = kept or ("bf16" if faster else "fp32")
    loop = settings.loop.model_copy(update={"precision": precision})
    return settings.model_copy(update={"loop": loop})


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Seeds torch, so that initial weights depend only on the seed and are equal on all ranks."""
    torch.manual_seed(hash64("weights", seed) % 2**63)
    random.seed(seed)
    yield


def _facts(settings: Settings) -> dict[str, str]:
    """Returns the metadata of checkpoints and weights."""
    return checkpoint.facts_text(
        stage=settings.stage,
        settings=settings.model_dump(mode="json"),
        data=data_digest(settings.data.data, settings.data.split),
        align=crop_alignment(data_settings(settings.data.data)),
        trained_on=training_data(settings.data.data, settings.data.split),
        torch=torch.__version__,
    )


def _check_same(old: Mapping[str, str], new: Mapping[str, str], run: RunFolder, kind: type[Settings]) -> None:
    """Checks that a run is resumed with its own settings and data.

    Args:
        old: metadata of the run's last checkpoint.
        new: metadata of this start.
        run: the run folder.
        kind: the stage's settings.

    Raises:
        UsageError: the run was trained with other settings or data.
    """
    if old["stage"] != new["stage"]:
        raise UsageError(f"--resume: {run.folder} is a run of train {old['stage']}; give another --out")
    changed = differences(_with_defaults(old, kind), json.loads(new["settings"]))
    if old["data"] != new["data"]:
        changed.append(f"the data sets' content: {old['data']}, now {new['data']}")
    if changed:
        lines = "\n  ".join(changed)
        raise UsageError(
            f"--resume: {run.folder} was trained with other settings:\n  {lines}\n"
            f"Give the same settings, or start a new run with --from {run.folder} --out ANOTHER"
        )


def _with_defaults(facts: Mapping[str, str], kind: type[Settings]) -> Mapping[str, Any]:
    """Adds settings newer than the checkpoint, with their defaults, which do not change the training."""
    try:
        return kind.model_validate_json(facts["settings"]).model_dump(mode="json")
    except ValueError:  # a setting was removed since: `differences` will name it
        try:
            found: Mapping[str, Any] = parse_json(facts["settings"])
        except ValueError as error:
            raise InputError(f"--resume: the settings in the checkpoint are malformed: {error}") from error
        return found


def differences(before: Mapping[str, Any], after: Mapping[str, Any], path: str = "") -> list[str]:
    """Lists settings that must not change but did, as `path: old value, now new value`."""
    lines = []
    free = FREE.get(path, set())
    for name in sorted({*before, *after} - free):
        old, new = before.get(name), after.get(name)
        if isinstance(old, dict) and isinstance(new, dict):
            lines += differences(old, new, f"{path}.{name}" if path else name)
        elif old != new:
            lines.append(f"{path + '.' if path else ''}{name}: {old}, now {new}")
    return lines


def _check_together(progress: TrainProgress, run: RunFolder, device: torch.device) -> None:
    """Checks that all ranks resume at the same step; otherwise the later ones would wait for the others forever.

    Raises:
        InputError: another rank found a later checkpoint.
    """
    furthest = int(distributed.largest(float(progress.step), device))
    if progress.step < furthest:
        raise InputError(
            f"--resume: {run.last} is at step {progress.step} here and at {furthest} for another rank; give an --out "
            "that all machines share"
        )


def _first_progress(
    task: Task, run: RunFolder, order: TrainingOrder, state: checkpoint.State | None
) -> TrainProgress:
    """Loads the initial weights into the task and returns the progress from which the run starts.

    Raises:
        InputError: the weights belong to another network.
    """
    if state is not None:
        return restore(task, state, run.last)
    if order.start:
        _begin(task, run.stage, order.start)
    return TrainProgress()


def _begin(task: Task, stage: str, start: str) -> None:
    """Loads the initial weights named by `--from`: a run's, a checkpoint's, or averaged weights.

    Raises:
        InputError: they belong to another stage or network.
    """
    if start == RELEASED or start.endswith(".safetensors"):
        path = released_file(stage) if start == RELEASED else Path(start)
        trained = load_trained(path)
        _check_stage(start, trained.stage, stage)
        begin_from_weights(task, trained, path)
        return
    path = find_checkpoint(Path(start))
    origin = checkpoint.load_run(path)
    _check_stage(start, origin["facts"]["stage"], stage)
    begin_from(task, origin, path)


def _check_stage(start: str, found: str, wanted: str) -> None:
    if found != wanted:
        raise InputError(
            f"--from {start}: is a run of train {found}; name one of train {wanted}"
            + (" (a segmenter to train with is named by --segmenter)" if wanted == "gan" else "")
        )
