"""Per-sample scores as a CSV file, to rank and select results."""

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from maskgen.csv_text import csv_bytes
from maskgen.errors import InputError
from maskgen.files import make_folder, write_atomic
from maskgen.reading import JSON_BYTES, check_regular_file, reason_of
from unmasknet.evaluation.scores import RESTORED, ScoreTable
from unmasknet.metrics.statistics import DIGITS

Row = Mapping[str, str]
SCORES = {  # column: method and score
    "psnr": (RESTORED, "hole.psnr"),
    "ssim": (RESTORED, "hole.ssim"),
    "dice": ("map", "dice"),
    "likeness": (RESTORED, "identity"),
}
FACTS = ("key", "source", "family", "wear", "yaw", "share")
COLUMNS = (*FACTS, *SCORES)


def score_rows(table: ScoreTable) -> list[Row]:
    """Converts scores to one row per sample, in the order of scoring; "" for an undefined score."""
    scores = {column: table.values(*of) for column, of in SCORES.items()}
    return [
        {name: _text(getattr(sample, name)) for name in FACTS}
        | {name: _text(float(values[at])) if len(values) else "" for name, values in scores.items()}
        for at, sample in enumerate(table.samples)
    ]


def write_scores(path: Path, rows: Sequence[Row]) -> None:
    """Writes the rows atomically.

    Raises:
        MissingError: the disk is full.
        UnmaskError: the folder is not writable.
    """
    make_folder(path.parent)
    write_atomic(path, csv_bytes(COLUMNS, ([row[name] for name in COLUMNS] for row in rows)))


def read_scores(path: Path) -> list[Row]:
    """Reads the rows of a file written by `write_scores`.

    Raises:
        InputError: the file is not such a table.
    """
    try:
        check_regular_file(path, JSON_BYTES)
        with path.open(newline="", encoding="utf-8") as file:
            table = csv.DictReader(file)
            if tuple(table.fieldnames or ()) == COLUMNS:
                return list(table)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(
            f"{path}: cannot be read ({reason_of(error)}); make it with unmask eval --scores"
        ) from error
    raise InputError(f"{path}: is not a table of scores; make it with unmask eval --scores {path}")


def _text(value: str | float) -> str:
    if isinstance(value, str):
        return value
    return f"{value:.{DIGITS}g}" if math.isfinite(value) else ""
