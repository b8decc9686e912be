"""Samples that a run is judged by: read once, the same at every validation, each rank its share of them."""

from collections.abc import Iterator
from dataclasses import replace

import torch

from maskgen.errors import InputError
from unmasknet.data.batches import TENSORS, Batch, open_batches
from unmasknet.training.distributed import Ranks
from unmasknet.training.loop import Settings

BATCH = 16  # samples of a forward pass without gradients


class HeldOut:
    """Held-out samples in main memory.

    Attributes:
        mine: this rank's batches, for figures.
        shown: the fixed samples, for pictures; the same on every rank.
    """

    def __init__(self, settings: Settings, ranks: Ranks) -> None:
        """Read them.

        Raises:
            InputError: there is none in the split, or the data cannot be read.
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
        self.mine = batches[ranks.rank :: ranks.world]

    def on(self, device: torch.device) -> Iterator[Batch]:
        """Yields this rank's batches, moved to `device` one after the other."""
        for batch in self.mine:
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
    """Moves the batch to another device."""
    return replace(batch, **{name: getattr(batch, name).to(device) for name in TENSORS})
