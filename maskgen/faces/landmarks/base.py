"""What every landmark backend is to the rest."""

from typing import Protocol, runtime_checkable

from maskgen.errors import Skip
from maskgen.types import Face, RGBImage

SourcePoints = tuple[tuple[float, float], ...]  # `PhotoRef.points`


@runtime_checkable
class Detector(Protocol):
    """Finds the faces of a picture.

    Attributes:
        name: backend, runtime and model hashes; two detectors of one name give the same bytes.
    """

    name: str

    def detect(self, pixels: RGBImage) -> list[Face] | Skip:
        """Detects faces, largest first, each with a plausible mesh.

        Returns `Skip("no_face")` where none is seen, `Skip("bad_landmarks")` where all that were seen gave
        landmarks that cannot be a face's.
        """


@runtime_checkable
class GuidedDetector(Detector, Protocol):
    """A detector that makes use of points which the source itself brings."""

    def detect_at(self, pixels: RGBImage, points: SourcePoints) -> list[Face] | Skip:
        """Detects faces as `detect`, in a photo whose source gives the points of a face."""
