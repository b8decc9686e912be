"""Tables of docs/readers.md, made of the results that lie beside the readers."""

import json
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
PAGE = Path(__file__).parent.parent / "docs" / "readers.md"
COLUMNS = {
    "decoder": ("map", "parts", "images"),
    "consumer": ("map", "parts", "images"),
    "loader": ("samples", "map", "parts", "images", "labels"),
}


def write_page(page: Path = PAGE, results: Path = RESULTS) -> None:
    """Replaces what stands between the markers of the page by the tables of all results."""
    page.write_text(fill(page.read_text(encoding="utf-8"), read_results(results)), encoding="utf-8")


def read_results(folder: Path = RESULTS) -> list[dict[str, Any]]:
    """Returns the results of all readers, sorted by name."""
    found = [json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("*.json")]
    return sorted(found, key=lambda result: result["reader"].lower())


def fill(text: str, results: list[dict[str, Any]]) -> str:
    """Returns the page with new tables.

    Raises:
        ValueError: a marker is missing.
    """
    for kind in COLUMNS:
        begin, end = f"<!-- table: {kind} -->\n", f"<!-- end of table: {kind} -->"
        before, found, rest = text.partition(begin)
        _, closed, after = rest.partition(end)
        if not found or not closed:
            raise ValueError(f"markers of the table {kind!r} are missing; expected {begin.strip()} and {end}")
        text = before + begin + "\n" + table(kind, results) + "\n" + end + after
    return text


def table(kind: str, results: list[dict[str, Any]]) -> str:
    """Returns the table of one kind of readers in Markdown: a row per way of reading."""
    columns = COLUMNS[kind]
    lines = [
        "| reader | version | code | " + " | ".join(columns) + " | note |",
        "|---|---|---|" + "---|" * len(columns) + "---|",
    ]
    for result in results:
        if result["kind"] != kind:
            continue
        name, version = result["reader"], result["version"]
        for way in result["ways"]:
            cells = [way["verdicts"].get(column, "") for column in columns]
            row = [name, version, _code(way), *cells, way["note"]]
            lines.append("| " + " | ".join(_escaped(cell) for cell in row) + " |")
            name = version = ""  # once per reader
    return "\n".join(lines) + "\n"


def _code(way: dict[str, Any]) -> str:
    suffix = f" ({way['suffix']})" if way["suffix"] != "jpg" else ""
    return f"`{way['code']}`{suffix}"


def _escaped(cell: str) -> str:
    """Returns text for one cell: bars of code would end it."""
    return cell.replace("|", "\\|").replace("\n", " ")
