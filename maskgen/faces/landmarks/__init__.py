"""Landmark backends by name.

Importing this module loads no network; building a detector does.
"""

from collections.abc import Callable
from typing import Literal

from maskgen.errors import MissingError, UsageError
from maskgen.faces.landmarks.base import Detector
from maskgen.settings import FaceSettings

__all__ = ["AUTO", "DETECTORS", "Detector", "build_detector"]

SMALLEST = 29.0  # pixels; largest width down to which faces are searched, so that `tiny_face` can be told


Build = Callable[
    [FaceSettings, float], Detector
]  # settings, and the smallest face as `MeshDetector` takes it


def _auto(settings: FaceSettings, smallest: float) -> Detector:
    """Returns the first backend of `AUTO` that works here."""
    problems = []
    for name, build in AUTO.items():
        try:
            return build(settings, smallest)
        except MissingError as error:
            problems.append(f"{name}: {error}")
    raise MissingError("no landmark backend works here:\n  " + "\n  ".join(problems))


def _mesh(
    settings: FaceSettings, smallest: float, points: Literal["ignored", "first", "only"] = "ignored"
) -> Detector:
    from maskgen.faces.landmarks.mesh import MeshDetector

    every = settings.choose == "all"
    quick = every and settings.search == "quick"
    return MeshDetector(every_look=every, points=points, smallest=smallest, quick=quick)


def _dlib(settings: FaceSettings, _: float) -> Detector:
    from maskgen.faces.landmarks.dlib import DlibDetector

    return DlibDetector(settings.dlib, settings.models, every_look=settings.choose == "all")


def _fan(_: FaceSettings, __: float, fetch: bool = True) -> Detector:
    from maskgen.faces.landmarks.fan import FanDetector

    return FanDetector(fetch)


# Best first: `mesh` finds the most faces, and predicts its 468 points; the others fit them to 68. `auto` downloads
# nothing.
AUTO: dict[str, Build] = {
    "mesh": lambda settings, smallest: _mesh(settings, smallest, "first"),
    "dlib": _dlib,
    "fan": lambda settings, smallest: _fan(settings, smallest, fetch=False),
}
DETECTORS: dict[str, Build] = {
    "auto": _auto,
    "mesh": _mesh,
    "dlib": _dlib,
    "fan": _fan,
    "celeba": lambda settings, _: _mesh(settings, 0.0, "only"),
}


def build_detector(settings: FaceSettings, small_faces: bool = True) -> Detector:
    """Builds the detector that the settings name.

    Args:
        settings: which backend, and the smallest face.
        small_faces: let `mesh` search large photos for small faces, which takes about 0.1 s per megapixel where the
            faces are not found at once; False for the frames of videos.

    Raises:
        UsageError: there is no such backend.
        MissingError: its package or models are missing.
        InputError: a model file is damaged.
    """
    if settings.landmarks not in DETECTORS:
        raise UsageError(f"--landmarks {settings.landmarks}: unknown; choose from {', '.join(DETECTORS)}")
    smallest = min(settings.min_size, SMALLEST) if small_faces else 0.0
    return DETECTORS[settings.landmarks](settings, smallest)
