"""One clip to photos: look at frames, follow faces, cut steady crops, keep what is asked for.

One pass over the clip, in little memory: a frame waits half a second until its crop can be smoothed over what comes
after it, and is then written or dropped. Who is who is decided at the end, and then the files get their names.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from maskgen.faces.eyes import eye_opening
from maskgen.faces.landmarks import Detector
from maskgen.faces.pose import head_pose
from maskgen.files import disk_errors
from maskgen.frames_settings import FramesSettings
from maskgen.images.codecs import encode_jpeg, encode_lossless
from maskgen.images.resample import warp
from maskgen.types import Plane, RGBImage
from maskgen.video import Clip, Grid, Moment, on_screen
from maskgen.video.frames.quality import Hash, distance, fingerprint, is_cut_off, sharpness
from maskgen.video.frames.rows import NO_POSE, Row, name_photos
from maskgen.video.tracking.crop_smoothing import REACH, matrix_of
from maskgen.video.tracking.tracker import FaceOnTrack, Watcher

LOOKS_PER_SECOND = 6.0  # while a face is followed; between two of them a head moves less than its own width
LOOKED_AT = 160  # side of the crop that sharpness and likeness are measured on
MAX_HELD = 256_000_000  # bytes of frames that wait; beyond them a crop is smoothed over less that comes after
SHORT = 0.25  # seconds missing at a clip's end from which it counts as cut

Kept = UInt8[ndarray, "tall wide 3"]  # a `Picture` beside planes of other sizes
Tell = Callable[[float, int], None]  # seconds done, photos kept


@dataclass(frozen=True)
class Taken:
    """What a clip gave. `covered`: seconds from its first frame to the end of the last one decoded; `whole`: whether
    that is the clip, as far as was asked for.
    """

    rows: tuple[Row, ...]
    covered: float
    whole: bool


@dataclass(frozen=True)
class _Shot:
    """A sampled frame that waits."""

    moment: Moment
    pixels: RGBImage
    seen: list[FaceOnTrack]


def take_frames(clip: Clip, detector: Detector, settings: FramesSettings, folder: Path, tell: Tell) -> Taken:
    """Writes the photos of a clip.

    Args:
        clip: opened; it is read once, from `settings.start` on.
        detector: finds the faces.
        settings: what is asked for.
        folder: an empty one of the clip's own; its name begins the photos' names.
        tell: called with every frame that is looked at.

    Raises:
        MissingError, UnmaskError: a photo cannot be written.
    """
    begin, end = clip.begin + settings.start, clip.begin + (settings.end or np.inf)
    samples, looks = Grid(begin, settings.step, end), Grid(begin, 1 / LOOKS_PER_SECOND, end)
    watcher, desk = Watcher(detector), _Desk(settings, folder)
    played = _Played(clip.moments(settings.start))
    stopped = False
    for moment, (sampled, _) in on_screen(played, end, samples, looks):
        if not sampled and not watcher.following:
            continue
        pixels = moment.pixels()
        seen = watcher.look(moment.time, pixels)
        if sampled:
            desk.put(_Shot(moment, pixels, seen))
        desk.settle(moment.time - REACH, watcher.cuts)
        tell(moment.time - clip.begin, desk.kept)
        if stopped := desk.kept >= (settings.max or np.inf):
            break
    if not stopped:
        desk.settle(np.inf, watcher.cuts)
    rows = name_photos(desk.rows, watcher.tracks, settings, folder)
    covered = max(played.end - clip.begin, 0.0)
    asked_for = min(clip.duration, settings.end or np.inf)
    torn = clip.damaged > 0 or covered < asked_for - SHORT - 1.5 * played.step
    return Taken(tuple(rows), covered, stopped or not torn)


class _Played:
    """Frames as they come; remembers where the last one ended."""

    def __init__(self, moments: Iterable[Moment]) -> None:
        self._moments = moments
        self.end = -np.inf
        self.step = 0.0

    def __iter__(self) -> Iterator[Moment]:
        for moment in self._moments:
            self.end, self.step = moment.end, moment.end - moment.time
            yield moment


@dataclass
class _Desk:
    """Frames that wait, and the rows of those that were dealt with."""

    settings: FramesSettings
    folder: Path
    rows: list[Row] = field(default_factory=list)
    kept: int = 0
    _waiting: deque[_Shot] = field(default_factory=deque)
    _hashes: list[Hash] = field(default_factory=list)

    def put(self, shot: _Shot) -> None:
        """Lets a frame wait."""
        self._waiting.append(shot)

    def settle(self, until: float, cuts: list[float]) -> None:
        """Deals with the frames before `until`, and with the oldest while those that wait take too much memory."""
        while self._waiting and (
            self._waiting[0].moment.time <= until
            or sum(shot.pixels.nbytes for shot in self._waiting) > MAX_HELD
        ):
            shot = self._waiting.popleft()
            near_cut = any(abs(shot.moment.time - cut) <= self.settings.cut_margin for cut in cuts[-4:])
            for seen in self._chosen(shot):
                if self.kept >= (self.settings.max or np.inf):
                    return
                self._deal(shot, seen, near_cut)

    def _chosen(self, shot: _Shot) -> list[FaceOnTrack | None]:
        """Chooses the faces that get a photo each; None stands for the whole frame."""
        if not shot.seen:
            return [None]
        one = self.settings.faces == "largest" or self.settings.size == 0
        return [*shot.seen[:1]] if one else [*shot.seen]

    def _deal(self, shot: _Shot, own: FaceOnTrack | None, near_cut: bool) -> None:
        """Writes one photo, or notes why not."""
        settings = self.settings
        picture, grey = _pictures(shot, own, settings.size)
        others = [seen for seen in shot.seen if seen is not own]
        first = [own, *others] if own else []
        row = Row(
            time=shot.moment.time,
            index=shot.moment.index,
            person=own.track.number if own else -1,
            sharpness=sharpness(grey),
            boxes=tuple(seen.face.box for seen in first),
            who=tuple(seen.track.number for seen in first),
            pose=head_pose(own.face.mesh) if own else NO_POSE,
            eyes=_eyes(own, shot.moment.time),
        )
        mark = fingerprint(grey)
        why = self._why_not(row, own, shot, near_cut, mark)
        if why:
            self.rows.append(replace(row, why=why))
            return
        if "duplicates" in settings.dropped:
            self._hashes.append(mark)
        self.kept += 1
        self.rows.append(replace(row, photo=self._write(row, picture)))

    def _why_not(self, row: Row, own: FaceOnTrack | None, shot: _Shot, near_cut: bool, mark: Hash) -> str:
        settings = self.settings
        if own is None and settings.size:
            return "no_face"
        verdicts = {
            "faceless": own is None,
            "cuts": near_cut,
            "edge": own is not None and is_cut_off(own.face, shot.pixels),
            "blur": row.sharpness < settings.min_sharpness,
            "closed": own is not None and row.eyes < settings.min_eyes,
            "duplicates": "duplicates" in settings.dropped and distance(mark, self._hashes) <= settings.alike,
        }
        return next((why for why, is_so in verdicts.items() if is_so and why in settings.dropped), "")

    def _write(self, row: Row, picture: RGBImage) -> str:
        name = f"f{row.index:06d}-t{max(row.person, 0)}.{self.settings.format}"
        data = (
            encode_jpeg(picture, self.settings.quality)
            if self.settings.format == "jpg"
            else encode_lossless(picture, "png")
        )
        with disk_errors(self.folder, f"{name} ({len(data):,} bytes)"):
            (self.folder / name).write_bytes(data)
        return name


def _eyes(own: FaceOnTrack | None, time: float) -> float:
    """Measures how far the eyes are open, as a fraction of the face's usual opening."""
    return eye_opening(own.face) / max(own.track.usual_eyes(time), 1e-6) if own else 0.0


def _pictures(shot: _Shot, own: FaceOnTrack | None, size: int) -> tuple[Kept, Plane]:
    """Returns the photo to keep, and the grey one by which it is scored."""
    height, width = shot.pixels.shape[:2]
    whole = shot.pixels[
        : height // 2 * 2, : width // 2 * 2
    ]  # even sides, as encoders of video want them back
    if own is None:
        small = cv2.resize(shot.pixels, (LOOKED_AT, LOOKED_AT), interpolation=cv2.INTER_AREA)
        return whole, cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
    place = own.track.place_at(shot.moment.time)
    small = warp(shot.pixels, matrix_of(place, LOOKED_AT), LOOKED_AT, "reflect", fine=True)
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
    if size == 0:
        return whole, grey
    return warp(shot.pixels, matrix_of(place, size), size, "reflect", fine=True), grey
