"""`unmask demo`: the whole way on the one photo that ships with us; no data, no network."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path

import cv2
import numpy as np

from maskgen import imageio
from maskgen.assets import asset
from maskgen.errors import UnmaskError
from maskgen.files import make_folder, write_atomic
from maskgen.pipeline import generate
from maskgen.preview import contact_sheet
from maskgen.report import Facts, write_report
from maskgen.samples import Labels, open_data_set, worn
from maskgen.settings import (
    CropSettings,
    FaceSettings,
    GenSettings,
    MaskSettings,
    RunSettings,
    SourceSettings,
)
from maskgen.templates import family_names
from maskgen.types import Picture
from maskgen.verify import verify

PHOTO = "demo/astronaut.jpg"
SHOWN = 4  # samples of a family on the sheet and the page
A_FAMILY = 8  # samples at least that chance should give each family
QUALITY = 95
HEAD = (226.0, 116.0)  # pixels of the built-in photo: the middle of the face
HEAD_RADII = (66.0, 84.0)
HEAD_DEPTH = 58.0  # how far the nose is before the plane of the ears


@dataclass(frozen=True)
class DemoReport:
    """Where to look, and what was made."""

    out: Path
    data: Path
    sheet: Path
    page: Path
    photos: int
    samples: int
    families: int
    verified: bool
    seconds: float

    def __str__(self) -> str:
        made = f"{self.samples} samples of {self.families} mask families from {self.photos} photos"
        return (
            f"{made} in {self.seconds:.1f} s, every byte verified\n"
            f"look at   {self.page}\n          {self.sheet}\ndata set  {self.data}"
        )


def run_demo(out: Path, *, seed: int = 0) -> DemoReport:
    """Make a small data set of the built-in photo, verify it, and draw a sheet and a report.

    Args:
        out: gets `photos/`, `shards/`, `sheet.png`, `report.html`; a data set of an older demo there is replaced.
        seed: of masks and their fit.

    Raises:
        UnmaskError: what was made does not verify, or `out` takes no file.
        MissingError: no room on the disk, or a part of unmask is missing.
    """
    began = time.monotonic()
    photos = write_photos(out / "photos")
    families = family_names()
    settings = demo_settings(out, families, photos, seed)
    made = generate(settings)
    checked = verify(out / "shards")
    if not checked.ok:
        raise UnmaskError(
            f"{out / 'shards'}: does not verify: {checked.problems[0]}. This is our mistake, please report it"
        )
    data = open_data_set(out / "shards")
    labels = data.labels(made.triplets)
    by_key = {sample.key: sample for sample in data.samples()}
    samples = [by_key[key] for key in choose(labels)]
    sheet = contact_sheet("unmask demo: one photo, every mask", samples, [])
    write_atomic(out / "sheet.png", imageio.encode_lossless(sheet, "png"))
    seconds = time.monotonic() - began
    write_report(out / "report.html", data, labels, samples, Facts(made, checked, settings, seconds))
    return DemoReport(
        out, out / "shards", out / "sheet.png", out / "report.html", len(photos), made.triplets,
        len({worn(label)["family"] for label in labels.values()}), checked.ok, round(seconds, 3),
    )  # fmt: skip


def demo_settings(out: Path, families: Sequence[str], photos: list[Path], seed: int) -> GenSettings:
    """Every family as often as any other, so many masks a photo that each is seen; one person, so one split."""
    return GenSettings(
        source=SourceSettings(src=str(out / "photos"), val=0, test=0),
        faces=FaceSettings(cache="off"),
        crop=CropSettings(size=256),
        masks=MaskSettings(
            masks=",".join(families), per_face=max(3, ceil(A_FAMILY * len(families) / len(photos)))
        ),
        run=RunSettings(out=str(out / "shards"), overwrite=True),
        seed=seed,
    )


def choose(labels: Mapping[str, Labels]) -> list[str]:
    """Keys of the samples to show: some of each family, sorted by it, each on another photo where that can be."""
    shown: list[str] = []
    for family in sorted({worn(label)["family"] for label in labels.values()}):
        keys = [key for key, label in labels.items() if worn(label)["family"] == family]
        first = {labels[key]["source"]: key for key in reversed(keys)}
        shown += [*first.values(), *(key for key in keys if key not in first.values())][:SHOWN]
    return shown


def write_photos(folder: Path) -> list[Path]:
    """The built-in photo, taken a dozen ways: mirrored, tilted, turned, near and far, in other light."""
    photo = imageio.decode(asset(PHOTO).read_bytes(), max_pixels=1 << 20, background=255)
    assert isinstance(photo, np.ndarray), photo
    make_folder(folder)
    paths = []
    for name, change in LOOKS.items():
        paths.append(folder / f"{name}.jpg")
        write_atomic(paths[-1], imageio.encode_jpeg(change(photo), QUALITY))
    return paths


def _moved(photo: Picture, *, angle: float = 0.0, scale: float = 1.0) -> Picture:
    """The photo rotated by `angle` degrees (+ is clockwise) and scaled about the face."""
    matrix = cv2.getRotationMatrix2D(HEAD, -angle, scale)
    size = (photo.shape[1], photo.shape[0])
    return cv2.warpAffine(photo, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)


def _turned(photo: Picture, *, yaw: float = 0.0, pitch: float = 0.0) -> Picture:
    """The head turned by some degrees, signs as in `types.Pose`: pixels move by their depth on a rounded head."""
    y, x = np.indices(photo.shape[:2], np.float32)
    rho = ((x - HEAD[0]) / HEAD_RADII[0]) ** 2 + ((y - HEAD[1]) / HEAD_RADII[1]) ** 2
    depth = HEAD_DEPTH * np.maximum(1 - rho, 0)
    across, down = depth * np.float32(np.sin(np.radians(yaw))), depth * np.float32(-np.sin(np.radians(pitch)))
    return cv2.remap(photo, x - across, y - down, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)


def _lit(
    photo: Picture, *, gain: tuple[float, float, float], gamma: float = 1.0, side: float = 0.0
) -> Picture:
    """The photo with other light: a gain for each channel, a gamma, and a lamp from the side (share, + is right)."""
    ramp = 1 + side * np.linspace(-1, 1, photo.shape[1])[None, :, None]
    light = (photo / 255.0) ** gamma * np.array(gain) * ramp
    return (np.clip(light, 0, 1) * 255).round().astype(np.uint8)


def _grey(photo: Picture) -> Picture:
    return cv2.cvtColor(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)


def _grain(photo: Picture) -> Picture:
    noise = np.random.default_rng(0).normal(0, 14, photo.shape)
    return np.clip(photo + noise, 0, 255).astype(np.uint8)


def _mirror(photo: Picture) -> Picture:
    return np.ascontiguousarray(photo[:, ::-1])


LOOKS: dict[str, Callable[[Picture], Picture]] = {
    "as-taken": lambda photo: photo,
    "mirrored": _mirror,
    "tilted-left": lambda photo: _moved(photo, angle=-18.0),
    "tilted-right": lambda photo: _moved(_mirror(photo), angle=15.0, scale=1.1),
    "turned-left": lambda photo: _turned(photo, yaw=-24.0),
    "turned-right": lambda photo: _turned(photo, yaw=24.0),
    "up": lambda photo: _turned(photo, yaw=-14.0, pitch=14.0),
    "down": lambda photo: _turned(photo, yaw=14.0, pitch=-14.0),
    "near": lambda photo: _moved(photo, scale=1.7),
    "far": lambda photo: cv2.resize(photo, (320, 320), interpolation=cv2.INTER_AREA),
    "dusk": lambda photo: _lit(photo, gain=(0.52, 0.58, 0.78), gamma=1.15),
    "lamp": lambda photo: _lit(photo, gain=(1.08, 0.95, 0.72), gamma=1.3, side=0.75),
    "grey": lambda photo: _grey(_lit(_mirror(photo), gain=(1.1, 1.1, 1.1), gamma=1.25, side=-0.4)),
    "grain": lambda photo: _grain(_moved(photo, angle=6.0)),
}
