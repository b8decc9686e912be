"""Record of a shard, JSON text in `records/`. It is written last: a shard without it is unfinished.

In data sets of format 1 and of early builds of format 2, it is the `.json` beside the tar. It is still read there.
"""

import hashlib
import json
import os
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

from maskgen.errors import InputError
from maskgen.files import (
    RECORDS,
    WORK,
    make_folder,
    older_record_path,
    record_path,
    remove,
    write_atomic,
)
from maskgen.reading import JSON_BYTES, open_regular_file, parse_json, read_regular_file

SPLITS = ("train", "val", "test")
SHARD_NAME = re.compile(rf"(?:{'|'.join(SPLITS)})-[0-9]{{6,}}")
_RECORD_FILE = re.compile(rf"{SHARD_NAME.pattern}\.record")
_BLOCK = 1 << 20
_CONTENT, _LOOK = re.compile("[0-9a-f]{16}"), re.compile("[0-9a-f]{32}")
SAMPLE_BYTES = 5 * 512  # of the headers of its members, which every sample needs
MOST = 1 << 53  # largest number that all readers of JSON hold exactly


@dataclass(frozen=True)
class ShardReport:
    """Content of a shard's record.

    Attributes:
        name: such as "train-000000".
        split: "train", "val" or "test".
        photos: number of photos that were planned.
        count: number of samples; a shard without samples has a record but no tar.
        bytes: size of the tar.
        sha256: hex digest of the tar; "" without a tar.
        settings: hash of the settings and versions that were used.
        skipped: number of photos without a sample, by reason.
        skips: id, reason and detail of each photo without a sample, sorted.
        prints: of each photo with a sample, sorted: id; first 16 hex digits of the sha256 of its file; perceptual hash
            (`likeness`), 32 hex digits. Empty in records of older versions.
    """

    name: str
    split: str
    photos: int
    count: int
    bytes: int
    sha256: str
    settings: str
    skipped: dict[str, int] = field(default_factory=dict)
    skips: tuple[tuple[str, str, str], ...] = ()
    prints: tuple[tuple[str, str, str], ...] = ()


def record_bytes(report: ShardReport) -> bytes:
    """Encodes a record; equal records have equal bytes."""
    values = asdict(report)
    if not report.prints:
        del values["prints"]
    return json.dumps(values, indent=1, sort_keys=True).encode("ascii") + b"\n"


def parse_record(data: bytes) -> ShardReport:
    """Parses the bytes of a record.

    Raises:
        ValueError: the bytes are not a valid record.
    """
    return report_of(parse_json(data))


def report_of(values: Any) -> ShardReport:
    """Builds a record from its parsed JSON.

    Raises:
        ValueError: it is not a valid record.
    """
    try:
        lists = {name: tuple((a, b, c) for a, b, c in values.get(name, ())) for name in ("skips", "prints")}
        report = ShardReport(**{**values, **lists})
        texts = [report.name, report.sha256, report.settings, *report.skipped]
        texts += [*chain(*report.skips), *chain(*report.prints)]
        counts = [report.photos, report.count, report.bytes, *report.skipped.values()]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"no record of a shard: {error}") from error
    if (
        report.split not in SPLITS
        or {type(text) for text in texts} != {str}
        or {type(n) for n in counts} != {int}
    ):
        raise ValueError("no record of a shard: a value is not what it must be")
    if min(counts) < 0 or report.count * SAMPLE_BYTES > report.bytes or max(counts) > MOST:
        raise ValueError("no record of a shard: its numbers cannot all be true")
    if not all(_CONTENT.fullmatch(content) and _LOOK.fullmatch(look) for _, content, look in report.prints):
        raise ValueError("no record of a shard: a print of a photo is not what it must be")
    return report


def count_reasons(skips: Iterable[tuple[str, str, str]]) -> dict[str, int]:
    """Counts skipped photos by reason, sorted by reason."""
    return dict(sorted(Counter(reason for _, reason, _ in skips).items()))


def write_record(folder: Path, report: ShardReport) -> None:
    """Writes the record of a shard, which makes the shard count as finished, and before it its digest."""
    data = record_bytes(report)
    work = folder / WORK
    if work.is_dir():
        write_atomic(seal_path(folder, report.name), hashlib.sha256(data).hexdigest().encode("ascii"))
    make_folder(folder / RECORDS, "the records of the shards")
    write_atomic(record_path(folder, report.name), data, work)


def remove_record(folder: Path, name: str) -> None:
    """Deletes the records of a shard, in both places."""
    if find_record(folder, name) == older_record_path(folder, name) or has_second_record(folder, name):
        remove(older_record_path(folder, name))
    remove(record_path(folder, name))


def record_names(folder: Path) -> list[str]:
    """Lists the shards that may have a record, sorted; `read_record` tells which of them have one.

    Files that are not named like a shard do not count: `verify` would not check them.

    Raises:
        InputError: the folder of records cannot be listed.
    """
    names = {path.stem for path in folder.glob("*.json")}
    try:
        names.update(path.stem for path in (folder / RECORDS).iterdir() if path.suffix == ".record")
    except (FileNotFoundError, NotADirectoryError):
        pass  # an older data set
    except OSError as error:
        raise InputError(f"{folder / RECORDS}: cannot be read: {error.strerror}") from error
    return sorted(filter(SHARD_NAME.fullmatch, names))


def foreign_records(folder: Path) -> list[str]:
    """Lists what is in `records` and is not named like a record, sorted; without hidden files, which systems leave."""
    try:
        names = [path.name for path in (folder / RECORDS).iterdir()]
    except OSError:
        return []
    return sorted(name for name in names if not name.startswith(".") and not _RECORD_FILE.fullmatch(name))


def find_record(folder: Path, name: str) -> Path:
    """Returns the path where the record of a shard is: beside the tar, if it is only there; else in `records`."""
    path, older = record_path(folder, name), older_record_path(folder, name)
    return older if not os.path.lexists(path) and os.path.lexists(older) else path


def has_second_record(folder: Path, name: str) -> bool:
    """Tells whether a shard has a record in both places.

    An index of another program beside the tar, such as webshart's, has the same name, but not the content of a record.
    """
    older = older_record_path(folder, name)
    if not record_path(folder, name).exists() or not os.path.lexists(older):
        return False
    try:
        parse_record(read_regular_file(older, JSON_BYTES))
    except (OSError, ValueError):
        return False
    return True


def seal_path(folder: Path, name: str) -> Path:
    """Returns the path of the digest of a record, in the work folder: the record itself does not contain one."""
    return folder / WORK / f"{name}.record"


def read_record(folder: Path, name: str, *, older: bool = True) -> ShardReport | None:
    """Reads the record of a shard; None if it is missing or damaged.

    Args:
        folder: folder of the data set.
        name: name of the shard, such as `train-000000`.
        older: whether a record beside the tar counts too.
    """
    path = find_record(folder, name) if older else record_path(folder, name)
    try:
        data = read_regular_file(path, JSON_BYTES)
        report = parse_record(data)
    except (OSError, ValueError):
        return None
    return report if report.name == name and _is_as_written(folder, name, data) else None


def recorded_names(folder: Path) -> set[str]:
    """Returns the names of the shards that have a record, in either place, whatever a plan says."""
    return {name for name in record_names(folder) if read_record(folder, name)}


def _is_as_written(folder: Path, name: str, data: bytes) -> bool:
    """Tells whether a record has the digest in the work folder; there is none in a copy or of older versions."""
    try:
        seal = read_regular_file(seal_path(folder, name), JSON_BYTES)
    except OSError:
        return True
    return seal == hashlib.sha256(data).hexdigest().encode("ascii")


def matches(folder: Path, report: ShardReport) -> bool:
    """Tells whether size and hash of the tar match its record."""
    path = folder / f"{report.name}.tar"
    if not report.count:
        return not path.exists()
    try:
        if path.stat().st_size != report.bytes:
            return False
        with open_regular_file(path) as file:
            return file_digest(file) == report.sha256
    except OSError:
        return False


def file_digest(file: BinaryIO) -> str:
    """Computes the hex sha256 of an open file."""
    digest = hashlib.sha256()
    while block := file.read(_BLOCK):
        digest.update(block)
    return digest.hexdigest()
