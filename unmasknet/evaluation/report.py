"""Report of an evaluation: a self-contained HTML page, Markdown tables, and a sheet of images."""

from pathlib import Path

from maskgen.files import write_atomic
from maskgen.images import contact_sheet as sheet
from maskgen.reports import html as page
from maskgen.types import RGBImage
from unmasknet.evaluation.charts import charts, main_bars
from unmasknet.evaluation.evaluate import Evaluation, Example
from unmasknet.evaluation.group_tables import WORST
from unmasknet.evaluation.page_parts import section, strip, strips, style
from unmasknet.evaluation.scores import Summary
from unmasknet.evaluation.table import NOTHING, Table, as_markdown, number, percent
from unmasknet.evaluation.tables import tables
from unmasknet.evaluation.verdict import verdict
from unmasknet.pictures import png

STYLE = Path(__file__).parent / "report.css"
SHOWN_SIDE = 256  # pixels; side at which images are shown


def write_report(path: Path, evaluation: Evaluation, name: str) -> list[Path]:
    """Writes the page, and beside it the tables as Markdown and the sheet as PNG, each atomically.

    Args:
        path: path of the page; the other files share its stem.
        evaluation: the results to report.
        name: name of the data set.

    Raises:
        MissingError: the disk is full.
        UnmaskError: the folder is not writable.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    files = {
        path: html(evaluation, name).encode("utf-8"),
        path.with_suffix(".md"): markdown(evaluation.summary, name).encode("utf-8"),
    }
    if evaluation.examples:
        files[path.with_suffix(".png")] = png(contact_sheet(evaluation, name))
    for file, data in files.items():
        write_atomic(file, data)
    return list(files)


def html(evaluation: Evaluation, name: str) -> str:
    """Builds the HTML page: one screen with verdict, typical images and main scores, then the details."""
    summary = evaluation.summary
    every = {table.title: table for table in tables(summary)}
    wide = [section(every[title], wide=title == WIDE[-1]) for title in WIDE if title in every]
    rest = [table for title, table in every.items() if title not in WIDE]
    small = [section(table) for table in rest if not _is_broad(table)]
    broad = [section(table) for table in rest if _is_broad(table)]
    body = [
        style(STYLE),
        page.masthead(f"Evaluation on {name}", _about(summary), _numbers(summary)),
        "<main>",
        *(f'<p class="warning">{page.esc(line)}</p>' for line in evaluation.warnings),
        _first_screen(evaluation),
        *wide[:-1],
        charts(evaluation),
        _folded("More samples: the worst, the middle, the best", _examples(evaluation)),
        _folded(
            "By mask, wear, hidden fraction, yaw and group",
            f'<div class="pair">{"".join(small)}</div>{"".join(broad)}',
        ),
        _folded("Published by others", wide[-1]),
        "</main>",
        '<footer class="end">The networks invent the region under a mask; it is no evidence of how a person looks. '
        "This page is a single file and makes no network requests.</footer>",
    ]
    return page.document(f"Evaluation on {name}", "\n".join(body))


def _first_screen(evaluation: Evaluation) -> str:
    """Builds the verdict, and beside the bars of the main scores one sample each of the worst, middle and best."""
    said = "".join(f"<p>{page.esc(line)}</p>" for line in verdict(evaluation.summary))
    rows = "".join(
        strip(example.images, f"{page.esc(example.group)}: {_sample_html(example, short=True)}", SHOWN_SIDE)
        for example in _shown_first(evaluation)
    )
    return (
        f'<div class="verdict">{said}</div><div class="first"><div class="stack">{rows}</div>'
        f'<div class="stack">{main_bars(evaluation.summary)}</div></div>'
    )


def _shown_first(evaluation: Evaluation) -> list[Example]:
    """Returns the first sample of each group, in the order worst, middle, best."""
    return list({example.group: example for example in reversed(evaluation.examples)}.values())[::-1]


def _folded(heading: str, content: str) -> str:
    """Builds a part of the page that is opened by a click."""
    return (
        f'<details class="fold"><summary>{page.esc(heading)}</summary>{content}</details>' if content else ""
    )


COLUMNS_OF_HALF = 6  # columns that fit into half the page
WIDE = ("Restoring the face", "Finding the mask", "Faces and people", "Published by others")


def _is_broad(table: Table) -> bool:
    """Tells whether a table takes the width of the page: it has many columns, or is long."""
    return len(table.head) > COLUMNS_OF_HALF or table.title == WORST


def markdown(summary: Summary, name: str) -> str:
    """Builds the same tables as Markdown."""
    parts = [f"# Evaluation on {name}", _about(summary), "\n".join(verdict(summary))]
    for table in tables(summary):
        parts += [f"## {table.title}", as_markdown(table)]
    return "\n\n".join(part for part in parts if part) + "\n"


def contact_sheet(evaluation: Evaluation, name: str) -> RGBImage:
    """Draws the worst, middle and best results, one row of images per sample."""
    blocks = []
    for group in dict.fromkeys(example.group for example in evaluation.examples):
        tiles = tuple(
            sheet.Tile(tuple(example.images.values()), (_caption(example), ", ".join(example.images)))
            for example in evaluation.examples
            if example.group == group
        )
        blocks.append(sheet.Block(f"{group} by hole PSNR", tiles, side=112))
    return sheet.draw_sheet(f"Evaluation on {name}", f"ranked by: {evaluation.shown}", blocks)


def _about(summary: Summary) -> str:
    weights = ", ".join(Path(path).name for path in summary["weights"]) or "none, only trivial baselines"
    map_name = "the true map" if summary["map_source"] == "truth" else "the segmenter's map"
    return (
        f"{summary['n']:,} {_kind(summary)} ({summary['split']}) at {summary['size']} px. Weights: {weights}; the "
        f"generator receives {map_name}."
    )


def _kind(summary: Summary) -> str:
    """Names the samples by whether they were trained on, as far as that is known."""
    if summary["trained_on"] == "yes":
        return "samples that were trained on"
    if summary["split"] != "train":
        return "held-out samples"
    # Sources are known by name only, and the same photos may lie in a folder of another name.
    return "samples of a source that the weights do not name" if summary["trained_on"] == "no" else "samples"


def _numbers(summary: Summary) -> dict[str, object]:
    shown: dict[str, object] = {
        "hole PSNR, dB": number(summary["hole"]["psnr"], 2),
        "over Telea, dB": number(summary["ahead"].get("telea", {}).get("psnr"), 2, sign=True),
        "hole SSIM": number(summary["hole"]["ssim"], 3),
        "map's Dice": number(summary["map"]["dice"], 3),
        "faces found": percent(summary["detected"]["restored"]),
        "s per image": number(summary["seconds_per_image"], 3),
        "million weights": number(
            sum(summary["parameters"].values()) / 1e6 if summary["parameters"] else None, 2
        ),
    }
    return {name: value for name, value in shown.items() if value != NOTHING} | {
        "samples": f"{summary['n']:,}"
    }


def _examples(evaluation: Evaluation) -> str:
    """Builds the samples that the first screen does not show."""
    parts, shown = [], {example.sample.key for example in _shown_first(evaluation)}
    for group in dict.fromkeys(example.group for example in evaluation.examples):
        chosen = [
            example
            for example in evaluation.examples
            if example.group == group and example.sample.key not in shown
        ]
        if chosen:
            rows = (strip(example.images, _sample_html(example), SHOWN_SIDE) for example in chosen)
            parts.append(strips(f"The {group} by hole PSNR: {evaluation.shown}", rows))
    return "".join(parts)


def _sample_html(example: Example, *, short: bool = False) -> str:
    sample = example.sample
    said = (
        f"<b>{example.psnr:.1f} dB</b> · {page.esc(sample.family)}, {page.esc(sample.wear)} · yaw {sample.yaw:.0f}° · "
        f"hidden {sample.hole_share:.0%}"
    )
    key = f'<span class="faint" style="padding:0;text-align:left">{page.esc(sample.key)}</span>'
    return said if short else f"{said}<br>{key}"


def _caption(example: Example) -> str:
    sample = example.sample
    return f"{example.psnr:.1f} dB, {sample.family} {sample.wear}, yaw {sample.yaw:.0f}, {sample.key}"
