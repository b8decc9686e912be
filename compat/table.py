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
    "detection": ("samples", "boxes", "mask", "images"),
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
        for ways in _by_code(result["ways"]):
            cells = [_cell(column, ways) for column in columns]
            notes = dict.fromkeys(way["note"] for way in ways if way["note"])
            row = [name, version, _code(ways), *cells, "; ".join(notes)]
            lines.append("| " + " | ".join(_escaped(cell) for cell in row) + " |")
            name = version = ""  # once per reader
    return "\n".join(lines) + "\n"


def _by_code(ways: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Returns the ways that are one row: the same line of code, for other members or formats of images."""
    rows: dict[str, list[dict[str, Any]]] = {}
    for way in ways:
        rows.setdefault(way["code"], []).append(way)
    return list(rows.values())


def _code(ways: list[dict[str, Any]]) -> str:
    """Returns the line of code, and the format of the data set if it was only tried with one that is not JPEG."""
    suffixes = {way["suffix"] for way in ways}
    only = "" if len(suffixes) > 1 or "jpg" in suffixes else f" ({suffixes.pop()})"
    return f"`{ways[0]['code']}`{only}"


def _cell(column: str, ways: list[dict[str, Any]]) -> str:
    """Returns the verdict on one kind of member; formats of images are named where there are several."""
    formats: dict[str, list[str]] = {}
    for way in ways:
        if column in way["verdicts"]:
            suffixes = formats.setdefault(_bold(way["verdicts"][column]), [])
            suffixes += [way["suffix"]] * (way["suffix"] not in suffixes)
    if column != "images" and len(formats) == 1:
        return next(iter(formats))
    several = len({way["suffix"] for way in ways if column in way["verdicts"]}) > 1
    return "; ".join(f"{', '.join(suffixes)}: " * several + verdict for verdict, suffixes in formats.items())


def _bold(verdict: str) -> str:
    """Returns a verdict that stands out if it is not right."""
    word = next((word for word in ("wrong", "refused") if verdict.startswith(word)), "")
    return f"**{word}**{verdict.removeprefix(word)}" if word else verdict


def _escaped(cell: str) -> str:
    """Returns text for one cell: bars of code would end it."""
    return cell.replace("|", "\\|").replace("\n", " ")
