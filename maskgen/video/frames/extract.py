"""Extraction of photos from one clip: detects and tracks faces, cuts smoothed crops, keeps the requested ones.

The clip is read once, in little memory: a frame waits half a second, so that its crop can be smoothed over the frames
after it, and is then written or dropped. Persons are determined at the end, and then the files get their names.
"""

from collections import deque
from collections.abc import Iterable, Iterator
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
from maskgen.progress import OnProgress, Progress
from maskgen.types import Plane, RGBImage
from maskgen.video import Clip, Grid, Moment, on_screen
from maskgen.video.frames.quality import Hash, distance, fingerprint, is_cut_off, sharpness
from maskgen.video.frames.rows import NO_POSE, Row, name_photos
from maskgen.video.tracking.crop_smoothing import REACH, matrix_of
from maskgen.video.tracking.tracker import FaceOnTrack, Watcher

LOOKS_PER_SECOND = 6.0  # while a face is tracked; in between, a head moves less than its own width
LOOKED_AT = 160  # side in pixels of the crop on which sharpness and perceptual hash are computed
MAX_HELD = 256_000_000  # bytes of waiting frames; above it, crops are smoothed over fewer later frames
SHORT = 0.25  # seconds missing at a clip's end from which the clip counts as cut off

# An `RGBImage` whose sides differ from those of a `Plane` in the same signature.
Kept = UInt8[ndarray, "tall wide 3"]


@dataclass(frozen=True)
class Taken:
    """Result of one clip. `covered`: seconds from its first frame to the end of the last one decoded; `whole`: whether
    the clip was read completely, as far as it was requested.
    """

    rows: tuple[Row, ...]
    covered: float
    whole: bool


@dataclass(frozen=True)
class _Shot:
    """Sampled frame that waits to be processed."""

    moment: Moment
    pixels: RGBImage
    seen: list[FaceOnTrack]


def take_frames(
    clip: Clip, detector: Detector, settings: FramesSettings, folder: Path, on_progress: OnProgress
) -> Taken:
    """Writes the photos of a clip.

    Args:
        clip: an opened clip; it is read once, from `settings.start` on.
        detector: the face detector.
        settings: which frames and faces to keep, and how.
        folder: an empty folder for this clip; the photos' names begin with its name.
        on_progress: called before the first frame and after every frame in which faces are detected, in seconds of
            video, of which those before `settings.start` count as found; `figures` holds the number of photos.

    Raises:
        InputError: the colours of a frame cannot be converted.
        MissingError, UnmaskError: a photo cannot be written.
    """
    begin, end = clip.begin + settings.start, clip.begin + (settings.end or np.inf)
    samples, looks = Grid(begin, settings.step, end), Grid(begin, 1 / LOOKS_PER_SECOND, end)
    watcher, desk = Watcher(detector), _Desk(settings, folder)
    played = _Played(clip.moments(settings.start))
    stopped = False
    asked_for = min(clip.duration, settings.end or np.inf)

    def report(time: float) -> None:
        figures = {"photos": desk.kept}
        on_progress(Progress(max(time, settings.start), asked_for, found=settings.start, figures=figures))

    report(settings.start)
    for moment, (sampled, _) in on_screen(played, end, samples, looks):
        if not sampled and not watcher.following:
            continue
        pixels = moment.pixels()
        seen = watcher.look(moment.time, pixels)
        if sampled:
            desk.put(_Shot(moment, pixels, seen))
        desk.settle(moment.time - REACH, watcher.cuts)
        report(moment.time - clip.begin)
        if stopped := desk.kept >= (settings.max or np.inf):
            break
    if not stopped:
        desk.settle(np.inf, watcher.cuts)
    rows = name_photos(desk.rows, watcher.tracks, settings, folder)
    covered = max(played.end - clip.begin, 0.0)
    torn = clip.damaged > 0 or covered < asked_for - SHORT - 1.5 * played.step
    return Taken(tuple(rows), covered, stopped or not torn)


class _Played:
    """Iterator over frames that stores when the last frame ended."""

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
    """Waiting frames, and the rows of the processed ones."""

    settings: FramesSettings
    folder: Path
    rows: list[Row] = field(default_factory=list)
    kept: int = 0
    _waiting: deque[_Shot] = field(default_factory=deque)
    _hashes: list[Hash] = field(default_factory=list)

    def put(self, shot: _Shot) -> None:
        """Adds a frame to the waiting ones."""
        self._waiting.append(shot)

    def settle(self, until: float, cuts: list[float]) -> None:
        """Processes the frames up to `until`, and the oldest ones while the waiting frames take too much memory."""
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
        """Writes one photo, or records why it was dropped."""
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
    """Returns how far the eyes are open, as a fraction of the face's usual opening."""
    return eye_opening(own.face) / max(own.track.usual_eyes(time), 1e-6) if own else 0.0


def _pictures(shot: _Shot, own: FaceOnTrack | None, size: int) -> tuple[Kept, Plane]:
    """Returns the photo to keep, and the grey image on which it is scored."""
    height, width = shot.pixels.shape[:2]
    whole = shot.pixels[: height // 2 * 2, : width // 2 * 2]  # even sides, as video encoders need them
    if own is None:
        small = cv2.resize(shot.pixels, (LOOKED_AT, LOOKED_AT), interpolation=cv2.INTER_AREA)
        return whole, cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
    place = own.track.place_at(shot.moment.time)
    small = warp(shot.pixels, matrix_of(place, LOOKED_AT), LOOKED_AT, "reflect", fine=True)
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
    if size == 0:
        return whole, grey
    return warp(shot.pixels, matrix_of(place, size), size, "reflect", fine=True), grey
