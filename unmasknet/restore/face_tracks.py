"""Face tracks of a clip: faces are detected in every frame and tracked, and their crops smoothed over time.

Crops detected independently in each frame jitter by a pixel or two, and the generated faces with them. Therefore each
crop comes from a line fitted to the crops shortly before and after it, and a face that the detector misses for a moment
keeps its place. For a video, this is the first of two passes.
"""

from dataclasses import dataclass, field

import numpy as np

from maskgen.progress import OnProgress, Progress
from maskgen.types import Affine, RGBImage
from maskgen.video import Clip
from maskgen.video.tracking.crop_smoothing import UNIT, Place, matrix_of, place_of_matrix, smoothed, spans
from maskgen.video.tracking.face_descriptor import look_of
from maskgen.video.tracking.tracks import Sight, Thumb, Tracker, is_cut, thumb_of
from unmasknet.restore.face_window import at_size, unit_place
from unmasknet.restore.faces import DetectedFace, FindFaces

MISSED = 0.5  # seconds without a detection after which a face counts as gone
LATELY = 0.25  # the same for a camera
SHORT = 3  # tracks with fewer detections are dropped as errors of the face detector


@dataclass
class Path:
    """Track of one face: times of its detections in seconds, and the place of the crop at each."""

    times: list[float] = field(default_factory=list)
    places: list[Place] = field(default_factory=list)

    def is_there(self, time: float) -> bool:
        """Tells whether the face is detected at a time, or both shortly before and shortly after it."""
        return spans(np.array(self.times, np.float64), time, MISSED)

    def place_at(self, time: float) -> Affine:
        """Computes the smoothed crop at a time: matrix photo -> the crop at a side of 1."""
        place = smoothed(np.array(self.times, np.float64), np.array(self.places, np.float64), time)
        return unit_place(matrix_of(place, UNIT), UNIT)


@dataclass(frozen=True)
class Paths:
    """Tracks of all faces of a clip. `most`: largest number of faces in one frame."""

    paths: tuple[Path, ...]
    most: int


class Follower:
    """Tracker of faces from frame to frame. `most`: largest number of faces in one frame."""

    def __init__(self) -> None:
        self._tracker, self._paths = Tracker(), dict[int, Path]()
        self._thumb: Thumb | None = None
        self._first = 0
        self.most = 0

    def see(self, time: float, pixels: RGBImage, faces: list[DetectedFace]) -> list[Path]:
        """Adds the detections of a frame, later than the frame before, and returns the track of each."""
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
        """Returns the tracks of the faces that are present at a time or were a moment before, by number."""
        return {number: path for number, path in self._paths.items() if time - path.times[-1] <= LATELY}

    def forget(self, time: float) -> None:
        """Drops detections that no later frame needs, so that memory stays bounded for a camera."""
        self._paths = {
            number: path for number, path in self._paths.items() if time - path.times[-1] <= MISSED
        }
        for path in self._paths.values():
            while path.times[0] < time - 2 * MISSED:
                del path.times[0], path.places[0]
        if not self._paths:
            self._first += len(self._tracker.tracks)  # numbers are never reused
            self._tracker = Tracker()

    def paths(self) -> Paths:
        """Returns the tracks that have at least `SHORT` detections."""
        lasting = tuple(path for path in self._paths.values() if len(path.times) >= SHORT)
        return Paths(lasting, self.most)


def follow(clip: Clip, find_faces: FindFaces, on_progress: OnProgress) -> Paths:
    """Tracks the faces through all frames of a clip."""
    follower = Follower()
    for moment in clip.moments():
        pixels = moment.pixels()
        follower.see(moment.time, pixels, find_faces(pixels))
        on_progress(Progress(moment.time - clip.begin, clip.duration))
    return follower.paths()
