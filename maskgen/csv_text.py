"""Tables as CSV files: UTF-8, lines that end in a line feed, names of files with any bytes."""

import csv
import io
from collections.abc import Iterable, Sequence


class TableWriter:
    """Writer of a table, row by row."""

    def __init__(self, file: io.TextIOBase, columns: Sequence[str]) -> None:
        """Writes the head into `file`, which was opened with `newline=""`."""
        self._plain = csv.writer(file, lineterminator="\n")
        # the module leaves a carriage return without quotes, although its readers end a row there
        self._quoted = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL)
        self.write(columns)

    def write(self, row: Sequence[object]) -> None:
        """Writes a row."""
        has_return = any("\r" in str(cell) for cell in row)
        (self._quoted if has_return else self._plain).writerow(row)


def csv_bytes(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """Formats a table with a head; bytes of a file name that are not UTF-8 stay as they are."""
    text = io.StringIO(newline="")
    table = TableWriter(text, columns)
    for row in rows:
        table.write(row)
    return text.getvalue().encode("utf-8", "surrogateescape")
