"""`unmask demo`: the whole pipeline on the built-in photo; needs no data and no network access."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path

from maskgen.api import mask_photo
from maskgen.dataset.reader import Labels, open_data_set, worn
from maskgen.dataset.verify import verify
from maskgen.demo.photo import LOOKS, sample_photo
from maskgen.demo.report import DemoFacts, write_report
from maskgen.errors import Skip, UnmaskError
from maskgen.files import make_folder, write_atomic
from maskgen.generation.pipeline import generate
from maskgen.images import codecs
from maskgen.masks.library import built_in
from maskgen.reports.preview import contact_sheet
from maskgen.settings import (
    CropSettings,
    FaceSettings,
    GenSettings,
    MaskSettings,
    RunSettings,
    SourceSettings,
)
from maskgen.types import RGBImage

TakeOff = Callable[[RGBImage, RGBImage], bytes]  # (masked crop, original crop) -> PNG of the restoration
SHOWN = 4  # samples per family on the sheet and the page
A_FAMILY = 8  # expected number of samples per family, at least
QUALITY = 95  # JPEG quality
SHOWN_MASK, SHOWN_SIDE = (
    "surgical-#a9cfe4",
    256,
)  # mask on the face that is restored; side of its crop in pixels
NO_WEIGHTS = "this version brings no weights that take the mask off again; unmask train makes some"


@dataclass(frozen=True)
class DemoReport:
    """Paths and figures of the demo. `restored`: image of a face with its mask taken off; None without weights."""

    out: Path
    data: Path
    sheet: Path
    page: Path
    restored: Path | None
    photos: int
    samples: int
    families: int
    verified: bool
    seconds: float

    def __str__(self) -> str:
        made = f"{self.samples} samples of {self.families} mask families from {self.photos} photos"
        return (
            f"{made} in {self.seconds:.1f} s, every byte verified\n"
            f"look at   {self.page}\n          {self.sheet}\ndata set  {self.data}\n"
            f"restored  {self.restored or NO_WEIGHTS}"
        )


def run_demo(out: Path, *, seed: int = 0, take_off: TakeOff | None = None) -> DemoReport:
    """Makes a small data set of the built-in photo, verifies it, restores a face, and draws a sheet and a report.

    Args:
        out: folder for `photos/`, `shards/`, `sheet.png`, `restored.png` and `report.html`; the results of an older
            demo there are replaced.
        seed: seed of the masks and their fit.
        take_off: draws the restoration of a masked face; None if there are no networks.

    Raises:
        UnmaskError: the data set does not verify, or `out` cannot be written to.
        MissingError: the disk is full, or a part of unmask is missing.
    """
    began = time.monotonic()
    photos = write_photos(out / "photos")
    families = built_in().families
    settings = demo_settings(out, families, photos, seed)
    made = generate(settings)
    checked = verify(out / "shards")
    if not checked.ok:
        raise UnmaskError(
            f"{out / 'shards'}: does not verify: {checked.problems[0]}. This is a bug in unmask, please report it"
        )
    data = open_data_set(out / "shards")
    labels = data.labels(made.triplets)
    by_key = {sample.key: sample for sample in data.samples()}
    samples = [by_key[key] for key in choose(labels)]
    sheet = contact_sheet("unmask demo: one photo, every mask", samples, [])
    write_atomic(out / "sheet.png", codecs.encode_lossless(sheet, "png"))
    restored = out / "restored.png"
    restored.unlink(missing_ok=True)  # from an older demo
    picture = show_restored(take_off) if take_off else b""
    if picture:
        write_atomic(restored, picture)
    seconds = time.monotonic() - began
    write_report(
        out / "report.html", data, labels, samples, DemoFacts(made, checked, settings, seconds), picture
    )
    return DemoReport(
        out, out / "shards", out / "sheet.png", out / "report.html", restored if picture else None, len(photos),
        made.triplets, len({worn(label)["family"] for label in labels.values()}), checked.ok, round(seconds, 3),
    )  # fmt: skip


def show_restored(take_off: TakeOff) -> bytes:
    """Puts a mask on the face of the built-in photo and returns a PNG of its restoration."""
    triplet = mask_photo(sample_photo(), SHOWN_MASK, size=SHOWN_SIDE)
    assert not isinstance(triplet, Skip), triplet
    return take_off(triplet.masked, triplet.gt)


def demo_settings(out: Path, families: Sequence[str], photos: list[Path], seed: int) -> GenSettings:
    """Returns settings with all families equally often, enough masks to show each, and a single split."""
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
    """Chooses the keys of the samples to show: some per family, sorted by family, on different photos if possible."""
    shown: list[str] = []
    for family in sorted({worn(label)["family"] for label in labels.values()}):
        keys = [key for key, label in labels.items() if worn(label)["family"] == family]
        first = {labels[key]["source"]: key for key in reversed(keys)}
        shown += [*first.values(), *(key for key in keys if key not in first.values())][:SHOWN]
    return shown


def write_photos(folder: Path) -> list[Path]:
    """Writes the built-in photo in a dozen variants: mirrored, tilted, turned, near and far, in other light."""
    photo = sample_photo()
    make_folder(folder)
    paths = []
    for name, change in LOOKS.items():
        paths.append(folder / f"{name}.jpg")
        write_atomic(paths[-1], codecs.encode_jpeg(change(photo), QUALITY))
    return paths
