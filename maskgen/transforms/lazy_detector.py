"""Detector that loads its networks when it first searches a photo, in each process for itself."""

import os
from functools import lru_cache
from typing import Any, cast

from maskgen.errors import Skip
from maskgen.faces.landmarks import Detector, build_detector
from maskgen.faces.landmarks.base import GuidedDetector, SourcePoints
from maskgen.settings import FaceSettings
from maskgen.transforms.process_lock import ProcessLock
from maskgen.types import Face, RGBImage


class LazyDetector:
    """Detector of a transform: its name is known at once, its networks are loaded for the first photo.

    Workers whose photos are all in the landmark cache so load none. Threads take turns. After a fork, or in a process
    that received a pickled one, it begins anew: neither a network nor a lock can be taken along.

    Args:
        settings: which backend, and the smallest face.

    Raises:
        MissingError: the backend's package or models are missing.
    """

    def __init__(self, settings: FaceSettings) -> None:
        self.name = _name(settings.model_dump_json())
        self._settings = settings
        self._lock = ProcessLock()
        self._built: tuple[int, Detector] | None = None

    def detect(self, pixels: RGBImage) -> list[Face] | Skip:
        """Detects faces. See `Detector`."""
        with self._lock:
            return self._networks().detect(pixels)

    def detect_at(self, pixels: RGBImage, points: SourcePoints) -> list[Face] | Skip:
        """Detects the face at given points. See `GuidedDetector`."""
        with self._lock:
            return cast(GuidedDetector, self._networks()).detect_at(pixels, points)

    def _networks(self) -> Detector:
        if self._built is None or self._built[0] != os.getpid():
            self._built = os.getpid(), build_detector(self._settings)
        return self._built[1]

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_built": None}


@lru_cache(maxsize=16)
def _name(settings: str) -> str:
    """Returns the name of a backend, which its networks decide: they are loaded once to learn it."""
    return build_detector(FaceSettings.model_validate_json(settings)).name
