"""Settings of `unmask frames-from-video`: defaults, bounds, units, descriptions."""

import re
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from maskgen.command_settings import Command
from maskgen.section import OUTPUT, RUN, Option
from maskgen.settings import CropSide


def _seconds(value: object) -> object:
    """Converts M:SS and H:MM:SS to seconds: 90, 1:30 and 0:01:30 are the same."""
    if not isinstance(value, str) or ":" not in value:
        return value
    total = 0.0
    for part in value.split(":"):
        if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{0,9})?", part):
            raise ValueError("must be seconds, M:SS or H:MM:SS")
        total = total * 60 + float(part)
    return total


FRAMES, KEPT = "Frames", "What to keep"  # headings of `--help`
LONGEST = 1e7  # seconds, four months: more than any clip lasts
Seconds = Annotated[float, BeforeValidator(_seconds), Field(ge=0, le=LONGEST, allow_inf_nan=False)]
Rate = Annotated[
    float, Field(ge=0, le=1e6, allow_inf_nan=False)
]  # frames per second; cameras reach some 100,000
Step = Annotated[float, Field(ge=1e-6, le=LONGEST, allow_inf_nan=False)]
DROPS = {
    "duplicates": "a near-duplicate was kept before",
    "blur": "less sharp than the limit",
    "closed": "the eyes are closed",
    "cuts": "too near to a cut, where shots blend",
    "edge": "the face lies partly outside the frame",
    "faceless": "no face was found",
}
REASONS = {  # reasons for which a frame gives no photo: the names of `drop`, and those of other settings
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

    files: Annotated[
        tuple[str, ...], Option(flag="FILE...", required="name a video: frames-from-video raw.mp4")
    ] = ()
    """Video files, and folders that hold some."""
    fps: Annotated[Rate | None, Option("N", FRAMES, default="1")] = None
    """Frames per second, by time; 0: every frame. Unset: 1, or what `every` says."""
    every: Annotated[Step | None, Option("S", FRAMES)] = None
    """Seconds from one frame to the next, instead of `fps`."""
    start: Annotated[Seconds, Option("TIME", FRAMES)] = 0.0
    """Start, in seconds (or H:MM:SS) from a clip's first frame."""
    end: Annotated[Seconds | None, Option("TIME", FRAMES, default="the clip's end")] = None
    """End, in seconds (or H:MM:SS); frames at this time and later are left out."""
    max: Annotated[Annotated[int, Field(ge=1)] | None, Option("N", FRAMES, default="all")] = None
    """Number of photos of a clip after which reading it stops."""
    size: Annotated[CropSide, Option("PX", OUTPUT)] = 512
    """Side of the square face crops in pixels, 64 to 1024; 0: whole frames."""
    faces: Annotated[str, Field(pattern=r"^(largest|all|p[0-9]{1,9})$"), Option("largest|all|pN", KEPT)] = (
        "largest"
    )
    """Faces to take from a frame: `largest`, `all`, or one person by the name that an earlier run gave (`p0`)."""
    drop: Annotated[str, AfterValidator(_drops), Option("LIST", KEPT)] = ""
    """What to leave out: comma list of `duplicates`, `blur`, `closed` (eyes), `cuts`, `edge` (faces partly outside the
    frame), `faceless` (for whole frames)."""
    spread: Annotated[Annotated[int, Field(ge=1)] | None, Option("N", KEPT)] = None
    """Keep this many photos of each person of a clip, with head poses that differ as much as possible."""
    alike: Annotated[int, Field(ge=0, le=64)] = 2
    """Largest Hamming distance, in bits of 64, between perceptual hashes of duplicates."""
    min_sharpness: Annotated[float, Field(ge=0)] = 0.1
    """Sharpness below which a photo is dropped as `blur`; see the column of that name in frames.csv."""
    min_eyes: Annotated[float, Field(ge=0, le=1)] = 0.82
    """Eye opening below which eyes are `closed`, as a fraction of the face's usual opening in the seconds around."""
    cut_margin: Annotated[float, Field(ge=0, le=0.5)] = 0.2
    """Seconds around a cut that `cuts` drops."""
    audio: Annotated[bool, Option("", OUTPUT)] = False
    """Copy the audio track, from the first kept frame on."""
    audio_rate: Annotated[Annotated[int, Field(ge=4000, le=192_000)] | None, Option("HZ", OUTPUT)] = None
    """Write the audio track as WAV at this sample rate; unset: copy it as it is. Implies `audio`."""
    format: Annotated[Literal["jpg", "png"], Option("", OUTPUT)] = "jpg"
    """Encoding of the photos; `png` is lossless."""
    quality: Annotated[int, Field(ge=50, le=100)] = 95
    """JPEG quality."""
    out: Annotated[str, Option("DIR", OUTPUT, default="data/frames/NAME")] = ""
    """Target folder; empty: `data/frames/NAME`."""
    threads: Annotated[int, Field(ge=0, le=64), Option("N", RUN)] = 0
    """Decoder threads; 0: as many as the decoder chooses."""
    overwrite: Annotated[bool, Option("", RUN)] = False
    """Extract clips again that the target already holds."""

    @property
    def step(self) -> float:
        """Seconds from one frame to the next, 0.0 for every frame."""
        if self.every is not None:
            return self.every
        return 1.0 if self.fps is None else 1 / self.fps if self.fps else 0.0

    @property
    def dropped(self) -> frozenset[str]:
        """Names in `drop`."""
        return frozenset(name for part in self.drop.split(",") if (name := part.strip()))

    def conflicts(self) -> Iterator[str]:
        """Finds values that do not fit each other, which no single field can see.

        Yields:
            One message per conflict.
        """
        if self.fps is not None and self.every is not None:
            yield "fps (--fps) and every (--every): choose one"
        if self.end is not None and self.end <= self.start:
            yield f"end (--end): must lie after start (--start); got {self.end} and {self.start}"
