"""`unmask export`."""

from typing import TYPE_CHECKING

from maskgen.cli.options import Output
from maskgen.errors import Skip
from maskgen.extras import require
from unmasknet.export.settings import ExportSettings

if TYPE_CHECKING:
    from maskgen.types import RGBImage
    from unmasknet.export.export import ExportReport

# Variants of the built-in photo, and their masks, on which an exported file is checked.
CHECKED_LOOKS = (("as-taken", "surgical"), ("mirrored", "n95"), ("near", "cloth"), ("dusk", "kn95"))


def export(settings: ExportSettings) -> Output:
    """Write networks as one file that runs without unmask, and check that it gives the same pixels.

    Example: [bold]unmask export --weights data/runs/segm --weights data/runs/gan --out unmask.onnx[/bold]
    """
    require("this command", "train", "torch")
    from unmasknet.export.export import export as write

    report = write(settings, masked_crops)
    return Output(report, report_text(report))


def masked_crops(side: int) -> "list[RGBImage]":
    """Masks several variants of the built-in photo and crops the faces as training would, `side` pixels wide."""
    from maskgen.api import mask_photo
    from maskgen.demo.photo import LOOKS, sample_photo

    photo = sample_photo()
    made = [mask_photo(LOOKS[look](photo), masks, size=max(side, 64)) for look, masks in CHECKED_LOOKS]
    return [triplet.masked for triplet in made if not isinstance(triplet, Skip)]


def report_text(report: "ExportReport") -> str:
    """Summarises the exported file, and its difference from torch."""
    return (
        f"{report.out}: {report.bytes / 1e6:.1f} MB, {report.format}, outputs {', '.join(report.outputs)}\n"
        f"largest difference from torch on {report.checked} images: {report.difference:.4f} grey levels of 255; "
        f"{report.flipped:.3%} of the map's pixels"
    )
