"""Faces over time: which face of a frame is which of the frames before, and which tracks are one person.

A track is a face followed without a break. At a cut, or after a second unseen, it ends; what begins later is another
track, and whether it is the same person their looks decide.
"""

from dataclasses import dataclass, field

import cv2
import numpy as np
from jaxtyping import Float32, Float64
from numpy import ndarray

from maskgen.resample import Square, warp
from maskgen.steady import REACH, Place, matrix_of
from maskgen.types import Picture

MAX_GAP = 1.1  # seconds unseen after which a track has ended: a little over one step of --fps 1
NEAR, SPEED = 0.15, 0.35  # crop sides a face may have moved at once, and in a second
MIN_LIKE = 0.2  # likeness under which a face in the right place is still another

# Of two photos of a person of LFW, taken on different days, half are more alike than .44; of different people 5 in
# 100 more than .56. Within a clip, where light and hair stay, 95 in 100 pairs of one person are above .56.
SAME = 0.5
NOVEL = 0.85  # likeness above which a look adds nothing to what is known of a track
LOOKS = 12  # looks that are kept of a track
LOOK_SIDE = 96

Look = Float32[ndarray, "1024"]
Thumb = Float32[ndarray, "18 32 3"]
CUT_CHANGE, CUT_LIKE = 18.0, 0.7  # grey levels of mean change, and likeness of the pictures, that make a cut


@dataclass
class Track:
    """A face followed over time.

    Attributes:
        number: in order of first sight.
        times, places: of the last seconds, for smoothing.
        looks: how it has looked, the first and what was new since.
        beside: tracks seen in one frame with it, who cannot be the same person.
    """

    number: int
    times: list[float] = field(default_factory=list)
    places: list[Place] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)
    beside: set[int] = field(default_factory=set)

    def add(self, time: float, place: Place, look: Look) -> None:
        """Note where and how it was seen; what no smoothing will ask for again is forgotten."""
        self.times.append(time)
        self.places.append(place)
        while self.times[0] < time - 4 * REACH - MAX_GAP:
            del self.times[0], self.places[0]
        if len(self.looks) < LOOKS and all(float(look @ other) < NOVEL for other in self.looks):
            self.looks.append(look)

    def history(self) -> tuple[Float64[ndarray, "n"], Float64[ndarray, "n 4"]]:
        """Times and places as arrays."""
        return np.array(self.times, np.float64), np.array(self.places, np.float64)


class Tracker:
    """Follows the faces of one clip."""

    def __init__(self) -> None:
        self.tracks: list[Track] = []
        self._live: list[Track] = []

    def see(self, time: float, places: list[Place], looks: list[Look]) -> list[Track]:
        """Give each face of a frame its track.

        Args:
            time: seconds, later than that of the frame before.
            places: of the faces' crops.
            looks: how the faces look, as `look_of` gives it.
        """
        self._live = [track for track in self._live if time - track.times[-1] <= MAX_GAP]
        costs = [
            (cost, i, j)
            for i, (place, look) in enumerate(zip(places, looks, strict=True))
            for j, track in enumerate(self._live)
            if (cost := _cost(track, time, place, look)) is not None
        ]
        given: dict[int, Track] = {}
        for _, i, j in sorted(costs):
            if i not in given and self._live[j] not in given.values():
                given[i] = self._live[j]
        found = [given.get(i) or self._begin() for i in range(len(places))]
        for track, place, look in zip(found, places, looks, strict=True):
            track.add(time, place, look)
            track.beside.update(other.number for other in found if other is not track)
        return found

    def cut(self) -> None:
        """End all tracks: what comes next is another shot."""
        self._live = []

    def _begin(self) -> Track:
        track = Track(len(self.tracks))
        self.tracks.append(track)
        self._live.append(track)
        return track


def _cost(track: Track, time: float, place: Place, look: Look) -> float | None:
    """How badly a face fits a track; None where it cannot be the same."""
    gap = time - track.times[-1]
    last = track.places[-1]
    moved = float(
        np.hypot(*(place[:2] - last[:2])) / np.exp(max(place[2], last[2])) + abs(place[2] - last[2])
    )
    like = likeness([look], track.looks)
    if moved > NEAR + SPEED * gap or like < MIN_LIKE:
        return None
    return moved - 0.1 * like


def persons(tracks: list[Track]) -> dict[int, int]:
    """Which person each track is: track number -> person, numbered by first sight.

    A track joins the person it looks most like, unless the two were seen side by side. In doubt it joins: two
    people under one name cost little, one person under two can end up on both sides of a split.
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


def likeness(some: list[Look], others: list[Look]) -> float:
    """How alike the two most alike of two sets of looks are, -1 to 1."""
    return float((np.stack(some) @ np.stack(others).T).max())


def look_of(pixels: Picture, place: Place) -> Look:
    """What is to be recognised of a face: its crop's inner part, freed of light and of detail, of length 1."""
    crop: Square = warp(pixels, matrix_of(place, LOOK_SIDE), LOOK_SIDE, "reflect")
    inner = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)[24:88, 16:80]
    soft = cv2.GaussianBlur(inner, (0, 0), 1.5).astype(np.float32)
    soft -= cv2.GaussianBlur(soft, (0, 0), 10)
    soft /= np.sqrt(cv2.GaussianBlur(soft * soft, (0, 0), 10)) + 3
    look = cv2.resize(soft, (32, 32), interpolation=cv2.INTER_AREA).ravel()
    return np.asarray(look / max(float(np.linalg.norm(look)), 1e-6), np.float32)


def thumb_of(pixels: Picture) -> Thumb:
    """A frame at a size where only a cut changes much."""
    return np.asarray(cv2.resize(pixels, (32, 18), interpolation=cv2.INTER_AREA), np.float32)


def is_cut(before: Thumb, after: Thumb) -> bool:
    """Whether two frames that follow each other belong to different shots."""
    if float(np.abs(after - before).mean()) < CUT_CHANGE:
        return False
    one, other = before - before.mean(), after - after.mean()
    return float((one * other).sum()) < CUT_LIKE * float(np.linalg.norm(one) * np.linalg.norm(other))
