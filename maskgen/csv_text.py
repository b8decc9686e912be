"""Tables as CSV files: UTF-8, lines that end in a line feed, names of files with any bytes."""

import csv
import io
from collections.abc import Iterable, Sequence


def csv_bytes(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """Formats a table with a head; bytes of a file name that are not UTF-8 stay as they are."""
    text = io.StringIO(newline="")
    table = csv.writer(text, lineterminator="\n")
    table.writerow(columns)
    table.writerows(rows)
    return text.getvalue().encode("utf-8", "surrogateescape")
