"""Batches from shards: worker processes decode, resize and augment the samples."""

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
from maskgen.reading import parse_json
from maskgen.seeds import rng_for
from unmasknet.data.augment import Views, augment, fit_sample
from unmasknet.data.decode import SUFFIXES, decode_sample, has_hole
from unmasknet.data.malloc_tuning import keep_freed_memory
from unmasknet.data.shard_list import Shard, list_shards
from unmasknet.data.stream import (
    Encoded,
    SampleOrder,
    Usable,
    Wanted,
    any_sample,
    encoded_batches,
    read_samples,
)
from unmasknet.settings import GanSettings, SegmSettings

CHANCES = 8  # random numbers stored with each sample
PREFETCH = 4  # batches that each worker prepares in advance

Settings = SegmSettings | GanSettings
Labels = dict[str, Any]


@dataclass(frozen=True)
class Batch:
    """Samples of one step.

    Attributes:
        masked: photo with the mask, RGB in [0, 1].
        gt: photo without the mask, RGB in [0, 1]. For the generator, both are equal where the true map is 0. In
            training of the segmenter, which needs no ground truth, it is `masked` before blur, noise and JPEG.
        map: 1 where the face is hidden; dilated or eroded at random in training of the generator.
        parts: 0 untouched, 1 shadow only, 2 strap, 3 mask; never dilated. All 0 in training of the generator.
        keys: keys of the samples.
        labels: json of the samples, with boxes and landmarks in pixels of these images; empty dicts in training.
        chance: random numbers in [0, 1) per sample, a function of seed, step and key, for later random choices.
        faults: one message per unreadable shard or sample; the batch is smaller, or was filled from other shards.
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
        """Target of the segmenter: mask and straps, without shadows."""
        return (self.parts >= 2).to(self.map.dtype)

    @property
    def faces(self) -> list[Labels]:
        """First face of each sample: `box`, `landmarks`, `pose`, `mask`; an empty dict if there is no face."""
        return [next(iter(labels.get("faces", [])), {}) for labels in self.labels]

    def split(self, pieces: int) -> list["Batch"]:
        """Splits the batch into up to `pieces` batches of nearly equal size; empty ones are omitted."""
        bounds = np.linspace(0, len(self), pieces + 1).round().astype(int).tolist()
        return [self[a:b] for a, b in pairwise(bounds) if b > a]

    def __getitem__(self, rows: slice) -> "Batch":
        tensors = {name: getattr(self, name)[rows] for name in TENSORS}
        return replace(self, keys=self.keys[rows], labels=self.labels[rows], **tensors)


TENSORS = ("masked", "gt", "map", "parts", "chance")


@dataclass(frozen=True)
class _Raw:
    """Batch as sent by a worker: bytes instead of floats, a quarter of the traffic."""

    masked: UInt8[Tensor, "b h w 3"]
    gt: UInt8[Tensor, "b h w 3"]
    map: UInt8[Tensor, "b h w"]
    parts: UInt8[Tensor, "b h w"]
    keys: list[str]
    labels: list[Labels]
    chance: Float[Tensor, "b 8"]
    faults: tuple[str, ...]

    def pin_memory(self) -> "_Raw":
        """Copies the batch to pinned memory; called by torch's loader."""
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

    In training, the stream is endless, shuffled and augmented; this rank gets its slice of the `data.batch` samples of
    each step. The samples of a step depend only on the settings and the step, not on the number of ranks or workers,
    or on where the run resumed. Unreadable shards and samples are skipped and reported in `Batch.faults`.

    The generator gets no sample without a mask; the segmenter learns from them that there is nothing to mark.

    Otherwise, every sample is read once by this process, in the order of the shards, without augmentation and with
    labels. Ranks take whole batches in turn, so a rank may get one batch less than another.

    Args:
        data: folders or URLs.
        split: "train", "val" or "test".
        settings: settings of the stage; they determine the content of a batch, see `Batch`.
        train: whether to stream for training.
        rank: number of this rank.
        world: number of ranks.
        start_step: first step to stream.
        device: device of the tensors.

    Raises:
        InputError: there are no samples, nothing can be read, or (not in training) a shard or sample is unreadable.
        MissingError: the package for a URL's protocol is not installed.
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
    """Chooses the largest number of workers that divides `lanes` and leaves each rank's trainer a core; at least 1."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    most = max(cores // world - 1, 1)
    return max(workers for workers in range(1, lanes + 1) if lanes % workers == 0 and workers <= most)


def _settle_worker(_: int) -> None:
    """Prepares a worker process: it uses one core, and the trainer handles Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    keep_freed_memory()


class _Steps(IterableDataset[_Raw | str]):
    """Steps of one rank, dealt to its workers in turn; a failure is yielded as text, to be reported as one line."""

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
        usable = any_sample if isinstance(self.settings, SegmSettings) else _drop_labels
        try:
            for step, batch in encoded_batches(
                self.shards, order, steps, _wanted(self.settings), faults.append, usable
            ):
                yield _make_batch(batch[mine], self.settings, step, faults)
                faults.clear()
        except InputError as error:
            yield str(error)


def worker_batches(shards: Sequence[Shard], settings: Settings) -> Iterator[int]:
    """Yields the number of samples of each batch that a worker makes; used to measure its speed.

    Raises:
        InputError: nothing can be read.
    """
    for raw in _Steps(shards, settings, 0, 1, 0):
        if isinstance(raw, str):
            raise InputError(raw)
        yield len(raw.keys)


def _wanted(settings: Settings) -> Wanted:
    """Selects the members of a sample that training reads: parts for the segmenter, labels for the generator."""
    segmenter = isinstance(settings, SegmSettings)
    roles = ("masked", "gt", "map", "parts") if segmenter else ("masked", "gt", "map")

    def wanted(member: str) -> bool:
        role, _, suffix = member.partition(".")
        return (role in roles and suffix in SUFFIXES) or (member == "json" and not segmenter)

    return wanted


def _usable(settings: Settings) -> Usable:
    """Selects the samples that a stage learns from: a photo without a mask tells the generator nothing."""
    return any_sample if isinstance(settings, SegmSettings) else _shows_mask


def _shows_mask(sample: Encoded) -> bool:
    return has_hole(sample.get("json", b""))


def _drop_labels(sample: Encoded) -> bool:
    """Works as `_shows_mask`, and drops the labels, which would fill the shuffle buffer."""
    return has_hole(sample.pop("json", b""))


def _make_batch(samples: Sequence[Encoded], settings: Settings, step: int, faults: list[str]) -> _Raw:
    """Decodes, resizes and augments the samples of a step; skips undecodable samples and adds them to `faults`."""
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
    """Decodes the members that a stage needs; for the segmenter one photo, at random the one without a mask."""
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
        raise InputError(problem)  # metrics of fewer samples would not be comparable

    samples = filter(_usable(settings), read_samples(shards, lambda _: True, stop))
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
            labels.append(fitted.moved(parse_json(sample["json"])))
        except (InputError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(
                f"{sample['__url__']}: {key}: {error}. Run unmask verify on the data set"
            ) from error
        views.append(augment(fitted, settings, rng))
        keys.append(key)
        chances.append(rng.random(CHANCES, np.float32))
    return _stack(views, keys, labels, np.stack(chances), ())


def _to_floats(raw: _Raw, device: torch.device) -> Batch:
    def picture(x: Tensor) -> Tensor:
        # The channels stay last in memory: this needs no copy, and convolutions are fastest in this layout.
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
