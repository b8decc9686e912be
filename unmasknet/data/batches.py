"""Shards in, batches out: decoded by an explicit table, made to fit, changed at random, each in its own process."""

import json
import os
import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count, islice, pairwise
from typing import Any

import cv2
import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from maskgen.errors import InputError
from maskgen.seeds import rng_for
from unmasknet.data.augment import Views, augment, fit_sample
from unmasknet.data.decode import SUFFIXES, decode_sample
from unmasknet.data.malloc_tuning import keep_freed_memory
from unmasknet.data.shard_list import Shard, list_shards
from unmasknet.data.stream import Encoded, SampleOrder, Wanted, encoded_batches, read_samples
from unmasknet.settings import GanSettings, SegmSettings

CHANCES = 8  # random numbers that go with each sample
PREFETCH = 4  # batches a worker is ahead

Settings = SegmSettings | GanSettings
Labels = dict[str, Any]


@dataclass(frozen=True)
class Batch:
    """Samples of one step.

    Attributes:
        masked: RGB in [0, 1], with the mask.
        gt: RGB in [0, 1], without it. For the generator the two are equal where the true map is 0; while the segmenter
            trains, which needs no truth, it is that photo before blur, noise and JPEG.
        map: what is hidden, 1; the generator's is grown or shrunk at random when it trains.
        parts: 0 untouched, 1 shadow only, 2 strap, 3 mask; never grown. A generator trains without them: all 0.
        keys: of the samples.
        labels: the samples' json, its boxes and points in pixels of these pictures; empty ones while training.
        chance: numbers in [0, 1) of each sample's own, a function of seed, step and key, for random choices later on.
        faults: what could not be read, in words; the batch is that much smaller, or was taken from other shards.
    """

    masked: Float[Tensor, "b 3 h w"]
    gt: Float[Tensor, "b 3 h w"]
    map: Float[Tensor, "b 1 h w"]
    parts: UInt8[Tensor, "b 1 h w"]
    keys: list[str]
    labels: list[Labels]
    chance: Float[Tensor, "b 8"]
    faults: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def target(self) -> Float[Tensor, "b 1 h w"]:
        """What the segmenter learns: mask and straps, without shadows."""
        return (self.parts >= 2).to(self.map.dtype)

    @property
    def faces(self) -> list[Labels]:
        """The first face of each sample: `box`, `landmarks`, `pose`, `mask`; empty where there is none."""
        return [next(iter(labels.get("faces", [])), {}) for labels in self.labels]

    def split(self, pieces: int) -> list["Batch"]:
        """Splits the batch into `pieces` nearly equal batches, none empty."""
        bounds = np.linspace(0, len(self), pieces + 1).round().astype(int).tolist()
        return [self[a:b] for a, b in pairwise(bounds) if b > a]

    def __getitem__(self, rows: slice) -> "Batch":
        tensors = {name: getattr(self, name)[rows] for name in TENSORS}
        return replace(self, keys=self.keys[rows], labels=self.labels[rows], **tensors)


TENSORS = ("masked", "gt", "map", "parts", "chance")


@dataclass(frozen=True)
class _Raw:
    """A batch as it leaves a worker: bytes instead of floats, a quarter of the traffic."""

    masked: UInt8[Tensor, "b h w 3"]
    gt: UInt8[Tensor, "b h w 3"]
    map: UInt8[Tensor, "b h w"]
    parts: UInt8[Tensor, "b h w"]
    keys: list[str]
    labels: list[Labels]
    chance: Float[Tensor, "b 8"]
    faults: tuple[str, ...]

    def pin_memory(self) -> "_Raw":
        """Copies the batch to pinned memory; torch's loader asks for it."""
        return replace(self, **{name: getattr(self, name).pin_memory() for name in TENSORS})


def open_batches(
    data: Sequence[str],
    split: str,
    settings: Settings,
    *,
    train: bool,
    rank: int = 0,
    world: int = 1,
    start_step: int = 0,
    device: str | torch.device = "cpu",
) -> Iterator[Batch]:
    """Streams batches.

    Training: endless, shuffled, changed at random; of each step's `data.batch` samples this rank gets its slice. What
    a step gets is a function of settings and step alone: neither of ranks, of workers, nor of where the run resumed.
    A shard that cannot be read is passed over, a sample left out, and `Batch.faults` says so.

    Otherwise: every sample once, in the order of the shards, unchanged, with labels, by this process; of several ranks
    each gets whole batches in turn, so one may get one less.

    Args:
        data: folders or URLs.
        split: "train", "val" or "test".
        settings: of the stage; they decide what a batch is: see `Batch`.
        start_step: the first step to stream.
        device: where the tensors are wanted.

    Raises:
        InputError: there are no samples, nothing can be read, or (not when training) something cannot.
        MissingError: a package that speaks a URL's protocol is missing.
    """
    shards = list_shards(data, split)
    if not train:
        return _each_once(shards, settings, rank, world, torch.device(device))
    if settings.data.batch % world:
        raise InputError(
            f"data.batch {settings.data.batch} cannot be shared by {world} ranks; set a multiple of {world}"
        )
    return _endless(shards, settings, rank, world, start_step, torch.device(device))


def _endless(
    shards: Sequence[Shard], settings: Settings, rank: int, world: int, start: int, device: torch.device
) -> Iterator[Batch]:
    workers = settings.data.workers
    if workers is None:
        workers = default_workers(settings.data.lanes, world)
    loader = DataLoader(
        _Steps(shards, settings, rank, world, start),
        batch_size=None,
        num_workers=workers,
        worker_init_fn=_settle_worker if workers else None,
        prefetch_factor=PREFETCH if workers else None,
        multiprocessing_context="spawn" if workers else None,  # after OpenCV or CUDA ran, a fork may hang
        pin_memory=device.type == "cuda",
    )
    for raw in loader:
        if isinstance(raw, str):
            raise InputError(raw)
        yield _to_floats(raw, device)


def default_workers(lanes: int, world: int) -> int:
    """Chooses the most workers that share the lanes evenly, with a core left for each rank's trainer; at least one."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    most = max(cores // world - 1, 1)
    return max(workers for workers in range(1, lanes + 1) if lanes % workers == 0 and workers <= most)


def _settle_worker(_: int) -> None:
    """Prepares a worker: it decodes on one core, and leaves Ctrl-C to the trainer."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    keep_freed_memory()


class _Steps(IterableDataset[_Raw | str]):
    """The steps of one rank, shared out to its workers in turn; a failure is a text, so that it stays one line."""

    def __init__(self, shards: Sequence[Shard], settings: Settings, rank: int, world: int, start: int):
        self.shards, self.settings, self.rank, self.world, self.start = shards, settings, rank, world, start

    def __iter__(self) -> Iterator[_Raw | str]:
        info = get_worker_info()
        first, stride = (info.id, info.num_workers) if info else (0, 1)
        steps = count(self.start + first, stride)
        faults: list[str] = []
        data = self.settings.data
        order = SampleOrder(self.settings.seed, data.batch, data.lanes, data.shuffle)
        share = data.batch // self.world
        mine = slice(self.rank * share, (self.rank + 1) * share)
        try:
            for step, batch in encoded_batches(
                self.shards, order, steps, _wanted(self.settings), faults.append
            ):
                yield _make_batch(batch[mine], self.settings, step, faults)
                faults.clear()
        except InputError as error:
            yield str(error)


def worker_batches(shards: Sequence[Shard], settings: Settings) -> Iterator[int]:
    """Samples of each batch that a worker makes, for measuring how fast it is.

    Raises:
        InputError: nothing can be read.
    """
    for raw in _Steps(shards, settings, 0, 1, 0):
        if isinstance(raw, str):
            raise InputError(raw)
        yield len(raw.keys)


def _wanted(settings: Settings) -> Wanted:
    """Lists what training reads of a sample: no labels, and parts only for the segmenter."""
    roles = (
        ("masked", "gt", "map", "parts") if isinstance(settings, SegmSettings) else ("masked", "gt", "map")
    )

    def wanted(member: str) -> bool:
        role, _, suffix = member.partition(".")
        return role in roles and suffix in SUFFIXES

    return wanted


def _make_batch(samples: Sequence[Encoded], settings: Settings, step: int, faults: list[str]) -> _Raw:
    """Decodes, fits and augments the samples of a step; notes and leaves out what cannot be decoded."""
    views, keys, chances = [], [], []
    for sample in samples:
        key = sample["__key__"]
        rng = rng_for(settings.seed, f"step {step} {key}")
        try:
            decoded = _decode(sample, settings, rng)
            fitted = fit_sample(decoded, settings.data.size, settings.data.fit, rng)
            views.append(augment(fitted, settings, rng))
        except InputError as error:
            faults.append(f"{sample['__url__']}: {key}: {error}")
            continue
        keys.append(key)
        chances.append(rng.random(CHANCES, np.float32))
    if not views:
        raise InputError(
            f"step {step}: no sample could be decoded. {faults[-1]}. Run unmask verify on the data set"
        )
    return _stack(views, keys, [{} for _ in keys], np.stack(chances), faults)


def _decode(sample: Encoded, settings: Settings, rng: np.random.Generator) -> Views:
    """Decodes what a stage is shown: the segmenter the photo alone, now and then the one without a mask."""
    if not isinstance(settings, SegmSettings):
        return decode_sample(sample, ("masked", "gt", "map"))
    if rng.random() < settings.augment.unmasked:
        bare = decode_sample(sample, ("gt",))
        return replace(bare, map=np.zeros_like(bare.map))
    return decode_sample(sample, ("masked", "map", "parts"))


def _stack(
    views: Sequence[Views], keys: list[str], labels: list[Labels], chances: np.ndarray, faults: Sequence[str]
) -> _Raw:
    def stacked(name: str) -> Tensor:
        return torch.from_numpy(np.stack([getattr(view, name) for view in views]))

    return _Raw(
        stacked("masked"),
        stacked("gt"),
        stacked("map"),
        stacked("parts"),
        keys,
        labels,
        torch.from_numpy(chances),
        tuple(faults),
    )


def _each_once(
    shards: Sequence[Shard], settings: Settings, rank: int, world: int, device: torch.device
) -> Iterator[Batch]:
    def stop(problem: str) -> None:
        raise InputError(problem)  # figures of fewer samples than there are would say something else

    samples = read_samples(shards, lambda _: True, stop)
    plain = settings.model_copy(update={"augment": settings.augment.model_copy(update=NO_AUGMENT)})
    for index in count():
        batch = list(islice(samples, settings.data.batch))
        if not batch:
            return
        if index % world == rank:
            yield _to_floats(_plain_batch(batch, plain), device)


NO_AUGMENT: dict[str, float | int] = {
    "flip": 0.0, "rotate": 0.0, "zoom": 0.0, "shift": 0.0, "colour": 0.0, "blur": 0.0, "noise": 0.0, "jpeg": 0.0,
    "occlude": 0.0, "unmasked": 0.0, "map_jitter": 0,
}  # fmt: skip


def _plain_batch(samples: Sequence[Encoded], settings: Settings) -> _Raw:
    views, labels, keys, chances = [], [], [], []
    for sample in samples:
        key = sample["__key__"]
        rng = rng_for(settings.seed, key)
        try:
            fitted = fit_sample(decode_sample(sample), settings.data.size, settings.data.fit, None)
            labels.append(fitted.moved(json.loads(sample["json"])))
        except (InputError, ValueError, KeyError) as error:
            raise InputError(
                f"{sample['__url__']}: {key}: {error}. Run unmask verify on the data set"
            ) from error
        views.append(augment(fitted, settings, rng))
        keys.append(key)
        chances.append(rng.random(CHANCES, np.float32))
    return _stack(views, keys, labels, np.stack(chances), ())


def _to_floats(raw: _Raw, device: torch.device) -> Batch:
    def picture(x: Tensor) -> Tensor:
        # The channels stay last in memory: no copy, and convolutions like it so.
        return x.to(device, non_blocking=True).permute(0, 3, 1, 2) / 255

    return Batch(
        picture(raw.masked),
        picture(raw.gt),
        raw.map.to(device, non_blocking=True).unsqueeze(1).float(),
        raw.parts.to(device, non_blocking=True).unsqueeze(1),
        raw.keys,
        raw.labels,
        raw.chance.to(device, non_blocking=True),
        raw.faults,
    )
