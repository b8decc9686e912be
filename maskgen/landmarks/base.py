"""What every landmark backend is to the rest."""

from typing import Protocol, runtime_checkable

from maskgen.errors import Skip
from maskgen.types import Face, Picture


@runtime_checkable
class Detector(Protocol):
    """Finds the faces of a picture.

    Attributes:
        name: backend, runtime and model hashes; two detectors of one name give the same bytes.
    """

    name: str

    def detect(self, pixels: Picture) -> list[Face] | Skip:
        """The faces, largest first, each with a mesh that can be trusted.

        Returns `Skip("no_face")` where none is seen, `Skip("bad_landmarks")` where all that were seen gave
        landmarks that cannot be a face's.
        """
