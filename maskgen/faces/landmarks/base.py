"""Protocols that the landmark backends implement."""

from typing import Protocol, runtime_checkable

from maskgen.errors import Skip
from maskgen.types import Face, RGBImage

SourcePoints = tuple[tuple[float, float], ...]  # `PhotoRef.points`


@runtime_checkable
class Detector(Protocol):
    """Face detector with landmarks.

    Attributes:
        name: backend, runtime and model hashes; two detectors with the same name give the same bytes.
    """

    name: str

    def detect(self, pixels: RGBImage) -> list[Face] | Skip:
        """Detects faces, largest first, each with a plausible mesh.

        Returns `Skip("no_face")` if no face is found, `Skip("bad_landmarks")` if the landmarks of all faces found
        are implausible.
        """


@runtime_checkable
class GuidedDetector(Detector, Protocol):
    """Detector that can use the face points given by a source."""

    def detect_at(self, pixels: RGBImage, points: SourcePoints) -> list[Face] | Skip:
        """Detects faces like `detect`, in a photo whose source gives the points of a face."""
