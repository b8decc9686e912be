"""What a training step takes with real data, against the same step on tensors that are there already."""

import statistics
import time
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import repeat
from typing import cast

import torch

from unmasknet.data.batches import Batch, Settings, open_batches
from unmasknet.device import choose_device
from unmasknet.training.distributed import Ranks
from unmasknet.training.launch import build_task, set_up_torch
from unmasknet.training.task import Task, TrainingProcess

WARM_UP = 4  # steps before a count: workers start, kernels are chosen


@dataclass(frozen=True)
class TrainBench:
    """How long a step takes.

    Attributes:
        step_ms: of one step with real data, median, at the settings' workers.
        synthetic_ms: of the same step on one batch over and over, without a loader.
        ratio: the first over the second.
        wait: share of the time of real steps that was spent waiting for data.
        by_workers: {workers: (images a second, share of waiting)}.
    """

    stage: str
    size: int
    batch: int
    step_ms: float
    synthetic_ms: float
    ratio: float
    wait: float
    by_workers: dict[int, tuple[float, float]] = field(default_factory=dict)


def bench_train(settings: Settings, steps: int = 20, workers: tuple[int, ...] = ()) -> TrainBench:
    """Measures training steps with all losses in force.

    Args:
        settings: of a stage, with data.
        steps: of each count.
        workers: numbers of workers to measure too.

    Raises:
        InputError: the data cannot be used.
    """
    device = choose_device(settings.loop.device)
    set_up_torch(settings, device)
    task = build_task(settings, TrainingProcess(device, Ranks()))
    with closing(_stream(settings, device)) as stream:
        one = next(stream)
    before, _ = _count(task, repeat(one), steps, device)
    times, wait = _measured(task, settings, steps, device)
    after, _ = _count(task, repeat(one), steps, device)
    synthetic = statistics.median(before + after)
    step = statistics.median(times)
    by_workers = {}
    for number in workers:
        lanes = settings.data.lanes * max(number, 1)
        data = settings.data.model_copy(update={"workers": number, "lanes": lanes})
        found, share = _measured(task, settings.model_copy(update={"data": data}), steps, device)
        by_workers[number] = (settings.data.batch / statistics.mean(found), share)
    return TrainBench(
        settings.stage,
        settings.data.size,
        settings.data.batch,
        1000 * step,
        1000 * synthetic,
        step / synthetic,
        wait,
        by_workers,
    )


def _stream(settings: Settings, device: torch.device) -> Generator[Batch, None, None]:
    stream = open_batches(settings.data.data, settings.data.split, settings, train=True, device=device)
    return cast(Generator[Batch, None, None], stream)


def _measured(task: Task, settings: Settings, steps: int, device: torch.device) -> tuple[list[float], float]:
    """Seconds of each step with real data, and the share of waiting."""
    with closing(_stream(settings, device)) as stream:
        return _count(task, stream, steps, device)


def _count(
    task: Task, batches: Iterator[Batch], steps: int, device: torch.device
) -> tuple[list[float], float]:
    times, waited = [], 0.0
    for number in range(WARM_UP + steps):
        began = time.perf_counter()
        batch = next(batches)
        fetched = time.perf_counter()
        task.step(
            [batch], 0.99, 1e-9
        )  # near the end of a run, when all losses are in force; nothing is learned
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        if number >= WARM_UP:
            times.append(time.perf_counter() - began)
            waited += fetched - began
    return times, waited / sum(times)
