"""Counts of what became of the images of a transform, added up over all processes."""

from multiprocessing import Array, context
from typing import Any

from maskgen.errors import FACE_REASONS

MASKED, UNMASKED = "masked", "unmasked"
NAMES = (MASKED, UNMASKED, *sorted(FACE_REASONS))


class Counts:
    """Number of images by outcome: `masked`, `unmasked` (by chance), or why a face could not wear a mask.

    Workers that were given this object when they were started, forked or spawned, count in the same place. A copy has
    counts of its own, which start with those of the original.
    """

    def __init__(self, numbers: tuple[int, ...] = (0,) * len(NAMES)) -> None:
        self._numbers: Any = Array("q", numbers)

    def add(self, name: str) -> None:
        """Counts one image."""
        with self._numbers.get_lock():
            self._numbers.get_obj()[NAMES.index(name)] += 1

    def as_dict(self) -> dict[str, int]:
        """Returns outcome -> number of images, without those that never happened."""
        return {name: number for name, number in zip(NAMES, self._numbers[:], strict=True) if number}

    def __reduce__(self) -> Any:
        if context.get_spawning_popen() is None:
            return Counts, (tuple(self._numbers[:]),)
        return _shared_counts, (self._numbers,)


def _shared_counts(numbers: Any) -> Counts:
    counts = Counts.__new__(Counts)
    counts._numbers = numbers
    return counts
