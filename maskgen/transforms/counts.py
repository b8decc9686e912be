"""Counts of what became of the images of a transform, added up over all processes."""

import ctypes
import os
from multiprocessing import context
from multiprocessing.sharedctypes import RawArray
from typing import Any

from maskgen.errors import FACE_REASONS
from maskgen.transforms.process_lock import ProcessLock

MASKED, UNMASKED = "masked", "unmasked"
NAMES = (MASKED, UNMASKED, *sorted(FACE_REASONS))
# Rows of numbers; a process writes into the row of its number. A lock between processes would belong to one way of
# starting them, and a transform may be given to forked and to spawned workers.
ROWS = 251


class OutcomeCounts:
    """Number of images by outcome: `masked`, `unmasked` (by chance), or why a face could not wear a mask.

    Workers that were given this object when they were started, forked or spawned, count in the same place. A copy has
    counts of its own, which start with those of the original.
    """

    def __init__(self, numbers: tuple[int, ...] = (0,) * len(NAMES)) -> None:
        self._rows: Any = RawArray(ctypes.c_int64, ROWS * len(NAMES))
        self._rows[: len(NAMES)] = list(numbers)
        self._lock = ProcessLock()

    def add(self, name: str) -> None:
        """Counts one image."""
        with self._lock:
            self._rows[os.getpid() % ROWS * len(NAMES) + NAMES.index(name)] += 1

    def as_dict(self) -> dict[str, int]:
        """Returns outcome -> number of images, without those that never happened."""
        return {name: number for name, number in zip(NAMES, self._sums(), strict=True) if number}

    def _sums(self) -> tuple[int, ...]:
        numbers = list(self._rows)
        return tuple(sum(numbers[column :: len(NAMES)]) for column in range(len(NAMES)))

    def __reduce__(self) -> Any:
        if context.get_spawning_popen() is None:
            return OutcomeCounts, (self._sums(),)
        return _shared_counts, (self._rows,)


def _shared_counts(rows: Any) -> OutcomeCounts:
    counts = OutcomeCounts.__new__(OutcomeCounts)
    counts._rows, counts._lock = rows, ProcessLock()
    return counts
