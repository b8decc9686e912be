"""Faces and their points: backends by name.

Importing this loads no network; building a detector does.
"""

from collections.abc import Callable

from maskgen.landmarks.base import Detector
from maskgen.settings import FaceSettings

__all__ = ["DETECTORS", "Detector", "build_detector"]


def _mesh(settings: FaceSettings) -> Detector:
    from maskgen.landmarks.mesh import MeshDetector

    return MeshDetector(every_look=settings.choose == "all")


DETECTORS: dict[str, Callable[[FaceSettings], Detector]] = {"auto": _mesh, "mesh": _mesh}


def build_detector(settings: FaceSettings) -> Detector:
    """The detector that the settings name."""
    return DETECTORS[settings.landmarks](settings)
