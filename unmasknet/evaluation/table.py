"""Table of a report, and the formats of its cells."""

from collections.abc import Sequence
from dataclasses import dataclass

NOTHING = "-"
DIGITS = {
    "psnr": 2, "ssim": 3, "l1": 3, "fid": 2, "kid": 4, "brisque": 1, "lpips": 3,
    "detail_1": 2, "detail_2": 2, "detail_4": 2, "seam": 2, "tone": 1, "leak": 2,
}  # fmt: skip


@dataclass(frozen=True)
class Table:
    """Table with a head; `note` explains how to read it. The name of a restored row is enclosed in `**`."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


def as_markdown(table: Table) -> str:
    """Formats a table's rows and its note, without its title."""
    rule = "|".join(["---"] * len(table.head))
    rows = "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in table.rows)
    text = f"| {' | '.join(table.head)} |\n|{rule}|\n{rows}"
    return f"{text}\n\n{table.note}" if table.note else text


def as_lines(table: Table) -> list[str]:
    """Formats head and rows for a terminal, padded to columns."""
    rows = [[cell.strip("*") for cell in row] for row in (table.head, *table.rows)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]


def number(value: float | None, digits: int, *, sign: bool = False) -> str:
    """Formats a value with `digits` decimals; None is a dash."""
    return NOTHING if value is None else f"{value:{'+' if sign else ''}.{digits}f}"


def percent(value: float | None) -> str:
    """Formats a fraction as a percentage."""
    return NOTHING if value is None else f"{100 * value:.1f} %"


def with_interval(
    value: float | None, interval: Sequence[float] | None, score: str, *, sign: bool = False
) -> str:
    """Formats a value and its 95 % confidence interval."""
    digits = DIGITS[score]
    text = number(value, digits, sign=sign)
    if value is None or not interval:
        return text
    return f"{text} [{number(interval[0], digits, sign=sign)}, {number(interval[1], digits, sign=sign)}]"
