"""The demo's `report.html`: what was made, whether it verifies, all of it to look at, and what to do next."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from maskgen.dataset.reader import DataSet, Encoded, Labels, worn
from maskgen.dataset.verify import VerifyReport
from maskgen.files import write_atomic
from maskgen.generation.pipeline import GenReport
from maskgen.reports import html, sample_cards
from maskgen.reports.preview import HOW_TO_LOOK
from maskgen.settings import GenSettings

NEXT = (
    ("your own photos, a folder, zip or tar", "unmask gen-data --src photos/ --out data/shards/mine"),
    ("look at them", "unmask preview data/shards/mine"),
    ("check every byte", "unmask verify data/shards/mine"),
    ("take masks off photos", "unmask run photo.jpg --out unmasked"),
    ("plain files for other tools", "unmask unpack data/shards/mine --layout folders --to plain/"),
    ("which masks there are", "unmask masks list"),
)

INTRO = (
    "One photo, taken a dozen ways, wearing every kind of mask there is: "
    "what unmask gen-data does to photos of your own."
)
INVENTED = (
    "With the mask, the map of it that the segmenter finds, restored by the generator, and as it was. "
    "What a mask covers is invented: a mouth that fits, not hers."
)
CREDIT = (
    "Photo: Eileen Collins, NASA, public domain; NASA endorses nothing here. The masks are synthetic. "
    "This page is one file and asks nothing of the network."
)


@dataclass(frozen=True)
class DemoFacts:
    """What the demo did. `seconds` are those of the whole demo."""

    made: GenReport
    checked: VerifyReport
    settings: GenSettings
    seconds: float


def write_report(
    path: Path,
    data: DataSet,
    labels: Mapping[str, Labels],
    samples: Sequence[Encoded],
    facts: DemoFacts,
    restored: bytes = b"",
) -> None:
    """Writes the report, whole or not at all.

    Args:
        path: the HTML file.
        data, labels: the data set and the labels of all its samples.
        samples: those to show.
        facts: what was done.
        restored: PNG of a face whose mask was taken off again; empty where there is none.

    Raises:
        MissingError: the disk has no room. UnmaskError: the folder takes no file.
    """
    made = facts.made
    families = {worn(label)["family"] for label in labels.values()}
    numbers = {
        "photos": f"{made.photos:,}",
        "samples": f"{made.triplets:,}",
        "mask families": f"{len(families):,}",
        "verified": "yes" if facts.checked.ok else "no",
        "seconds in all": f"{facts.seconds:.1f}",
    }
    body = [
        html.masthead("unmask demo", INTRO, numbers),
        _restored(restored) if restored else "",
        f'<h2>{len(samples):,} of the samples</h2><p class="faint">{HOW_TO_LOOK}</p>{sample_cards.legend()}',
        sample_cards.filters(samples),
        sample_cards.cards(samples),
        "<h2>What is in it</h2>",
        sample_cards.charts(labels.values()),
        sample_cards.skips(data.skipped, []) if data.skipped else "",
        "<h2>How it was made</h2>",
        html.table(("step", "result"), _steps(facts)),
        f"<h2>What to do next</h2>{_next()}",
        sample_cards.closer_look(),
        f'<footer class="end">{CREDIT}</footer>',
    ]
    write_atomic(path, html.document("unmask demo", "\n".join(body)).encode("utf-8"))


def _restored(picture: bytes) -> str:
    return (
        f'<h2>A mask put on, and taken off again</h2><p class="faint">{INVENTED}</p><p><img class="strip" '
        f'alt="masked, map, restored, as it was" src="{html.data_uri(picture, "png")}"></p>'
    )


def _steps(facts: DemoFacts) -> list[tuple[str, str]]:
    made, checked, settings = facts.made, facts.checked, facts.settings
    seconds = max(made.seconds, 1e-3)
    state = "every byte as recorded" if checked.ok else f"{len(checked.problems)} problems"
    return [
        (
            "photos",
            f"{made.photos} pictures of the built-in photo: mirrored, tilted, near and far, in other light",
        ),
        ("masks", f"{settings.masks.per_face} a photo, of {settings.masks.masks.replace(',', ', ')}"),
        (
            "gen-data",
            f"{made.triplets} samples at {settings.crop.size} px, shards: {made.shards}, seed: {settings.seed}",
        ),
        (
            "pace",
            f"{made.seconds:.1f} s with the start of the workers: {made.triplets / seconds:.0f} samples/s",
        ),
        ("verify", f"{checked.samples} samples: {state}"),
    ]


def _next() -> str:
    rows = "".join(
        f"<dt>{html.esc(what)}</dt><dd><code>{html.esc(command)}</code></dd>" for what, command in NEXT
    )
    return f'<dl class="next-steps">{rows}</dl>'
