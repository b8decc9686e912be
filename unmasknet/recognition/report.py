"""Page of an evaluation: self-contained HTML, and its tables as Markdown."""

from pathlib import Path

import numpy as np
from PIL import Image

from maskgen.files import make_folder, write_atomic
from maskgen.images.codecs import encode_jpeg
from maskgen.reports import html as page
from maskgen.types import RGBImage
from unmasknet.recognition.curves import charts
from unmasknet.recognition.evaluate import Evaluation
from unmasknet.recognition.examples import Example
from unmasknet.recognition.summary import Summary
from unmasknet.recognition.tables import NOTHING, Table, about, as_markdown, left_out, percent, tables

HERE = Path(__file__).parent
SHOWN_SIDE = 160  # pixels; side at which images are shown
QUALITY = 88
LIMITS = (
    "A restored face is invented where the mask was, or taken from the reference: that it is accepted is no evidence "
    "of who wears the mask. A reference of another person would be accepted as that person. This page is a single file "
    "and makes no network requests."
)


def write_report(path: Path, evaluation: Evaluation) -> list[Path]:
    """Writes the page, and beside it the tables as Markdown, each atomically.

    Raises:
        MissingError: the disk is full.
        UnmaskError: the folder is not writable.
    """
    make_folder(path.parent)
    files = {
        path: html(evaluation).encode("utf-8"),
        path.with_suffix(".md"): markdown(evaluation).encode("utf-8"),
    }
    for file, data in files.items():
        write_atomic(file, data)
    return list(files)


def title(summary: Summary) -> str:
    """Returns the title of the page."""
    return f"Recognition of masked faces on {summary['data']}"


def html(evaluation: Evaluation) -> str:
    """Builds the HTML page."""
    summary = evaluation.summary
    first, *rest = tables(summary)
    notes = [*evaluation.warnings, *left_out(summary)]
    body = [
        f"<style>\n{(HERE / 'report.css').read_text('utf-8')}</style>",
        page.masthead(title(summary), about(summary), _numbers(summary)),
        "<main>",
        _section(first),
        *(f'<p class="faint">{page.esc(note)}</p>' for note in notes),
        charts(summary),
        *(_section(table) for table in rest),
        _examples(evaluation),
        "</main>",
        f'<footer class="end">{page.esc(LIMITS)}</footer>',
    ]
    return page.document(title(summary), "\n".join(body))


def markdown(evaluation: Evaluation) -> str:
    """Builds the same tables as Markdown."""
    summary = evaluation.summary
    parts = [f"# {title(summary)}", about(summary)]
    for table in tables(summary):
        parts += [f"## {table.title}", as_markdown(table)]
    parts += [*evaluation.warnings, *left_out(summary), LIMITS.rpartition(" This page")[0]]
    return "\n\n".join(parts) + "\n"


def _numbers(summary: Summary) -> dict[str, object]:
    rows: dict[str, object] = {
        f"{name}, accuracy %": percent(row["accuracy"]) for name, row in summary["rows"].items()
    }
    return {name: value for name, value in rows.items() if value != NOTHING} | {
        "people": f"{summary['people']:,}"
    }


def _section(table: Table) -> str:
    head = "".join(f"<th>{page.esc(name)}</th>" for name in table.head)
    rows = "".join(f"<tr>{''.join(f'<td>{_cell(cell)}</td>' for cell in row)}</tr>" for row in table.rows)
    note = f'<p class="faint">{page.esc(table.note)}</p>' if table.note else ""
    return (
        f'<section><h2>{page.esc(table.title)}</h2><div class="scroll"><table>'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>{note}</section>"
    )


def _cell(cell: str) -> str:
    """Formats a cell; its interval in small type."""
    value, bracket, rest = cell.partition(" [")
    return page.esc(value) + (f" <small>[{page.esc(rest)}</small>" if bracket else "")


def _examples(evaluation: Evaluation) -> str:
    parts = []
    for group in dict.fromkeys(example.group for example in evaluation.examples):
        strips = "".join(_strip(one) for one in evaluation.examples if one.group == group)
        parts.append(f'<h2>{page.esc(group)}</h2><div class="strips">{strips}</div>')
    return "".join(parts)


def _strip(example: Example) -> str:
    images = "".join(
        f'<div><img alt="{page.esc(name)}" src="{_embedded(image)}"><span>{page.esc(name)}</span></div>'
        for name, image in example.images.items()
    )
    values = " · ".join(
        f"{page.esc(name)} <b>{value:.2f}</b>" if value >= -1 else f"{page.esc(name)} not found"
        for name, value in example.similarities.items()
    )
    return (
        f'<figure class="strip"><div class="row">{images}</div><figcaption>{page.esc(example.title)}<br>'
        f"{values}</figcaption></figure>"
    )


def _embedded(image: RGBImage) -> str:
    size = (SHOWN_SIDE, SHOWN_SIDE)
    small = np.asarray(Image.fromarray(np.ascontiguousarray(image)).resize(size, Image.Resampling.BICUBIC))
    return page.data_uri(encode_jpeg(small, QUALITY), "jpeg")
