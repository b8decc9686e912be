"""Restoration of a clip: crops, maps and results are smoothed over time; frame times and sound are kept.

The first of two passes tracks the faces, the second restores. In the second, a frame waits until the frames shortly
after it are segmented: its map is the weighted mean of those around it, so that a mask put on or taken off shows
without delay.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path as File

import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from maskgen.files import disk_errors, remove, whole
from maskgen.progress import OnProgress, Progress
from maskgen.types import RGBImage
from maskgen.video import Moment, even, open_clip
from unmasknet.restore.face_tracks import Path, follow
from unmasknet.restore.face_window import FaceWindow, windows_of
from unmasknet.restore.faces import FindFaces
from unmasknet.restore.map_cleanup import clean_map
from unmasknet.restore.photo import FoundMask, crops_of, imagine, lay, mask_of, outline, painted
from unmasknet.restore.provenance import note_of
from unmasknet.restore.reference.clip_painter import ClipPainter
from unmasknet.restore.runtimes.base import Networks

# Seconds around a frame from which maps are averaged, and sigma of their Gaussian weights.
REACH, SPREAD = 0.15, 0.06
SETTLE = 0.12  # seconds; time constant with which the result follows the generator's image
FORGET = 0.3  # seconds without a mask after which the last result is no longer used

Hidden = Float32[ndarray, "side side"]


@dataclass(frozen=True)
class RestoredClip:
    """Counts of a restored clip. `frames`: all; `changed`: with a mask; `faces`: the most in one frame.

    `tone_mapped`: "PQ" or "HLG" for a clip in HDR, else "".
    """

    frames: int
    changed: int
    faces: int
    tone_mapped: str = ""


@dataclass
class TrackedFace:
    """State of a tracked face: recent segmenter outputs and the last result, both in the frame of its crop."""

    times: deque[float] = field(default_factory=deque)
    maps: deque[Hidden] = field(default_factory=deque)
    made: Float32[ndarray, "size size 3"] | None = None
    made_at: float = -np.inf

    def note(self, time: float, hidden: Hidden) -> None:
        """Stores the segmenter's output for a frame, and drops those that no frame needs any more."""
        self.times.append(time)
        self.maps.append(hidden)
        while self.times[0] < time - 3 * REACH:
            self.times.popleft()
            self.maps.popleft()

    def hidden_at(self, time: float) -> Hidden:
        """Averages the probabilities of the frames around a time, with Gaussian weights."""
        since = np.array(self.times) - time
        weights = np.where(np.abs(since) <= REACH, np.exp(-0.5 * (since / SPREAD) ** 2), 0.0)
        return np.average(np.stack(self.maps), axis=0, weights=weights).astype(np.float32)

    def settled(self, time: float, made: Float32[ndarray, "size size 3"]) -> Float32[ndarray, "size size 3"]:
        """Moves the last result towards the generator's image `made`, and returns the result to show."""
        gap = time - self.made_at
        if self.made is not None and gap <= FORGET:
            made = self.made + (made - self.made) * np.float32(1 - np.exp(-gap / SETTLE))
        self.made, self.made_at = made, time
        return made


class SequenceRestorer:
    """Restorer of consecutive frames. The caller tracks the faces and gives their windows.

    Args:
        networks: segmenter and generator.
        painter: paints a face from references; None leaves all to the generator.
    """

    def __init__(self, networks: Networks, painter: ClipPainter | None = None) -> None:
        self._networks, self._painter = networks, painter
        self._faces: dict[int, TrackedFace] = {}

    def look(self, time: float, pixels: RGBImage, windows: dict[int, FaceWindow]) -> None:
        """Segments the faces of a frame. `windows`: by the number of the face."""
        side = self._networks.segmenter_side
        assert side is not None, "needs a segmenter"
        if not windows:
            return
        crops = crops_of(pixels, windows.values(), side)
        for number, hidden in zip(windows, self._networks.hidden(crops), strict=True):
            self._faces.setdefault(number, TrackedFace()).note(time, hidden)

    def forget(self, time: float) -> None:
        """Drops the faces that were last segmented more than `FORGET` seconds ago."""
        self._faces = {n: face for n, face in self._faces.items() if time - face.times[-1] <= FORGET}

    def restore(
        self, time: float, pixels: RGBImage, windows: dict[int, FaceWindow]
    ) -> tuple[RGBImage, list[FoundMask]]:
        """Restores a frame and returns it with its masks; returns the frame itself if there is no mask."""
        masks: dict[int, FoundMask] = {}
        for number, window in windows.items():
            map = clean_map(self._faces[number].hidden_at(time), self._networks.cleaning)
            if map.any() and (mask := mask_of(window, outline(window, map))).worn:
                masks[number] = mask
        if not masks:
            return pixels, []
        worn = [*masks.values()]
        map = painted(pixels.shape[:2], worn, lambda mask: mask.map)
        made = imagine(pixels, map, [mask.window for mask in worn], self._networks)
        shown = [
            mask.window.laid_back(self._faces[number].settled(time, one))
            for (number, mask), one in zip(masks.items(), made, strict=True)
        ]
        if self._painter:
            shown = self._painter.repaint(time, pixels, masks, shown)
        return lay(pixels, worn, shown), worn


def restore_clip(
    source: File,
    target: File,
    networks: Networks,
    find_faces: FindFaces,
    on_progress: OnProgress,
    painter: ClipPainter | None = None,
) -> RestoredClip:
    """Restores a clip; writes nothing if no frame shows a mask.

    Args:
        source: the clip.
        target: the video to write, atomically.
        networks: segmenter and generator.
        find_faces: the face detector.
        on_progress: called after every frame of both passes.
        painter: paints a face from references.

    Raises:
        InputError: the clip cannot be read, its sound cannot be copied, or the references show another person.
    """
    from maskgen.video.writer import ClipWriter, container_of

    clip = open_clip(source, colours="own")
    try:
        paths = follow(clip, find_faces, lambda first: on_progress(replace(first, total=2 * first.total)))
    finally:
        clip.close()
    if not paths.paths:
        return RestoredClip(0, 0, paths.most)
    count = changed = 0
    clip, restorer = open_clip(source, colours="own"), SequenceRestorer(networks, painter)
    try:
        with whole(target) as part:
            with (
                disk_errors(target.parent, target.name),
                ClipWriter(source, part, container_of(target), note_of(painter is not None)) as writer,
            ):
                for moment, pixels, windows in _segmented(clip.moments(), paths.paths, restorer):
                    shown, masks = restorer.restore(moment.time, pixels, windows)
                    writer.write(moment, shown)
                    count, changed = count + 1, changed + bool(masks)
                    on_progress(Progress(clip.duration + moment.time - clip.begin, 2 * clip.duration))
            if not changed:
                remove(part)
    finally:
        clip.close()
    return RestoredClip(count, changed, paths.most, clip.tone_mapped)


def _segmented(
    moments: Iterator[Moment], paths: tuple[Path, ...], restorer: SequenceRestorer
) -> Iterator[tuple[Moment, RGBImage, dict[int, FaceWindow]]]:
    """Yields each frame and the windows of its faces, once the frames shortly after it are segmented."""
    waiting: deque[tuple[Moment, RGBImage, dict[int, FaceWindow]]] = deque()
    for moment in moments:
        pixels = even(moment.pixels())
        places = {n: path.place_at(moment.time) for n, path in enumerate(paths) if path.is_there(moment.time)}
        present = windows_of(places, *pixels.shape[:2])
        while waiting and waiting[0][0].time < moment.time - REACH:
            yield waiting.popleft()  # before `look`: after a long gap it drops the maps that these frames need
        restorer.look(moment.time, pixels, present)
        waiting.append((moment, pixels, present))
    yield from waiting
