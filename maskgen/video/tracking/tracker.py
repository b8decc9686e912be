"""Face detection, tracking and cut detection, frame by frame."""

from dataclasses import dataclass

from maskgen.errors import Skip
from maskgen.faces.eyes import eye_opening
from maskgen.faces.landmarks import Detector
from maskgen.types import Face, RGBImage
from maskgen.video.tracking.crop_smoothing import place_of
from maskgen.video.tracking.face_descriptor import look_of
from maskgen.video.tracking.tracks import Sight, Thumb, Track, Tracker, is_cut, thumb_of


@dataclass(frozen=True)
class FaceOnTrack:
    """Face of a frame, and its track."""

    face: Face
    track: Track


class Watcher:
    """Detector and tracker of the faces in successive frames, which also records cuts."""

    def __init__(self, detector: Detector) -> None:
        self._detector, self._tracker = detector, Tracker()
        self._thumb: Thumb | None = None
        self.following = False
        self.cuts: list[float] = []

    @property
    def tracks(self) -> list[Track]:
        """All tracks so far."""
        return self._tracker.tracks

    def look(self, time: float, pixels: RGBImage) -> list[FaceOnTrack]:
        """Detects the faces of a frame, the largest first, and assigns each to a track."""
        thumb = thumb_of(pixels)
        if self._thumb is not None and is_cut(self._thumb, thumb):
            self._tracker.cut()
            self.cuts.append(time)
        self._thumb = thumb
        found = self._detector.detect(pixels)
        faces = [] if isinstance(found, Skip) else found
        places = [place_of(face) for face in faces]
        sights = [
            Sight(place, look_of(pixels, place), eye_opening(face))
            for face, place in zip(faces, places, strict=True)
        ]
        tracks = self._tracker.see(time, sights)
        self.following = bool(faces)
        return [FaceOnTrack(face, track) for face, track in zip(faces, tracks, strict=True)]
