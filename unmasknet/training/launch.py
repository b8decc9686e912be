"""A training run from its settings to its report, the same for both stages: set up, begin or go on, fit."""

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
from maskgen.seeds import hash64
from unmasknet.data.batches import Batch, open_batches
from unmasknet.data.malloc_tuning import keep_freed_memory
from unmasknet.data.shard_list import count_samples, data_digest
from unmasknet.device import choose_device
from unmasknet.models import checkpoint
from unmasknet.models.load import find_checkpoint
from unmasknet.models.size import count_gmac, count_parameters
from unmasknet.settings import SegmSettings
from unmasknet.training import distributed
from unmasknet.training.distributed import joined
from unmasknet.training.gan import GanTask
from unmasknet.training.loop import FitPlan, Settings, fit
from unmasknet.training.run_folder import RunFolder
from unmasknet.training.segmenter import SegmTask
from unmasknet.training.task import Task, TrainingProcess, TrainProgress, begin_from, restore

FREE = {
    "loop": {"steps", "epochs", "minutes", "accumulate", "device", "threads", "log_every", "validate_every",
             "validate_samples", "sample_every", "samples", "checkpoint_every", "keep_every", "max_bad_steps"},
    "data": {"data", "workers"},
}  # fmt: skip
"""Settings that may change when a run goes on; the data's own hash is compared instead of its place."""


@dataclass(frozen=True)
class TrainingOrder:
    """Where a run goes and how it begins.

    Attributes:
        out: the run's folder.
        config: the settings as TOML, for `config.toml`.
        resume: go on with the run in `out`, or begin it if there is none.
        start: run folder or checkpoint whose weights it begins with; "" for fresh ones.
    """

    out: Path
    config: str
    resume: bool = False
    start: str = ""


@dataclass(frozen=True)
class TrainReport:
    """What `unmask train` says at its end."""

    run: Path
    steps: int
    best: dict[str, float]
    parameters: dict[str, int]
    gmac: float
    seconds: float
    bad_steps: int
    wait: float | None
    unread: int = 0


def launch(settings: Settings, order: TrainingOrder, on_progress: OnProgress) -> TrainReport:
    """Trains the stage that the settings are of; `on_progress` is called after each step.

    Raises:
        UsageError: `order.out` holds another run, or one with other settings.
        InputError: the data or a checkpoint cannot be used.
        Stopped, MissingError, UnmaskError: see `fit`.
    """
    began = time.perf_counter()
    check_data(settings)
    device = choose_device(settings.loop.device)
    set_up_torch(settings, device)
    with joined(device) as ranks:
        run = RunFolder(order.out, settings.stage)
        facts = _facts(settings)
        state = _state_to_resume(run, order, facts, type(settings))
        if ranks.first:
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
    )


def build_task(settings: Settings, place: TrainingProcess) -> Task:
    """Builds the networks of a stage and how they are trained, with fresh weights."""
    return SegmTask(settings, place) if isinstance(settings, SegmSettings) else GanTask(settings, place)


def _gmac(task: Task, side: int) -> float:
    """Works of one picture through the network that the run is for."""
    return count_gmac(task.ema.net, *((1, channels, side, side) for channels in task.inputs))


def check_data(settings: Settings) -> None:
    """Refuses settings that name no data.

    Raises:
        UsageError: they do not.
    """
    if not settings.data.data:
        raise UsageError("data.data is missing; name the data set: --data DIR")


def count_steps(settings: Settings) -> int:
    """Updates in all: as set, or as many as `epochs` passes over the data take.

    Raises:
        InputError: the data cannot be counted.
    """
    loop, data = settings.loop, settings.data
    if loop.epochs is None:
        return loop.steps
    count = count_samples(data.data, data.split)
    if count is None:
        raise InputError("loop.epochs: tars without a record cannot be counted; set loop.steps (--steps)")
    return max(1, round(loop.epochs * count / data.batch))


def set_up_torch(settings: Settings, device: torch.device) -> None:
    """Sets the number of threads, and what makes a GPU fast."""
    if settings.loop.threads:
        torch.set_num_threads(settings.loop.threads)
    if device.type == "cuda":
        torch.cuda.set_device(device)
        torch.backends.cudnn.benchmark = True
        torch.set_float32_matmul_precision("high")
    elif device.type == "cpu":
        keep_freed_memory()


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Seeds torch: fresh weights depend on the seed alone; all ranks draw the same."""
    torch.manual_seed(hash64("weights", seed) % 2**63)
    random.seed(seed)
    yield


def _facts(settings: Settings) -> dict[str, str]:
    """Returns the metadata of checkpoints and weights."""
    return checkpoint.facts_text(
        stage=settings.stage,
        settings=settings.model_dump(mode="json"),
        data=data_digest(settings.data.data, settings.data.split),
        torch=torch.__version__,
    )


def _state_to_resume(
    run: RunFolder, order: TrainingOrder, facts: Mapping[str, str], kind: type[Settings]
) -> checkpoint.State | None:
    """Loads the run's last state, None if there is none or it is not asked for.

    Raises:
        UsageError: it was trained with other settings or data.
    """
    if not order.resume or not run.last.exists():
        return None
    state = checkpoint.load(run.last)
    then, now = state["facts"], facts
    if then["stage"] != now["stage"]:
        raise UsageError(f"--resume: {run.folder} is a run of train {then['stage']}; give another --out")
    changed = differences(_as_of_now(then, kind), json.loads(now["settings"]))
    if then["data"] != now["data"]:
        changed.append(f"the data sets' content: {then['data']}, now {now['data']}")
    if changed:
        lines = "\n  ".join(changed)
        raise UsageError(
            f"--resume: {run.folder} was trained otherwise:\n  {lines}\n"
            f"Give the same settings, or begin a new run with --from {run.folder} --out ANOTHER"
        )
    return state


def _as_of_now(then: Mapping[str, str], kind: type[Settings]) -> Mapping[str, Any]:
    """Fills in settings that a checkpoint is too old for with their defaults, which change nothing."""
    try:
        return kind.model_validate_json(then["settings"]).model_dump(mode="json")
    except ValueError:  # one of them is no more: the difference will name it
        found: Mapping[str, Any] = json.loads(then["settings"])
        return found


def differences(then: Mapping[str, Any], now: Mapping[str, Any], path: str = "") -> list[str]:
    """Settings that may not change but did, as `path: value then, now value`."""
    lines = []
    free = FREE.get(path, set())
    for name in sorted({*then, *now} - free):
        old, new = then.get(name), now.get(name)
        if isinstance(old, dict) and isinstance(new, dict):
            lines += differences(old, new, f"{path}.{name}" if path else name)
        elif old != new:
            lines.append(f"{path + '.' if path else ''}{name}: {old}, now {new}")
    return lines


def _check_together(progress: TrainProgress, run: RunFolder, device: torch.device) -> None:
    """Checks that all ranks resume at one step; else the first ones would wait for the others forever.

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
    """Returns where the run starts, with the weights it starts with.

    Raises:
        InputError: they are another network's.
    """
    if state is not None:
        return restore(task, state, run.last)
    if order.start:
        path = find_checkpoint(Path(order.start))
        origin = checkpoint.load(path)
        if origin["facts"]["stage"] != run.stage:
            raise InputError(
                f"--from {order.start}: is a run of train {origin['facts']['stage']}; name one of train {run.stage}"
                + (" (a segmenter to train with is named by --segmenter)" if run.stage == "gan" else "")
            )
        begin_from(task, origin, path)
    return TrainProgress()
