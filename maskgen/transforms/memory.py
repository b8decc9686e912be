"""Memory of a transform: the subjects of the images that it saw last, so that they cost only the draw of a mask."""

import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from maskgen.errors import Skip
from maskgen.faces.landmarks.cache import fingerprint
from maskgen.transforms.process_lock import ProcessLock
from maskgen.transforms.scene import Subject
from maskgen.types import RGBImage

KEPT = 1024  # images whose subjects are kept, about ten kilobytes each
HASHED = 8  # one row in eight is hashed

Seen = list[Subject] | Skip


class SubjectMemory:
    """Subjects of the images seen last, by their content and the landmarks that came with them.

    Threads may share one. Copies, also those that workers get, begin empty.
    """

    def __init__(self) -> None:
        self._kept: dict[str, Seen] = {}
        self._lock = ProcessLock()

    def find(self, key: str, look: Callable[[], Seen]) -> Seen:
        """Returns what is kept under a key; else what `look` returns, which is kept from then on."""
        with self._lock:
            found = self._kept.pop(key, None)
        if found is None:
            found = look()
        with self._lock:
            self._kept[key] = found  # last used, last
            while len(self._kept) > KEPT:
                del self._kept[next(iter(self._kept))]
        return found

    def __len__(self) -> int:
        return len(self._kept)

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_kept": {}}


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
