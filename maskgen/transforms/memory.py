"""Memory of a transform: the subjects of the images that it saw last, so that they cost only the draw of a mask."""

import hashlib
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Float64, UInt8
from numpy import ndarray

from maskgen.errors import Skip
from maskgen.faces.landmarks.cache import fingerprint
from maskgen.transforms.process_lock import ProcessLock
from maskgen.transforms.scene import Subject
from maskgen.types import RGBImage

KEPT = 1024  # images whose subjects are kept
SLOT = (
    16 << 10
)  # bytes for the subjects of an image; those of a face take about 10,000, and what is larger is not kept
HASHED = 8  # one row in eight is hashed

Seen = list[Subject] | Skip


class SubjectMemory:
    """Subjects of the images seen last, by their content and the landmarks that came with them.

    Threads may share one. Copies, also those that workers get, begin empty. Subjects are kept as bytes in one block:
    as arrays of their own, each of a few kilobytes, they divide the heap between the images that come and go, which
    then grows by the size of an image for each.
    """

    def __init__(self) -> None:
        self._lock = ProcessLock()
        self._forget()

    def _forget(self) -> None:
        self._kept: dict[str, tuple[int, int]] = {}  # key -> slot and length; the one used last comes last
        self._free = list(range(KEPT))
        self._slots: UInt8[ndarray, "kept slot"] | None = None  # made when it is needed

    def find(self, key: str, look: Callable[[], Seen]) -> Seen:
        """Returns what is kept under a key; else what `look` returns, which is kept from then on."""
        with self._lock:
            kept = self._read(key)
        if kept is not None:
            return pickle.loads(kept)  # noqa: S301 - bytes that `_write` put there
        found = look()
        written = pickle.dumps(found, pickle.HIGHEST_PROTOCOL)
        with self._lock:
            self._write(key, written)
        return found

    def _read(self, key: str) -> bytes | None:
        if key not in self._kept or self._slots is None:
            return None
        slot, length = self._kept[key] = self._kept.pop(key)
        return self._slots[slot, :length].tobytes()

    def _write(self, key: str, written: bytes) -> None:
        if len(written) > SLOT or key in self._kept:
            return
        if self._slots is None:
            self._slots = np.empty((KEPT, SLOT), np.uint8)
        if not self._free:
            slot, _ = self._kept.pop(next(iter(self._kept)))
            self._free.append(slot)
        slot = self._free.pop()
        self._slots[slot, : len(written)] = np.frombuffer(written, np.uint8)
        self._kept[key] = slot, len(written)

    def __len__(self) -> int:
        return len(self._kept)

    def __getstate__(self) -> dict[str, Any]:
        return {"_lock": self._lock}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._forget()


def digest_of(pixels: RGBImage) -> str:
    """Computes a hex digest of an image: of its size, the sum of all pixels, and every eighth row.

    All of a large photo takes as long to hash as its mask to draw. Photos that differ, differ in these rows or in the
    sum, unless they were made not to.
    """
    found = hashlib.sha256(fingerprint(pixels).encode())
    found.update(np.ascontiguousarray(pixels[::HASHED]).data)
    return found.hexdigest()


def digest_with(digest: str, points: list[Float64[ndarray, "n d"]]) -> str:
    """Computes the hex digest of an image and of the landmarks that came with it."""
    found = hashlib.sha256(f"{digest} {[each.shape for each in points]}".encode())
    for each in points:
        found.update(np.ascontiguousarray(each).data)
    return found.hexdigest()
