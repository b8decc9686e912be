"""Video output with masks: one mask per person, steady between frames, with the clip's own times and audio.

The clip is read once, in little memory: a frame waits a quarter of a second, so that its face meshes can be smoothed
over the frames after it. Persons are matched across cuts by face descriptors, and keep one mask throughout.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from maskgen.errors import Skip
from maskgen.faces.landmarks import build_detector
from maskgen.faces.pose import head_pose
from maskgen.files import disk_errors, whole
from maskgen.progress import OnProgress, Progress
from maskgen.rendering.lighting import estimate_light
from maskgen.rendering.projection import fit_head
from maskgen.rendering.stage import Stage
from maskgen.rendering.triplet import LENS_BLUR, Tools, wear_masks
from maskgen.seeds import hash64
from maskgen.types import Face, RGBImage
from maskgen.video import Moment, even, open_clip
from maskgen.video.tracking.mesh_smoothing import REACH, Followed
from maskgen.video.tracking.tracker import FaceOnTrack, Watcher
from maskgen.video.tracking.tracks import Track, persons


@dataclass(frozen=True)
class Film:
    """Result of a masked clip. `masked`: frames with a mask; `worn`: mask family, or `bare`, of each person."""

    video: str
    frames: int
    masked: int
    worn: tuple[str, ...]


def mask_film(source: Path, target: Path, tools: Tools, name: str, on_progress: OnProgress) -> Film:
    """Writes a copy of a clip with masks on the faces.

    Args:
        source: the clip.
        target: the video to write, atomically.
        tools: the result of `build_tools`.
        name: the clip's name; with the seed it determines the masks.
        on_progress: called after every frame, in seconds of video.

    Raises:
        InputError: the clip cannot be read, or its audio cannot be copied.
    """
    from maskgen.video.writer import ClipWriter, container_of

    cast = _Cast(tools, name)
    count = masked = 0
    clip = open_clip(source, colours="own")
    try:
        with (
            whole(target) as part,
            disk_errors(target.parent, target.name),
            ClipWriter(source, part, container_of(target)) as writer,
        ):
            for moment, pixels in cast.play(clip.moments()):
                shown, worn = cast.mask(moment.time, pixels)
                writer.write(moment, shown)
                count, masked = count + 1, masked + worn
                on_progress(Progress(moment.time - clip.begin, clip.duration))
    finally:
        clip.close()
    return Film(str(target), count, masked, tuple(cast.worn[person] for person in sorted(cast.worn)))


@dataclass
class _Cast:
    """Persons of a clip and their masks."""

    tools: Tools
    name: str
    worn: dict[int, str] = field(default_factory=dict)
    _faces: dict[int, Followed] = field(default_factory=dict)
    _persons: dict[int, int] = field(default_factory=dict)
    _lead: int | None = None

    def play(self, moments: Iterator[Moment]) -> Iterator[tuple[Moment, RGBImage]]:
        """Detects the faces of each frame, and yields it once the frames up to `REACH` after it are processed."""
        self._watcher = Watcher(build_detector(self.tools.settings.faces, small_faces=False))
        waiting: deque[tuple[Moment, RGBImage]] = deque()
        for moment in moments:
            pixels = even(moment.pixels())
            for seen in self._watcher.look(moment.time, pixels):
                self._note(moment.time, pixels, seen)
            waiting.append((moment, pixels))
            while waiting[0][0].time < moment.time - REACH:
                yield waiting.popleft()
        yield from waiting

    def _note(self, time: float, pixels: RGBImage, seen: FaceOnTrack) -> None:
        light = estimate_light(pixels, seen.face.mesh, self.tools.skin)
        self._faces.setdefault(seen.track.number, Followed()).note(time, seen.face.mesh, light)

    def mask(self, time: float, pixels: RGBImage) -> tuple[RGBImage, bool]:
        """Draws masks on a frame, and tells whether there is at least one."""
        there = [number for number, face in self._faces.items() if face.times[-1] >= time - REACH]
        present = {self._person(number): number for number in there if self._faces[number].is_seen(time)}
        if self.tools.settings.faces.choose == "largest" and present:
            self._lead = self._lead if self._lead in present else self._largest(present, time)
            present = {self._lead: present[self._lead]}
        if not present:
            return pixels, False
        stages = [self._stage(self._faces[number], time, pixels) for number in present.values()]
        seeds = [hash64(self.tools.settings.seed, f"{self.name} p{person}") >> 1 for person in present]
        triplet = wear_masks(stages, self.tools, seeds)
        if isinstance(triplet, Skip):
            return pixels, False
        for person, face in zip(present, triplet.faces, strict=True):
            if not face.mask.is_bare:
                self.worn[person] = face.mask.family
            else:  # drawn so, or its mask lies outside this frame
                self.worn.setdefault(person, face.mask.family)
        return triplet.masked, not triplet.is_bare

    def _largest(self, present: dict[int, int], time: float) -> int:
        return max(
            present, key=lambda person: float(np.ptp(self._faces[present[person]].mesh_at(time)[:, 0]))
        )

    def _stage(self, face: Followed, time: float, pixels: RGBImage) -> Stage:
        mesh = face.mesh_at(time)
        (x0, y0), (x1, y1) = mesh[:, :2].min(0), mesh[:, :2].max(0)
        box = (float(x0), float(y0), float(x1), float(y1))
        found = Face(box, mesh[:, :2].copy(), "mesh468", mesh, 1.0)
        inside = np.ones(pixels.shape[:2], np.uint8)
        fit = fit_head(mesh, self.tools.head)
        return Stage(pixels, inside, found, head_pose(mesh), fit, face.light_at(time), LENS_BLUR)

    def _person(self, number: int) -> int:
        """Assigns a track to a person when the track is first drawn; the assignment never changes afterwards."""
        if number not in self._persons:
            tracks: list[Track] = self._watcher.tracks
            groups = persons(tracks)
            fellows = [self._persons[other] for other in self._persons if groups[other] == groups[number]]
            self._persons[number] = fellows[0] if fellows else len(set(self._persons.values()))
        return self._persons[number]
