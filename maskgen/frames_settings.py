"""Settings of `unmask frames-from-video`: default, bound, unit, meaning."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from maskgen.settings import Command, CropSide


def _seconds(value: object) -> object:
    """90, 1:30 and 0:01:30.5 mean the same."""
    if not isinstance(value, str) or ":" not in value:
        return value
    total = 0.0
    for part in value.split(":"):
        if not part.replace(".", "", 1).isdigit():
            raise ValueError("must be seconds, M:SS or H:MM:SS")
        total = total * 60 + float(part)
    return total


Seconds = Annotated[float, BeforeValidator(_seconds), Field(ge=0)]
DROPS = {
    "duplicates": "nearly the same picture was kept before",
    "blur": "less sharp than the limit",
    "closed": "the eyes are closed",
    "cuts": "too near to a cut, where shots blend",
    "edge": "the face lies partly outside the frame",
    "faceless": "no face was found",
}
REASONS = {  # why a frame gave no photo; what `drop` names, and what follows from other settings
    **DROPS,
    "no_face": "no face was found",
    "other_face": "another person than --faces asks for",
    "spread": "other poses were chosen",
}


def _drops(value: str) -> str:
    unknown = [name for part in value.split(",") if (name := part.strip()) and name not in DROPS]
    if unknown:
        raise ValueError(f"must be a comma list of {', '.join(DROPS)}")
    return value


class FramesSettings(Command):
    """Settings of `unmask frames-from-video`."""

    files: tuple[str, ...] = ()
    """Video files, and folders that hold some."""
    fps: Annotated[float, Field(ge=0)] | None = None
    """Frames a second, by time; 0 is every frame. None means 1, or what `every` says."""
    every: Annotated[float, Field(gt=0)] | None = None
    """Seconds from one frame to the next, in place of `fps`."""
    start: Seconds = 0.0
    """Where to begin, in seconds (or H:MM:SS) from a clip's first frame."""
    end: Seconds | None = None
    """Where to end, before that time; none is the clip's end."""
    max: Annotated[int, Field(ge=1)] | None = None
    """Photos of a clip after which it is left; none is all."""
    size: CropSide = 512
    """Side of the square face crops in pixels, 64 to 1024; 0 gives whole frames."""
    faces: Annotated[str, Field(pattern=r"^(largest|all|p\d+)$")] = "largest"
    """Faces to take of a frame: `largest`, `all`, or those of one person by the name an earlier run gave, as `p0`."""
    drop: Annotated[str, AfterValidator(_drops)] = ""
    """What to leave out: comma list of `duplicates`, `blur`, `closed` (eyes), `cuts`, `edge` (faces partly outside the
    frame), `faceless` (for whole frames)."""
    spread: Annotated[int, Field(ge=1)] | None = None
    """Of each person of a clip, keep this many photos, of poses that differ as much as can be."""
    alike: Annotated[int, Field(ge=0, le=64)] = 2
    """Bits of 64 by which the perceptual hashes of duplicates differ at most."""
    min_sharpness: Annotated[float, Field(ge=0)] = 0.1
    """Sharpness under which a photo is dropped as `blur`; see the column of that name in frames.csv."""
    min_eyes: Annotated[float, Field(ge=0, le=1)] = 0.82
    """Opening of the eyes, as a share of what is usual for the face in the seconds around, under which they are
    `closed`."""
    cut_margin: Annotated[float, Field(ge=0, le=0.5)] = 0.2
    """Seconds around a cut that `cuts` drops."""
    audio: bool = False
    """Copy the sound, from the first kept frame on."""
    audio_rate: Annotated[int, Field(ge=4000, le=192_000)] | None = None
    """Write the sound as WAV of so many samples a second; none copies it as it is. Implies `audio`."""
    format: Literal["jpg", "png"] = "jpg"
    """Encoding of the photos."""
    quality: Annotated[int, Field(ge=50, le=100)] = 95
    """JPEG quality."""
    out: str = ""
    """Target folder; empty is `data/frames/NAME`."""
    threads: Annotated[int, Field(ge=0, le=64)] = 0
    """Threads that decode; 0 is as many as the decoder sees fit."""
    overwrite: bool = False
    """Take clips anew that the target holds."""

    @property
    def step(self) -> float:
        """Seconds from one frame to the next, 0.0 for every frame."""
        if self.every is not None:
            return self.every
        return 1.0 if self.fps is None else 1 / self.fps if self.fps else 0.0

    @property
    def dropped(self) -> frozenset[str]:
        """The names in `drop`."""
        return frozenset(name for part in self.drop.split(",") if (name := part.strip()))

    def conflicts(self) -> Iterator[str]:
        """Yield what no single field can see."""
        if self.fps is not None and self.every is not None:
            yield "fps (--fps) and every (--every): choose one"
        if self.end is not None and self.end <= self.start:
            yield f"end (--end): must lie after start (--start); got {self.end} and {self.start}"
