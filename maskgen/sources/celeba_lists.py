"""CelebA's lists: a photo's name and some integers per line, as text with or without a header, or as CSV."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from maskgen.errors import InputError
from maskgen.images.formats import is_html

NAME = re.compile(r"(\d{6})\.(?:jpg|png)", re.IGNORECASE)
Rows = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class ListFile:
    """Bytes of a list, and where it was found. The suffix of `name` tells CSV from text."""

    name: str
    data: bytes


def read_rows(file: ListFile, values: int, largest: int | None = None) -> Rows:
    """Reads the numbers of each photo; the keys are the six digits of the photos' names.

    Args:
        file: the list; may have CRLF, a byte-order mark, no header, and empty lines.
        values: count of numbers per line.
        largest: limit of the numbers, which are then at least 0; None allows all integers.

    Raises:
        InputError: the list is malformed; the message names the line.
    """
    rows: Rows = {}
    promised: tuple[int, int] | None = None
    for line, cells in _lines(file):
        match = NAME.fullmatch(cells[0])
        if match is None and not rows and line <= 2:  # the header: number of photos, names of the columns
            promised = (line, int(cells[0])) if len(cells) == 1 and cells[0].isdigit() else promised
            continue
        numbers = _numbers(cells[1:])
        if match is None or len(numbers) != values:
            raise _refused(
                file,
                line,
                f"got {' '.join(cells)[:80]!r}, expected a photo's name and {values} whole numbers",
            )
        if largest is not None and not all(0 <= number <= largest for number in numbers):
            raise _refused(file, line, f"got {' '.join(cells)[:80]!r}, expected a number from 0 to {largest}")
        if match[1] in rows:
            raise _refused(file, line, f"names {cells[0]} a second time")
        rows[match[1]] = numbers
    if promised and promised[1] != len(rows):
        raise _refused(file, promised[0], f"promises {promised[1]} photos, but {len(rows)} follow")
    if not rows:
        raise _refused(file, 1, "no photo is named in it")
    return rows


def _lines(file: ListFile) -> Iterator[tuple[int, list[str]]]:
    if is_html(file.data):
        raise InputError(
            f"{file.name}: a web page; looks like a download page saved in place of the file. Download it again"
        )
    try:
        text = file.data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = file.data.count(b"\n", 0, error.start) + 1
        raise _refused(file, line, f"byte {file.data[error.start]:#04x} is no text") from error
    comma = "," if file.name.lower().endswith(".csv") else None
    for line, content in enumerate(text.split("\n"), 1):
        cells = [cell.strip() for cell in content.split(comma)]
        if any(cells):
            yield line, cells


def _numbers(cells: list[str]) -> tuple[int, ...]:
    """Parses integers; () if one of the cells is not an integer."""
    try:
        return tuple(map(int, cells))
    except ValueError:
        return ()


def _refused(file: ListFile, line: int, what: str) -> InputError:
    return InputError(f"{file.name}, line {line}: {what}. It was cut or changed: download it again")
