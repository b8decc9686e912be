"""Where the faces of a photo are, masked or not. The one place of `unmasknet` that finds faces by `maskgen`."""

from collections.abc import Callable
from dataclasses import dataclass

from maskgen.types import Affine, Picture
from unmasknet.restore.window import unit_place

UNIT = 256  # side at which a crop is asked for; any would do


@dataclass(frozen=True)
class Seen:
    """A face in a photo.

    Attributes:
        box: x0, y0, x1, y1 in pixels.
        place: photo -> the crop that training would cut, at a side of 1.
        score: 0-1.
    """

    box: tuple[float, float, float, float]
    place: Affine
    score: float


FindFaces = Callable[[Picture], list[Seen]]


def build_finder() -> FindFaces:
    """A finder of faces, the largest first. It holds a network: one a thread.

    Raises:
        MissingError: its model or runtime is not there.
    """
    from maskgen.finder import FaceFinder

    finder = FaceFinder()

    def find(photo: Picture) -> list[Seen]:
        return [Seen(one.box, unit_place(one.matrix(UNIT), UNIT), one.score) for one in finder.find(photo)]

    return find
