"""Attributes of the people in a photo, as labelled by the authors of the data; results are reported per group.

`utkface` parses UTKFace's file names, age_sex_group_date.jpg. A CSV file has a column `photo` with the photos' ids in
their source, or their file names, and one column per attribute.
"""

import csv
import re
from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path, PurePosixPath

from maskgen.errors import InputError
from maskgen.reading import JSON_BYTES, check_regular_file, reason_of

Attributes = Mapping[str, str]  # attribute -> group
AttributesOf = Callable[[str], Attributes]  # takes a photo's id in its source; empty if unknown

UTKFACE = "utkface"
UTKFACE_NAME = re.compile(r"(\d{1,3})_([01])_([0-4])_\d{14,}")
SEXES = ("male", "female")
GROUPS = ("White", "Black", "Asian", "Indian", "other")
AGES = (0, 13, 20, 35, 50, 65)  # years; lower bounds of the groups


def read_attributes(by: str) -> AttributesOf:
    """Returns a function that maps a photo's id to its attributes.

    Args:
        by: "utkface", the path of a CSV file, or "" for no attributes.

    Raises:
        InputError: the file cannot be read or lacks a column.
    """
    if not by:
        return lambda source: {}
    if by == UTKFACE:
        return of_utkface
    known = _read_table(Path(by))
    return lambda source: known.get(source) or known.get(PurePosixPath(source).name, {})


def of_utkface(source: str) -> Attributes:
    """Parses sex, group and age from a file name of UTKFace; empty for any other name."""
    found = UTKFACE_NAME.match(PurePosixPath(source).name)
    if not found:
        return {}
    age, sex, group = (int(part) for part in found.groups())
    return {"sex": SEXES[sex], "group": GROUPS[group], "age": age_group(age)}


def age_group(age: int) -> str:
    """Returns the age group of an age in years, such as "13-19"."""
    for low, high in pairwise(AGES):
        if age < high:
            return f"{low}-{high - 1}"
    return f"{AGES[-1]}+"


def _read_table(path: Path) -> dict[str, Attributes]:
    try:
        check_regular_file(path, JSON_BYTES)
        with path.open(newline="", encoding="utf-8-sig") as file:  # spreadsheets write a byte order mark
            table = csv.DictReader(file)
            columns = [name for name in table.fieldnames or () if name != "photo"]
            if "photo" not in (table.fieldnames or ()) or not columns:
                raise InputError(
                    f"--by {path}: found the columns {', '.join(table.fieldnames or ()) or 'none'}; it needs photo, "
                    "and one for each attribute"
                )
            return {row["photo"]: {name: row[name] for name in columns if row[name]} for row in table}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(
            f"--by {path}: cannot be read as CSV ({reason_of(error)}); name such a file, or {UTKFACE}"
        ) from error
