"""Tracks of faces over time, and the assignment of tracks to persons.

A track is one face followed without interruption. It ends at a cut, or when the face is not detected for about a
second; after that a new track begins. Face descriptors decide which tracks show the same person.
"""

from dataclasses import dataclass, field

import cv2
import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from maskgen.types import RGBImage
from maskgen.video.tracking.crop_smoothing import REACH, Place, smoothed
from maskgen.video.tracking.face_descriptor import Look, likeness

MAX_GAP = 1.1  # seconds without detection after which a track ends: a little over one step of --fps 1
NEAR, SPEED = 0.15, 0.35  # largest motion of a face in crop sides: at any time, plus per second
AT_ONCE = 0.3  # seconds up to which the limit FOLLOWED holds, and after which SAME does

# Least similarity of descriptors to continue a track, and to join tracks to a person. Measured on four talking-head
# clips: one person has .64 or more after a sixth of a second, .32 or more after any time; different people have at most
# .28. Of pairs of different people in LFW, 1 in 1,000 is above .32.
FOLLOWED, SAME = 0.45, 0.3
NOVEL = 0.85  # similarity above which a descriptor adds nothing to a track
USUAL = 1.5  # seconds back over which the usual eye opening is measured
LOOKS = 12  # descriptors kept per track at most

Thumb = Float32[ndarray, "18 32 3"]
CUT_CHANGE, CUT_LIKE = 18.0, 0.7  # at a cut the mean change in grey levels is at least, the correlation below


@dataclass(frozen=True)
class Sight:
    """Detection of a face in one frame: place of its crop, descriptor, eye opening (height over width)."""

    place: Place
    look: Look
    eyes: float


@dataclass(eq=False)
class Track:
    """Face followed over time.

    Attributes:
        number: number of the track, in order of first appearance.
        times, places, eyes: detections of the last seconds, for smoothing.
        looks: descriptors: the first one, and later ones that differ from all before.
        beside: numbers of tracks seen in the same frame, which cannot be the same person.
    """

    number: int
    times: list[float] = field(default_factory=list)
    places: list[Place] = field(default_factory=list)
    eyes: list[float] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)
    beside: set[int] = field(default_factory=set)

    def add(self, time: float, sight: Sight) -> None:
        """Adds a detection, and removes those that no smoothing needs any more."""
        self.times.append(time)
        self.places.append(sight.place)
        self.eyes.append(sight.eyes)
        while self.times[0] < time - USUAL - REACH - MAX_GAP:
            del self.times[0], self.places[0], self.eyes[0]
        if len(self.looks) < LOOKS and all(float(sight.look @ other) < NOVEL for other in self.looks):
            self.looks.append(sight.look)

    def place_at(self, time: float) -> Place:
        """Returns the smoothed place of the face's crop at a time."""
        return smoothed(np.array(self.times, np.float64), np.array(self.places, np.float64), time)

    def usual_eyes(self, time: float) -> float:
        """Returns the median eye opening around a time, with which a blink is compared."""
        near = [eyes for at, eyes in zip(self.times, self.eyes, strict=True) if -USUAL <= at - time <= REACH]
        return float(np.median(near))


class Tracker:
    """Tracker of the faces of one clip."""

    def __init__(self) -> None:
        self.tracks: list[Track] = []
        self._live: list[Track] = []

    def see(self, time: float, sights: list[Sight]) -> list[Track]:
        """Assigns a track to each face of a frame. Frames must come in the order of time."""
        self._live = [track for track in self._live if time - track.times[-1] <= MAX_GAP]
        costs = [
            (cost, i, j)
            for i, sight in enumerate(sights)
            for j, track in enumerate(self._live)
            if (cost := _cost(track, time, sight)) is not None
        ]
        given: dict[int, Track] = {}
        for _, i, j in sorted(costs):
            if i not in given and self._live[j] not in given.values():
                given[i] = self._live[j]
        found = [given.get(i) or self._begin() for i in range(len(sights))]
        for track, sight in zip(found, sights, strict=True):
            track.add(time, sight)
            track.beside.update(other.number for other in found if other is not track)
        return found

    def cut(self) -> None:
        """Ends all tracks, because the next frame belongs to another shot."""
        self._live = []

    def _begin(self) -> Track:
        track = Track(len(self.tracks))
        self.tracks.append(track)
        self._live.append(track)
        return track


def _cost(track: Track, time: float, sight: Sight) -> float | None:
    """Computes how badly a face fits a track; None if it cannot be the same face."""
    gap = time - track.times[-1]
    last, place = track.places[-1], sight.place
    shift = float(np.hypot(*(place[:2] - last[:2])) / np.exp(max(place[2], last[2])))
    moved = shift + abs(float(place[2] - last[2]))
    like = likeness([sight.look], track.looks)
    if moved > NEAR + SPEED * gap or like < (FOLLOWED if gap <= AT_ONCE else SAME):
        return None
    return moved - 0.1 * like


def persons(tracks: list[Track]) -> dict[int, int]:
    """Assigns tracks to persons: track number -> person, numbered by first appearance.

    A track joins the most similar person, unless both were seen in one frame. In doubt it joins: two people with one
    number cost little, but one person with two numbers can end up in two splits.
    """
    groups: list[list[Track]] = []
    for track in tracks:
        scored = [
            (max(likeness(track.looks, other.looks) for other in group), -n)
            for n, group in enumerate(groups)
            if not any(other.number in track.beside for other in group)
        ]
        best = max(scored, default=(0.0, 0))
        if best[0] >= SAME:
            groups[-best[1]].append(track)
        else:
            groups.append([track])
    return {track.number: person for person, group in enumerate(groups) for track in group}


def thumb_of(pixels: RGBImage) -> Thumb:
    """Shrinks a frame so far that only a cut changes it much; subsamples the pixels of a large frame first."""
    step = max(1, min(pixels.shape[:2]) // 100)
    few = np.ascontiguousarray(pixels[::step, ::step])
    return np.asarray(cv2.resize(few, (32, 18), interpolation=cv2.INTER_AREA), np.float32)


def is_cut(before: Thumb, after: Thumb) -> bool:
    """Tells whether two consecutive frames belong to different shots."""
    if float(np.abs(after - before).mean()) < CUT_CHANGE:
        return False
    one, other = before - before.mean(), after - after.mean()
    return float((one * other).sum()) < CUT_LIKE * float(np.linalg.norm(one) * np.linalg.norm(other))
