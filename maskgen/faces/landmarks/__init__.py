"""Landmark backends by name.

Importing this module loads no network; building a detector does.
"""

from collections.abc import Callable
from typing import Literal

from maskgen.errors import MissingError, UsageError
from maskgen.faces.landmarks.base import Detector
from maskgen.settings import FaceSettings

__all__ = ["AUTO", "DETECTORS", "Detector", "build_detector"]


def _auto(settings: FaceSettings) -> Detector:
    """Returns the first backend of `AUTO` that works here."""
    problems = []
    for name, build in AUTO.items():
        try:
            return build(settings)
        except MissingError as error:
            problems.append(f"{name}: {error}")
    raise MissingError("no landmark backend works here:\n  " + "\n  ".join(problems))


def _mesh(settings: FaceSettings, points: Literal["ignored", "first", "only"] = "ignored") -> Detector:
    from maskgen.faces.landmarks.mesh import MeshDetector

    return MeshDetector(every_look=settings.choose == "all", points=points)


def _dlib(settings: FaceSettings) -> Detector:
    from maskgen.faces.landmarks.dlib import DlibDetector

    return DlibDetector(settings.dlib, settings.models, every_look=settings.choose == "all")


def _fan(_: FaceSettings, fetch: bool = True) -> Detector:
    from maskgen.faces.landmarks.fan import FanDetector

    return FanDetector(fetch)


# Best first: `mesh` finds the most faces, and predicts its 468 points; the others fit them to 68. `auto` downloads
# nothing.
AUTO: dict[str, Callable[[FaceSettings], Detector]] = {
    "mesh": lambda settings: _mesh(settings, "first"),
    "dlib": _dlib,
    "fan": lambda settings: _fan(settings, fetch=False),
}
DETECTORS: dict[str, Callable[[FaceSettings], Detector]] = {
    "auto": _auto,
    "mesh": _mesh,
    "dlib": _dlib,
    "fan": _fan,
    "celeba": lambda settings: _mesh(settings, "only"),
}


def build_detector(settings: FaceSettings) -> Detector:
    """Builds the detector that the settings name.

    Raises:
        UsageError: there is no such backend.
        MissingError: its package or models are missing.
        InputError: a model file is damaged.
    """
    if settings.landmarks not in DETECTORS:
        raise UsageError(f"--landmarks {settings.landmarks}: unknown; choose from {', '.join(DETECTORS)}")
    return DETECTORS[settings.landmarks](settings)
