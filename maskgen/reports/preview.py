"""`unmask preview`: a contact sheet of a data set, and an HTML page to compare, filter and enlarge its samples."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from maskgen.dataset.reader import DataSet, Encoded, Labels, Skipped, mask_name, open_data_set, posed, worn
from maskgen.dataset.skipped_thumbnails import read_thumb
from maskgen.files import make_folder, write_atomic
from maskgen.images import contact_sheet as sheet
from maskgen.images.codecs import encode_lossless
from maskgen.reports import html as page
from maskgen.reports import sample_cards
from maskgen.seeds import hash64

SCAN = 20_000  # largest number of samples whose labels are read for the charts
SKIPS = 24  # largest number of skipped photos that are shown

HOW_TO_LOOK = (
    "Move the pointer over an image to draw the mask aside; a click opens it, arrow keys work too. "
    "The ball shows the head pose."
)

Shown = list[tuple[Skipped, sheet.AnyPicture | None]]


@dataclass(frozen=True)
class PreviewReport:
    """Paths of the two files, number of samples and of shown samples, and skipped photos by reason."""

    sheet: Path
    page: Path
    samples: int
    shown: int
    skipped: dict[str, int]


def preview(folder: str | Path, *, n: int = 36, out: str | Path | None = None) -> PreviewReport:
    """Writes `preview.png` and `preview.html` of a data set.

    Args:
        folder: the data set; shards without a record are ignored.
        n: number of samples to show: the first of each family and wear, then others in a hash order of their keys.
        out: folder for the two files; None: the data set's own folder.

    Returns:
        Paths and counts.

    Raises:
        InputError: `folder` holds no finished shard, or one that cannot be read.
        MissingError: the disk is full.
        UnmaskError: `out` cannot be written to.
    """
    folder, out = Path(folder), Path(folder if out is None else out)
    data = open_data_set(folder)
    facts = data.labels(SCAN)
    chosen = pick(facts, n)
    by_key = {sample.key: sample for sample in data.samples(set(chosen))}
    samples = [by_key[key] for key in chosen]
    skips = [(skip, read_thumb(folder, skip.id)) for skip in spread(data.skips(), SKIPS)]
    make_folder(out)
    report = PreviewReport(
        out / "preview.png", out / "preview.html", data.count, len(samples), dict(data.skipped)
    )
    title = f"{data.name}: {len(samples):,} of {data.count:,} samples"
    write_atomic(report.sheet, encode_lossless(contact_sheet(title, samples, skips), "png"))
    write_atomic(report.page, html_page(data, facts, samples, skips).encode("utf-8"))
    return report


def pick(facts: dict[str, Labels], n: int) -> list[str]:
    """Chooses the keys of `n` samples to show: in their order, but the first of each family and of each wear first."""
    shown: set[str] = set()
    first: list[str] = []
    rest: list[str] = []
    for key, labels in facts.items():
        mask = worn(labels)
        new = {str(mask["family"]), "worn " + str(mask.get("wear", ""))} - shown
        shown |= new
        (first if new else rest).append(key)
    return [*first, *rest][:n]


def spread(skips: Iterable[Skipped], n: int) -> list[Skipped]:
    """Chooses at most `n` skipped photos, in turn from each reason, so that rare reasons are shown too."""
    by_reason: dict[str, list[Skipped]] = {}
    for skip in sorted(skips, key=lambda skip: hash64("preview", skip.id)):
        by_reason.setdefault(skip.reason, []).append(skip)
    turns = max((len(group) for group in by_reason.values()), default=0)
    return [group[turn] for turn in range(turns) for group in by_reason.values() if turn < len(group)][:n]


def contact_sheet(title: str, samples: Sequence[Encoded], skips: Shown) -> sheet.AnyPicture:
    """Draws photo, masked image and map of each sample side by side; below them skipped photos with the reason."""
    tiles = tuple(_tile(sample) for sample in samples)
    blank = np.full((8, 8, 3), 210, np.uint8)
    failed = tuple(
        sheet.Tile(
            (blank if pixels is None else pixels,),
            (skip.reason.replace("_", " "), *_named(skip.id)),
        )
        for skip, pixels in skips
    )
    blocks = [sheet.Block("", tiles), sheet.Block("Skipped photos", failed, side=118)]
    return sheet.draw_sheet(title, "photo, masked, map (mask blue, strap yellow, shadow grey)", blocks)


def _tile(sample: Encoded) -> sheet.Tile:
    pixels, mask, labels = sample.decode(), worn(sample.labels), sample.labels
    yaw, pitch, _ = posed(labels)
    what = ", ".join(filter(None, (mask_name(mask), str(mask.get("wear", "")))))
    where = f"yaw {round(yaw)}, pitch {round(pitch)}, hole {float(labels['hole']):.0%}, {labels['split']}"
    return sheet.Tile(
        (pixels["gt"], pixels["masked"], sheet.paint_parts(pixels["parts"])), (what, where, labels["source"])
    )


def _named(photo: str) -> list[str]:
    """Splits a photo's id into folder and name, one per line: many people's folders have an `img005.jpg`."""
    return [part for part in photo.rpartition("/")[::2] if part]


def html_page(data: DataSet, facts: dict[str, Labels], samples: Sequence[Encoded], skips: Shown) -> str:
    """Builds the complete page of a data set."""
    name = data.name
    scope = (
        ""
        if len(facts) >= data.count
        else f" Charts and figures are of {len(facts):,} samples from shards drawn by a hash."
    )
    text = f"Photos and the same photos with a mask drawn over them.{scope}"
    body = [
        page.masthead(name, text, _numbers(data, facts)),
        "<h2>What is in it</h2>",
        sample_cards.charts(facts.values()),
        f"<h2>{len(samples):,} samples</h2>",
        f'<p class="faint">At least one of each family and wear; the others are drawn by a hash. {HOW_TO_LOOK}</p>',
        sample_cards.legend(),
        sample_cards.filters(samples),
        sample_cards.cards(samples),
        sample_cards.skips(data.skipped, skips),
        sample_cards.closer_look(),
        '<footer class="end">The masks are synthetic. This page is one file and makes no network requests.</footer>',
    ]
    return page.document(f"{name} - unmask preview", "\n".join(body))


def _numbers(data: DataSet, facts: dict[str, Labels]) -> dict[str, str]:
    identities = {labels["identity"] for labels in facts.values()} - {""}
    people = {"identities": f"{len(identities):,}"} if identities else {}
    return {
        "samples": f"{data.count:,}",
        "photos": f"{len({labels['source'] for labels in facts.values()}):,}",
        **people,
        "shards": f"{len(data.records):,}",
        "skipped photos": f"{sum(data.skipped.values()):,}",
    }
