"""Chance of a transform: which image gets a mask, and which mask, reproducibly in any number of workers.

A draw is a hash of numbers, not the next number of a generator, so it does not depend on what was drawn before.
"""

import ctypes
import sys
from dataclasses import dataclass
from multiprocessing import context
from multiprocessing.sharedctypes import RawValue
from typing import Any

from maskgen.errors import UsageError
from maskgen.seeds import hash64
from maskgen.transforms.process_lock import ProcessLock

UNSET = -1
MOST = 2**63 - 1


@dataclass(frozen=True)
class Draw:
    """Draw for one image.

    Attributes:
        share: a number in [0, 1); the image gets a mask if it is below p.
        seed: seed of the mask.
    """

    share: float
    seed: int


class SharedEpoch:
    """Number of an epoch that all processes see which were given this object when they were started.

    So `set_epoch` in the main process reaches persistent workers, forked and spawned. A copy, or an object pickled for
    another purpose, has a number of its own.
    """

    def __init__(self, epoch: int = UNSET) -> None:
        self._value = RawValue(ctypes.c_int64, epoch)

    @property
    def number(self) -> int:
        """Epoch, or `UNSET`."""
        return int(self._value.value)

    @number.setter
    def number(self, epoch: int) -> None:
        self._value.value = epoch

    def __reduce__(self) -> Any:
        if context.get_spawning_popen() is None:
            return SharedEpoch, (self.number,)
        return _shared_epoch, (self._value,)


def _shared_epoch(value: Any) -> SharedEpoch:
    epoch = SharedEpoch.__new__(SharedEpoch)
    epoch._value = value
    return epoch


class Chance:
    """Source of the draws of one transform.

    With an epoch or an index, a draw is a function of seed, epoch and index, or of the image's content where there is
    no index. Without both, each call is a new draw: a function of the seed, the number of the call and, in a worker of
    a DataLoader, the seed that torch gave to the worker.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.epoch = SharedEpoch()
        self._calls = 0
        self._lock = ProcessLock()

    def set_epoch(self, epoch: int) -> None:
        """Sets the epoch.

        Raises:
            UsageError: it is no number from 0 on.
        """
        self.epoch.number = whole_number("set_epoch", epoch)

    @property
    def needs_content(self) -> bool:
        """Whether a draw without an index is one of the image's content."""
        return self.epoch.number != UNSET

    def draw(self, index: Any, content: str = "") -> Draw:
        """Draws for one image.

        Args:
            index: number of the image in its data set, or None.
            content: digest of the image, if `needs_content` and there is no index.

        Raises:
            UsageError: the index is no number from 0 on.
        """
        epoch = max(self.epoch.number, 0)
        if index is not None:
            key = hash64(self.seed, epoch, "index", whole_number("index", index))
        elif self.needs_content:
            key = hash64(self.seed, epoch, "content", content)
        else:
            with self._lock:
                self._calls += 1
                call = self._calls
            key = hash64(self.seed, "call", call, worker_seed())
        return Draw(hash64(key, "share") / 2**64, hash64(key, "mask") >> 1)


def whole_number(name: str, value: Any) -> int:
    """Returns a whole number from 0 on; NumPy's and torch's count.

    Raises:
        UsageError: it is something else.
    """
    try:
        number = value.__index__()
    except (AttributeError, TypeError):
        number = -1
    if isinstance(value, bool) or not 0 <= number <= MOST:
        raise UsageError(f"{name}: must be a whole number, 0 or more; got {value!r:.80}")
    return int(number)


def worker_seed() -> int:
    """Returns the seed that torch gave to this worker of a DataLoader, new in each epoch; 0 elsewhere."""
    torch = sys.modules.get("torch")
    worker = torch.utils.data.get_worker_info() if torch is not None else None
    return int(worker.seed) if worker is not None else 0
