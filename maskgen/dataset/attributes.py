"""Attributes of the people in a photo, as its source states them; results are reported by group of people.

    utkface       UTKFace's file names, age_sex_group_date.jpg: sex, group, age
    FILE.csv      a column `photo` with the photos' ids in their source, or their file names, and one per attribute
    CelebA        list_attr_celeba.txt or .csv: sex (its column Male) and young (its column Young)

Nothing is guessed: a photo without an entry, or with an empty cell, has no value.
"""

import csv
import io
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path, PurePosixPath

from maskgen.errors import InputError, UsageError
from maskgen.reading import JSON_BYTES, read_regular_file, reason_of

Attributes = Mapping[str, str]  # attribute -> group
AttributesOf = Callable[[str], Attributes]  # takes a photo's id in its source; empty if unknown

UTKFACE, TONE = "utkface", "tone"
UTKFACE_NAME = re.compile(r"(\d{1,3})_([01])_(?:([0-4])_)?\d{14,}")  # a few names lack the group
SEXES = ("male", "female")
GROUPS = ("White", "Black", "Asian", "Indian", "other")
AGES = (0, 13, 20, 35, 50, 65)  # years; lower bounds of the groups
OLDEST = 130  # years
MOST_GROUPS = 100  # values of one attribute; a column with more is no division into groups
CELEBA_COLUMNS = {
    "Male": ("sex", {"1": "male", "-1": "female"}),
    "Young": ("young", {"1": "yes", "-1": "no"}),
}
_NUMBER = re.compile(r"\d{1,9}")


@dataclass(frozen=True)
class AttributeSource:
    """Attributes that one source states.

    Attributes:
        name: what `--by` names: "utkface", or the path of a file.
        attributes: names of the attributes.
        of: maps a photo's id to its attributes.
    """

    name: str
    attributes: tuple[str, ...]
    of: AttributesOf


def read_attributes(by: str | Sequence[str]) -> AttributesOf:
    """Returns a function that maps a photo's id to its attributes, by all sources that `by` names.

    Args:
        by: "utkface" and paths of CSV files, or of CelebA's list of attributes; one text, or several. "tone" is
            ignored, since it is measured and not read; "" names nothing.

    Raises:
        InputError: a file cannot be read, or is malformed.
        UsageError: two sources state the same attribute.
    """
    names = [by] if isinstance(by, str) else by
    return merged([read_source(name) for name in names if name not in ("", TONE)])


def merged(sources: Sequence[AttributeSource]) -> AttributesOf:
    """Merges sources of attributes.

    Raises:
        UsageError: two of them state the same attribute.
    """
    for at, source in enumerate(sources):
        for other in sources[:at]:
            twice = set(source.attributes) & set(other.attributes)
            if twice:
                raise UsageError(
                    f"--by {other.name} and --by {source.name}: both state {', '.join(sorted(twice))}; name one, or "
                    "rename the column"
                )
    return lambda photo: {name: group for source in sources for name, group in source.of(photo).items()}


def read_source(name: str) -> AttributeSource:
    """Opens one source of attributes: "utkface", or a file.

    Raises:
        InputError: the file cannot be read, or is malformed.
    """
    if name == UTKFACE:
        return AttributeSource(UTKFACE, ("sex", "group", "age"), of_utkface)
    try:
        data = read_regular_file(Path(name), JSON_BYTES)
    except OSError as error:
        raise InputError(
            f"--by {name}: cannot be read ({reason_of(error)}); name a CSV file, or {UTKFACE}"
        ) from error
    return parse_source(name, data)


def parse_source(name: str, data: bytes) -> AttributeSource:
    """Parses a table of attributes: a CSV file of one's own, or CelebA's list as text or CSV.

    Args:
        name: what messages call it.
        data: bytes of the file.

    Raises:
        InputError: it is no such table; the message names the line.
    """
    try:
        text = data.decode("utf-8-sig")  # spreadsheets write a byte order mark
        known = dict(_rows(name, text))
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(
            f"--by {name}: cannot be read as CSV ({reason_of(error)}); name such a file, or {UTKFACE}"
        ) from error
    if not known:
        raise InputError(f"--by {name}: names no photo; it needs a line for each photo below its header")
    attributes = tuple(dict.fromkeys(attribute for values in known.values() for attribute in values))
    for attribute in attributes:
        count = len({values[attribute] for values in known.values() if attribute in values})
        if count > MOST_GROUPS:
            raise InputError(
                f"--by {name}: its column {attribute} has {count:,} different values; it may have at most "
                f"{MOST_GROUPS}. Write bands into it, or leave the column out"
            )

    def of(photo: str) -> Attributes:
        path = PurePosixPath(photo)
        return next((known[name] for name in (photo, path.name, path.stem) if name in known), {})

    return AttributeSource(name, attributes, of)


def of_utkface(source: str) -> Attributes:
    """Parses sex, group and age from a file name of UTKFace; empty for any other name."""
    found = UTKFACE_NAME.match(PurePosixPath(source).name)
    if not found:
        return {}
    age, sex, group = found.groups()
    stated = {"group": GROUPS[int(group)]} if group else {}
    return {"sex": SEXES[int(sex)], **stated, "age": age_group(int(age))}


def age_group(age: int) -> str:
    """Returns the age group of an age in years, such as "13-19"."""
    for low, high in pairwise(AGES):
        if age < high:
            return f"{low}-{high - 1}"
    return f"{AGES[-1]}+"


def sorted_groups(groups: Iterable[str]) -> list[str]:
    """Sorts the groups of an attribute: ranges such as ages by their lower bound, then others by name."""

    def place(group: str) -> tuple[float, str]:
        number = _NUMBER.match(group)
        return (float(number[0]) if number else math.inf, group)

    return sorted(groups, key=place)


def _rows(name: str, text: str) -> Iterator[tuple[str, Attributes]]:
    """Yields photo and attributes of each line.

    Raises:
        InputError: the table is malformed.
        csv.Error: a line is no CSV.
    """
    first = text.partition("\n")[0].strip()
    if first.isdigit() or (first.startswith("image_id") and "Male" in first):
        yield from _celeba_rows(name, text)
        return
    table = csv.DictReader(io.StringIO(text, newline=""), restkey="", restval=None)
    columns = [column.strip() for column in table.fieldnames or ()]
    table.fieldnames = columns
    if "photo" not in columns or len(columns) < 2 or len(set(columns)) < len(columns) or "" in columns:
        raise InputError(
            f"--by {name}: found the columns {', '.join(columns) or 'none'}; it needs photo, and one for each "
            "attribute, each once"
        )
    seen: dict[str, int] = {}
    for row in table:
        if "" in row or None in row.values():
            raise InputError(
                f"--by {name}, line {table.line_num}: expected {len(columns)} cells, as in its header"
            )
        photo = row.pop("photo").strip()
        if not photo:
            raise InputError(f"--by {name}, line {table.line_num}: names no photo")
        if photo in seen:
            raise InputError(
                f"--by {name}, line {table.line_num}: names {photo} again, after line {seen[photo]}"
            )
        seen[photo] = table.line_num
        yield photo, {column: _group(column, cell.strip()) for column, cell in row.items() if cell.strip()}


def _group(attribute: str, cell: str) -> str:
    """Returns the group of a cell; ages in years become age groups."""
    is_age = attribute == "age" and _NUMBER.fullmatch(cell) and int(cell) <= OLDEST
    return age_group(int(cell)) if is_age else cell


def _celeba_rows(name: str, text: str) -> Iterator[tuple[str, Attributes]]:
    """Yields photo and attributes of each line of CelebA's list, as text with a count above its header, or as CSV.

    Raises:
        InputError: the list is malformed.
    """
    lines = enumerate(text.splitlines(), 1)
    first = next(lines)[1].strip()
    comma = None if first.isdigit() else ","
    header = (next(lines, (2, ""))[1] if comma is None else first).split(comma)
    columns = [column.strip() for column in header if column.strip() != "image_id"]
    missing = sorted(CELEBA_COLUMNS.keys() - set(columns))
    if missing:
        raise InputError(
            f"--by {name}: lacks the columns {', '.join(missing)} of CelebA's list. Download it again"
        )
    count = 0
    for line, content in lines:
        cells = [cell.strip() for cell in content.split(comma)]
        if not any(cells):
            continue
        values = dict(zip(columns, cells[1:], strict=False))
        if len(cells) != len(columns) + 1 or not set(cells[1:]) <= {"1", "-1"}:
            raise InputError(
                f"--by {name}, line {line}: expected a photo's name and {len(columns)} values, each 1 or -1. It was "
                "cut or changed: download it again"
            )
        count += 1
        groups = {to: names[values[column]] for column, (to, names) in CELEBA_COLUMNS.items()}
        yield PurePosixPath(cells[0]).stem, groups
    if comma is None and count != int(first):
        raise InputError(
            f"--by {name}, line 1: promises {first} photos, but {count:,} follow. It was cut or changed: "
            "download it again"
        )
