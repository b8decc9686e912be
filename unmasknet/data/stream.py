"""Endless streams of encoded samples; the samples of a step depend only on the seed and the step.

Steps take turns in a few lanes. Each lane reads all shards in its own random order through a shuffle buffer, and cuts
its stream into batches in which no photo occurs twice. A lane restarts with another order every `LEG` samples, so a
resumed run skips at most this many samples, without decoding them. The number of ranks and workers has no influence, so
a run may resume with other numbers: each rank decodes its own slice of every batch.
"""

import random
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from maskgen.errors import InputError, UnmaskError
from maskgen.seeds import hash64
from unmasknet.data.shard_list import Shard, open_url
from unmasknet.data.ustar import Broken, NotPlain, plain_members

LEG = 4096  # samples
HELD = 4096  # maximum number of samples that wait for a later batch because the current one has their photo

Encoded = dict[str, Any]  # "__key__", "__url__", and members by the part of the name after the key's dot
Wanted = Callable[[str], bool]
Usable = Callable[[Encoded], bool]
Note = Callable[[str], None]


@dataclass(frozen=True)
class SampleOrder:
    """Parameters that determine the order of samples.

    Attributes:
        seed: seed of the order.
        batch: samples per step, all ranks together.
        lanes: streams that the steps take turns in.
        shuffle: size of each lane's shuffle buffer, in samples.
    """

    seed: int
    batch: int
    lanes: int
    shuffle: int

    def place(self, step: int) -> tuple[int, int, int]:
        """Computes the lane, the leg and the batch within the leg that a step trains on."""
        turn = step // self.lanes
        per_leg = max(LEG // self.batch, 1)
        return step % self.lanes, turn // per_leg, turn % per_leg


def any_sample(_: Encoded) -> bool:
    """Takes every sample; see `encoded_batches`."""
    return True


def encoded_batches(
    shards: Sequence[Shard],
    order: SampleOrder,
    steps: Iterable[int],
    wanted: Wanted,
    note: Note,
    usable: Usable = any_sample,
) -> Iterator[tuple[int, list[Encoded]]]:
    """Yields step and batch for ascending steps.

    Args:
        shards: shards of the split.
        order: order of the samples.
        steps: steps to yield.
        wanted: whether a member, such as "gt.jpg", is needed; others are not read.
        note: called with a message for each unreadable shard.
        usable: whether a sample is taken; the others are passed over.

    Raises:
        InputError: no shard can be read or has a usable sample, or there are too few different photos for the batch.
    """
    running: dict[int, tuple[int, int, Iterator[list[Encoded]]]] = {}
    for step in steps:
        lane, leg, index = order.place(step)
        now_leg, now_index, batches = running.get(lane, (-1, 0, iter(())))
        if now_leg != leg or now_index > index:
            now_index, batches = 0, _leg(shards, order, lane, leg, wanted, note, usable)
        batch = next(islice(batches, index - now_index, None))
        running[lane] = leg, index + 1, batches
        yield step, batch


def _leg(
    shards: Sequence[Shard],
    order: SampleOrder,
    lane: int,
    leg: int,
    wanted: Wanted,
    note: Note,
    usable: Usable,
) -> Iterator[list[Encoded]]:
    from webdataset import filters

    rng = random.Random(hash64(order.seed, "lane", lane, "leg", leg))  # noqa: S311 (not used for security)
    mixed = filters.shuffle(order.shuffle, initial=order.shuffle, rng=rng)
    return distinct_batches(mixed(_endless(shards, rng, wanted, note, usable)), order.batch)


def _endless(
    shards: Sequence[Shard], rng: random.Random, wanted: Wanted, note: Note, usable: Usable = any_sample
) -> Iterator[Encoded]:
    """Yields the usable samples of all shards in random order, endlessly.

    It starts at a random position in the first shard: a leg may read less than one shard, so the end of a shard would
    otherwise never be used.
    """
    start = rng.random()
    while True:
        found, unusable, passed = 0, 0, False
        for shard in rng.sample(shards, len(shards)):
            skip = int(start * (shard.count or 0))
            passed |= skip > 0  # its record may say more samples than there are
            start = 0.0
            for sample in islice(read_samples([shard], wanted, note), skip, None):
                if not usable(sample):
                    unusable += 1
                    continue
                found += 1
                yield sample
        if unusable and not found and not passed:
            raise InputError(
                f"{shards[0].url}: none of the {unusable} samples of this and all other shards shows a mask, so "
                "there is nothing to restore; make some with gen-data --share .9"
            )
        if not found and not passed:
            raise InputError(
                f"{shards[0].url}: neither this nor any other shard can be read; run unmask verify"
            )


def read_samples(shards: Iterable[Shard], wanted: Wanted, note: Note) -> Iterator[Encoded]:
    """Yields the samples of all shards in order; reports a truncated shard with `note` and continues with the next."""
    from webdataset.tariterators import group_by_keys

    for shard in shards:
        yield from group_by_keys(_members(shard, wanted, note))


def _members(shard: Shard, wanted: Wanted, note: Note) -> Iterator[dict[str, Any]]:
    """Yields a shard's members in webdataset's form; webdataset reads tars that were not written by `gen-data`."""

    def select(name: str) -> bool:
        return wanted(name.rpartition("/")[2].partition(".")[2])

    found = 0
    try:
        with open_url(shard.url) as file:
            for name, data in plain_members(file, select):
                found += 1
                yield {"fname": name, "data": data, "__url__": shard.url}
    except NotPlain:
        yield from islice(_any_members(shard, select, note), found, None)
    except (UnmaskError, Broken, OSError) as error:
        note(f"{shard.url}: {error}; run unmask verify on the data set")


def _any_members(shard: Shard, select: Wanted, note: Note) -> Iterator[dict[str, Any]]:
    from webdataset import utils
    from webdataset.tariterators import tar_file_expander

    utils.enforce_security = True

    def handle(error: Exception) -> bool:
        note(f"{shard.url}: {error.args[0] if error.args else error!r}; run unmask verify on the data set")
        return True

    with open_url(shard.url) as file:
        source = [{"url": shard.url, "stream": file}]
        yield from tar_file_expander(source, handler=handle, select_files=select, eof_value=None)


def distinct_batches(samples: Iterable[Encoded], size: int) -> Iterator[list[Encoded]]:
    """Cuts a stream into batches in which no photo occurs twice; samples that do not fit wait for a later batch.

    Raises:
        InputError: more than `HELD` samples wait.
    """
    source = iter(samples)
    waiting: deque[Encoded] = deque()
    while True:
        batch: list[Encoded] = []
        photos: set[str] = set()
        for _ in range(len(waiting)):
            _place(waiting.popleft(), batch, photos, waiting, size)
        while len(batch) < size:
            sample = next(source, None)
            if sample is None:
                return
            _place(sample, batch, photos, waiting, size)
            if len(waiting) > HELD:
                raise InputError(
                    f"{HELD} samples in a row are of the same {len(photos)} photos, and a batch of {size} takes each "
                    "once; use a smaller --batch, a larger data.shuffle, or more photos"
                )
        yield batch


def _place(
    sample: Encoded, batch: list[Encoded], photos: set[str], waiting: deque[Encoded], size: int
) -> None:
    photo = photo_of(sample["__key__"])
    if len(batch) == size or photo in photos:
        waiting.append(sample)
    else:
        photos.add(photo)
        batch.append(sample)


def photo_of(key: str) -> str:
    """Returns the part of a sample's key that identifies its photo: without face and mask."""
    return key.rpartition("-f")[0] or key
