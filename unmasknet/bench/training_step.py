"""`unmask bench train`: time of a training step on real data, compared with the same step on one repeated batch."""

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
from unmasknet.training.launch import build_task, set_up_torch, with_precision
from unmasknet.training.task import Task, TrainingProcess

WARM_UP = 4  # steps before the measurement, in which workers start and torch selects kernels


@dataclass(frozen=True)
class TrainBench:
    """Result of `bench_train`.

    Attributes:
        stage: "segm" or "gan".
        size: side of the images in pixels.
        batch: samples per step.
        step_ms: median time of a step on real data, with the settings' number of workers.
        synthetic_ms: median time of the same step on one repeated batch, without a loader.
        ratio: `step_ms` divided by `synthetic_ms`.
        wait: fraction of the time of real steps spent waiting for data.
        by_workers: {workers: (images per second, fraction of time spent waiting)}.
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
    """Measures training steps with all losses active.

    Args:
        settings: settings of a stage, with data.
        steps: steps per measurement.
        workers: numbers of workers to measure in addition.

    Raises:
        InputError: the data cannot be used.
    """
    device = choose_device(settings.loop.device)
    set_up_torch(settings, device)
    settings = with_precision(settings, device)
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
    """Measures the seconds of each step on real data, and the fraction of time spent waiting."""
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
        # Near the end of a run, so that all losses are active; the learning rate is negligible.
        task.step([batch], 0.99, 1e-9)
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        if number >= WARM_UP:
            times.append(time.perf_counter() - began)
            waited += fetched - began
    return times, waited / sum(times)
