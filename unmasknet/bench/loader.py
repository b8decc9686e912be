"""`unmask bench load`: speed of the loader relative to decoding the same images alone, in one run on one core."""

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count, islice

import cv2
import numpy as np

from maskgen.images import codecs
from unmasknet.data.batches import NO_AUGMENT, Settings, open_batches, worker_batches
from unmasknet.data.malloc_tuning import keep_freed_memory
from unmasknet.data.shard_list import list_shards
from unmasknet.data.stream import Encoded, read_samples

ROUNDS = 7  # the median over the rounds is used, because other load on the machine varies
STEPS = 6  # steps per round
WARM_UP = 2  # steps


@dataclass(frozen=True)
class LoadReport:
    """Samples per second.

    Attributes:
        size: side of the images in the shards, and side of the images in the batches.
        decode_per_s: decoders alone, both JPEGs and the map, one core.
        loader_per_s: a worker on one core: read, shuffle, decode, composite, stack; without augmentation.
        share: `loader_per_s` divided by `decode_per_s`.
        augmented_per_s: as `loader_per_s`, with the augmentation of the settings.
        by_workers: {workers: samples per second that reach the trainer}, by wall clock, with augmentation.
    """

    size: tuple[int, int]
    decode_per_s: float
    loader_per_s: float
    share: float
    augmented_per_s: float
    by_workers: dict[int, float] = field(default_factory=dict)


def bench_load(data: Sequence[str], settings: Settings, workers: Sequence[int] = ()) -> LoadReport:
    """Measures the loader.

    Args:
        data: data sets; their train split is read.
        settings: settings of a stage; for a fair comparison, `data.size` should be the size of the shards' images.
        workers: numbers of workers to measure in addition.

    Raises:
        InputError: there is nothing to read.
    """
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    keep_freed_memory()
    try:
        return _measure(data, settings, workers)
    finally:
        cv2.setNumThreads(threads)


def _measure(data: Sequence[str], settings: Settings, workers: Sequence[int]) -> LoadReport:
    size = settings.data.batch * STEPS
    shards = list_shards(data, "train")
    samples = list(islice(read_samples(shards, lambda _: True, _ignore), size))
    plain = settings.model_copy(update={"augment": settings.augment.model_copy(update=NO_AUGMENT)})
    streams = [worker_batches(shards, chosen) for chosen in (plain, settings)]
    tasks: list[Callable[[], int]] = [
        lambda: decode_bare(samples),
        *(lambda stream=stream: _take(stream) for stream in streams),
    ]
    # The tasks alternate, so that a change of the machine's load affects all of them.
    rates = [[_rate(task) for task in tasks] for _ in range(ROUNDS)]
    decode, loader, augmented = (statistics.median(column) for column in zip(*rates, strict=True))
    share = statistics.median(row[1] / row[0] for row in rates)
    side = len(codecs.decode_map(samples[0]["map.png"]))
    by_workers = {number: _clocked(data, settings, number) for number in workers}
    return LoadReport((side, settings.data.size), decode, loader, share, augmented, by_workers)


def decode_bare(samples: Sequence[Encoded]) -> int:
    """Decodes both JPEGs and the map of each sample; the upper limit of a loader's speed."""
    for sample in samples:
        for name in ("gt.jpg", "masked.jpg"):
            cv2.imdecode(np.frombuffer(sample[name], np.uint8), cv2.IMREAD_COLOR_RGB)
        codecs.decode_map(sample["map.png"])
    return len(samples)


def _take(stream: Iterator[int]) -> int:
    return sum(islice(stream, STEPS))


def _rate(task: Callable[[], int]) -> float:
    """Measures samples per second of processor time."""
    start = time.process_time()
    number = task()
    return number / (time.process_time() - start)


def _clocked(data: Sequence[str], settings: Settings, workers: int) -> float:
    """Measures samples per second that reach a trainer without other work, after the workers have started."""
    lanes = settings.data.lanes * max(workers, 1)
    chosen = settings.data.model_copy(update={"workers": workers, "lanes": lanes})
    stream = open_batches(data, "train", settings.model_copy(update={"data": chosen}), train=True)
    for _ in range(WARM_UP * max(workers, 1) * 4):  # skip batches prepared while other workers were starting
        next(stream)
    start, number = time.perf_counter(), 0
    for _ in count():
        number += len(next(stream))
        if time.perf_counter() - start > 3:  # seconds
            break
    seconds = time.perf_counter() - start
    del stream
    return number / seconds


def _ignore(_: str) -> None:
    """Ignores messages about truncated shards; `unmask verify` reports them."""
