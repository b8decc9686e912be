"""Held-out samples: read once, the same at every validation, divided among the ranks."""

from collections.abc import Iterator
from dataclasses import replace

import torch

from maskgen.errors import InputError
from unmasknet.data.batches import TENSORS, Batch, open_batches
from unmasknet.training.distributed import Ranks
from unmasknet.training.loop import Settings

BATCH = 16  # samples per forward pass without gradients


class HeldOut:
    """Held-out samples in main memory.

    Attributes:
        batches: the batches of this rank, for metrics.
        shown: the fixed samples that are drawn; the same on every rank.
    """

    def __init__(self, settings: Settings, ranks: Ranks) -> None:
        """Reads the samples.

        Raises:
            InputError: the split holds no sample, or the data cannot be read.
        """
        loop, data = settings.loop, settings.data
        wanted = max(loop.validate_samples, loop.samples)
        batches = list(read(settings, data.validate_split, wanted, max(BATCH, loop.samples)))
        if not batches:
            raise InputError(
                f"{', '.join(data.data)}: the split {data.validate_split!r} holds no sample to validate on; make the "
                "data set with more photos or a larger source.val, or set data.validate_split"
            )
        self.shown = batches[0][: loop.samples]
        self.batches = batches[ranks.rank :: ranks.world]

    def on(self, device: torch.device) -> Iterator[Batch]:
        """Yields the batches of this rank, each moved to `device` when it is needed."""
        for batch in self.batches:
            yield moved(batch, device)


def read(settings: Settings, split: str, count: int, batch: int = BATCH) -> Iterator[Batch]:
    """Reads the first `count` samples of a split, unchanged.

    Raises:
        InputError: the data cannot be read.
    """
    data = settings.data.model_copy(update={"batch": batch})
    stream = open_batches(data.data, split, settings.model_copy(update={"data": data}), train=False)
    for done, samples in zip(range(0, count, batch), stream, strict=False):
        yield samples[: count - done]


def moved(batch: Batch, device: torch.device) -> Batch:
    """Copies a batch to another device."""
    return replace(batch, **{name: getattr(batch, name).to(device) for name in TENSORS})
