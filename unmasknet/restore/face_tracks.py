"""The faces of a clip over time: found in every frame, followed, their crops steadied. A video's first pass of two.

A crop that is found anew in each frame trembles by a pixel or two, and with it all that is made in it. So a crop lies
on a line through those shortly before and after it, and a face that is missed for a moment keeps its place.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from maskgen.types import Affine, RGBImage
from maskgen.video import Clip
from maskgen.video.tracking.crop_smoothing import UNIT, Place, matrix_of, place_of_matrix, smoothed, spans
from maskgen.video.tracking.face_descriptor import look_of
from maskgen.video.tracking.tracks import Sight, Thumb, Tracker, is_cut, thumb_of
from unmasknet.restore.face_window import at_size, unit_place
from unmasknet.restore.faces import DetectedFace, FindFaces

MISSED = 0.5  # seconds that a face may be missed and still be there
LATELY = 0.25  # seconds that a face of a camera's picture may be missed
SHORT = 3  # sightings below which a track is a slip of the finder

Tell = Callable[[float, float], None]  # seconds done, of how many


@dataclass
class Path:
    """Where one face was seen: seconds, and the place of its crop then."""

    times: list[float] = field(default_factory=list)
    places: list[Place] = field(default_factory=list)

    def is_there(self, time: float) -> bool:
        """Tells whether it is seen at a time, or was shortly before and will be shortly after."""
        return spans(np.array(self.times, np.float64), time, MISSED)

    def place_at(self, time: float) -> Affine:
        """Returns its smoothed crop at a time: photo -> the crop at a side of 1."""
        place = smoothed(np.array(self.times, np.float64), np.array(self.places, np.float64), time)
        return unit_place(matrix_of(place, UNIT), UNIT)


@dataclass(frozen=True)
class Paths:
    """The faces of a clip. `most`: of them in one frame."""

    paths: tuple[Path, ...]
    most: int


class Follower:
    """Follows faces from frame to frame. `most`: of them in one frame."""

    def __init__(self) -> None:
        self._tracker, self._paths = Tracker(), dict[int, Path]()
        self._thumb: Thumb | None = None
        self._first = 0
        self.most = 0

    def see(self, time: float, pixels: RGBImage, faces: list[DetectedFace]) -> list[Path]:
        """Notes the faces of a frame, later than the one before; the path of each."""
        thumb = thumb_of(pixels)
        if self._thumb is not None and is_cut(self._thumb, thumb):
            self._tracker.cut()
        self._thumb = thumb
        places = [place_of_matrix(at_size(face.place, UNIT)) for face in faces]
        sights = [Sight(place, look_of(pixels, place), 0.0) for place in places]
        found = []
        for track, place in zip(self._tracker.see(time, sights), places, strict=True):
            path = self._paths.setdefault(self._first + track.number, Path())
            path.times.append(time)
            path.places.append(place)
            found.append(path)
        self.most = max(self.most, len(faces))
        return found

    def recent(self, time: float) -> dict[int, Path]:
        """Lists the faces that are there at a time, or were a moment ago, by number."""
        return {number: path for number, path in self._paths.items() if time - path.times[-1] <= LATELY}

    def forget(self, time: float) -> None:
        """Drops what no later frame will ask for, so that a camera can be watched for days."""
        self._paths = {
            number: path for number, path in self._paths.items() if time - path.times[-1] <= MISSED
        }
        for path in self._paths.values():
            while path.times[0] < time - 2 * MISSED:
                del path.times[0], path.places[0]
        if not self._paths:
            self._first += len(self._tracker.tracks)  # numbers are never given twice
            self._tracker = Tracker()

    def paths(self) -> Paths:
        """Lists all faces that were seen more than by accident."""
        lasting = tuple(path for path in self._paths.values() if len(path.times) >= SHORT)
        return Paths(lasting, self.most)


def follow(clip: Clip, find_faces: FindFaces, tell: Tell) -> Paths:
    """Looks at every frame of a clip."""
    follower = Follower()
    for moment in clip.moments():
        pixels = moment.pixels()
        follower.see(moment.time, pixels, find_faces(pixels))
        tell(moment.time - clip.begin, clip.duration)
    return follower.paths()
