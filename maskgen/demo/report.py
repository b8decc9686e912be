"""Report of the demo, `report.html`: figures, result of the verification, samples, and commands to try next."""

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
    ("mask your own photos (a folder, zip or tar)", "unmask gen-data --src photos/ --out data/shards/mine"),
    ("look at the samples", "unmask preview data/shards/mine"),
    ("check every byte", "unmask verify data/shards/mine"),
    ("take masks off photos", "unmask run photo.jpg --out unmasked"),
    ("write plain files for other tools", "unmask unpack data/shards/mine --layout folders --to plain/"),
    ("list the masks", "unmask masks list"),
)

INTRO = "One photo in a dozen variants, wearing all kinds of masks: what unmask gen-data does with your own photos."
INVENTED = (
    "From left to right: masked, the map that the segmenter finds, restored by the generator, and the original. "
    "The generator invents what the mask covers: a plausible mouth, not hers."
)
CREDIT = (
    "Photo: Eileen Collins, NASA, public domain; NASA endorses nothing here. The masks are synthetic. "
    "This page is one file and makes no network requests."
)


@dataclass(frozen=True)
class DemoFacts:
    """Results of the demo. `seconds` is the duration of the whole demo."""

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
    """Writes the report atomically.

    Args:
        path: the HTML file.
        data: the data set.
        labels: labels of all its samples, by key.
        samples: samples to show.
        facts: results of the demo.
        restored: PNG of a face whose mask was taken off again; empty if there is none.

    Raises:
        MissingError: the disk is full.
        UnmaskError: the folder cannot be written to.
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
            f"{made.photos} variants of the built-in photo: mirrored, tilted, near and far, in other light",
        ),
        ("masks", f"{settings.masks.per_face} per photo, from {settings.masks.masks.replace(',', ', ')}"),
        (
            "gen-data",
            f"{made.triplets} samples at {settings.crop.size} px, shards: {made.shards}, seed: {settings.seed}",
        ),
        (
            "speed",
            f"{made.seconds:.1f} s including the start of the workers: {made.triplets / seconds:.0f} samples/s",
        ),
        ("verify", f"{checked.samples} samples: {state}"),
    ]


def _next() -> str:
    rows = "".join(
        f"<dt>{html.esc(what)}</dt><dd><code>{html.esc(command)}</code></dd>" for what, command in NEXT
    )
    return f'<dl class="next-steps">{rows}</dl>'
