"""Page of an evaluation: self-contained HTML, and its tables as Markdown."""

from pathlib import Path

from maskgen.files import make_folder, write_atomic
from maskgen.reports import html as page
from unmasknet.evaluation.page_parts import section, strip, strips, style
from unmasknet.evaluation.table import NOTHING, as_markdown
from unmasknet.recognition.curves import charts
from unmasknet.recognition.evaluate import RecognitionEvaluation
from unmasknet.recognition.examples import PairExample
from unmasknet.recognition.summary import Summary
from unmasknet.recognition.tables import about, left_out, percent, tables

STYLE = Path(__file__).parent / "report.css"
SHOWN_SIDE = 160  # pixels; side at which images are shown
LIMITS = (
    "A restored face is invented where the mask was, or taken from the reference: that it is accepted is no evidence "
    "of who wears the mask. A reference of another person would be accepted as that person. This page is a single file "
    "and makes no network requests."
)


def write_report(path: Path, evaluation: RecognitionEvaluation) -> list[Path]:
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


def html(evaluation: RecognitionEvaluation) -> str:
    """Builds the HTML page."""
    summary = evaluation.summary
    first, *rest = tables(summary)
    notes = [*evaluation.warnings, *left_out(summary)]
    body = [
        style(STYLE),
        page.masthead(title(summary), about(summary), _numbers(summary)),
        "<main>",
        section(first),
        *(f'<p class="faint">{page.esc(note)}</p>' for note in notes),
        charts(summary),
        *(section(table) for table in rest),
        _examples(evaluation),
        "</main>",
        f'<footer class="end">{page.esc(LIMITS)}</footer>',
    ]
    return page.document(title(summary), "\n".join(body))


def markdown(evaluation: RecognitionEvaluation) -> str:
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


def _examples(evaluation: RecognitionEvaluation) -> str:
    parts = []
    for group in dict.fromkeys(example.group for example in evaluation.examples):
        chosen = [example for example in evaluation.examples if example.group == group]
        rows = (strip(example.images, _caption(example), SHOWN_SIDE) for example in chosen)
        parts.append(strips(group, rows))
    return "".join(parts)


def _caption(example: PairExample) -> str:
    values = " · ".join(
        f"{page.esc(name)} <b>{value:.2f}</b>" if value >= -1 else f"{page.esc(name)} not found"
        for name, value in example.similarities.items()
    )
    return f"{page.esc(example.title)}<br>{values}"
