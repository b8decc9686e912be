"""Check a data set: every shard against its record byte for byte, every sample against the contract.

The hash alone finds any cut or flipped bit. The rest finds what was wrong before it was hashed: a member that cannot
be decoded, a map that does not say where the pictures differ, a person in two splits.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from maskgen.errors import InputError
from maskgen.files import CARD, FACTS
from maskgen.plan import Plan
from maskgen.records import SPLITS, ShardReport, file_digest, parse_record, record_bytes
from maskgen.shards import KEY, Members, Sample, decode, member_names, read_shard
from maskgen.target import facts_bytes

EQUAL_INSIDE = 0.01  # share of a map's pixels that may be equal in both pictures by chance
LOSSLESS = {"png", "webp"}
LABELS: dict[str, type] = {
    "source": str,
    "identity": str,
    "split": str,
    "faces": list,
    "seed": int,
    "hole": float,
    "valid": float,
    "terms": str,
}


@dataclass(frozen=True)
class Problem:
    """What is wrong, in which shard ("" = the data set as a whole), with which sample ("" = the shard)."""

    shard: str
    key: str
    what: str


@dataclass(frozen=True)
class VerifyReport:
    """Whether a data set is sound; how many shards and samples were looked at; what is wrong with it."""

    ok: bool
    shards: int
    samples: int
    problems: tuple[Problem, ...]


class _Seen:
    """What must be unique or agree across shards."""

    def __init__(self) -> None:
        self.keys: set[str] = set()
        self.splits: dict[str, str] = {}
        self.terms: set[str] = set()
        self.samples = 0


def _ignore(done: int, total: int) -> None:
    """Nobody watches."""


def verify(folder: Path, on_progress: Callable[[int, int], object] = _ignore) -> VerifyReport:
    """Check a data set.

    Args:
        folder: the data set.
        on_progress: called with shards done, shards in all.

    Raises:
        InputError: the folder is missing or holds no shard.
    """
    names = sorted(
        {
            path.stem
            for split in SPLITS
            for path in folder.glob(f"{split}-*")
            if path.suffix in (".tar", ".json")
        }
    )
    if not names:
        raise InputError(f"{folder}: found no shards such as train-000000.tar; give the folder of a data set")
    problems: list[Problem] = []
    records: dict[str, ShardReport] = {}
    seen = _Seen()
    for done, name in enumerate(names):
        on_progress(done, len(names))
        for key, what in _check_shard(folder, name, records, seen):
            problems.append(Problem(name, key, what))
    on_progress(len(names), len(names))
    problems += [Problem("", "", what) for what in _check_whole(folder, records, seen)]
    return VerifyReport(not problems, len(names), seen.samples, tuple(problems))


def _check_shard(
    folder: Path, name: str, records: dict[str, ShardReport], seen: _Seen
) -> Iterator[tuple[str, str]]:
    """Problems of one shard as key and text; its record goes into `records`."""
    try:
        data = (folder / f"{name}.json").read_bytes()
        record = parse_record(data)
    except FileNotFoundError:
        yield "", "the record is missing, so the shard was not finished; give the same gen-data command again"
        return
    except (OSError, ValueError) as error:
        yield "", f"the record cannot be read: {error}"
        return
    records[name] = record
    if data != record_bytes(record):
        yield "", "the record was changed"
    if record.name != name or record.split != name.partition("-")[0]:
        yield "", f"the record is that of {record.name} ({record.split})"
    path = folder / f"{name}.tar"
    if not record.count:
        if path.exists():
            yield "", "the record says that there are no samples, but there is a tar"
        return
    if not path.exists():
        yield "", "the tar is missing"
        return
    yield from _check_bytes(path, record)
    yield from _check_samples(path, record, seen)


def _check_bytes(path: Path, record: ShardReport) -> Iterator[tuple[str, str]]:
    size = path.stat().st_size
    if size != record.bytes:
        yield "", f"the tar has {size} bytes, the record says {record.bytes}"
        return
    try:
        with path.open("rb") as file:
            if file_digest(file) != record.sha256:
                yield "", "the tar's sha256 is not that of the record: its content was changed"
    except OSError as error:
        yield "", f"the tar cannot be read: {error.strerror}"


def _check_samples(path: Path, record: ShardReport, seen: _Seen) -> Iterator[tuple[str, str]]:
    count = 0
    try:
        for key, members in read_shard(path):
            count += 1
            for what in _check_sample(key, members, record, seen):
                yield key, what
    except InputError as error:
        yield "", f"the tar cannot be read to its end: {error.__cause__}"
    seen.samples += count
    if count != record.count:
        yield "", f"the tar has {count} samples, the record says {record.count}"


def _check_sample(key: str, members: Members, record: ShardReport, seen: _Seen) -> Iterator[str]:
    if not KEY.fullmatch(key):
        yield "the key has characters beside a-z, 0-9, _ and -"
    if key in seen.keys:
        yield "the key was there before"
    seen.keys.add(key)
    suffix = next((name.partition(".")[2] for name in members if name.startswith("masked.")), "jpg")
    if list(members) != member_names(suffix):
        yield f"members are {', '.join(members)}; expected {', '.join(member_names(suffix))}"
    try:
        sample = decode(members)
    except InputError as error:
        yield str(error)
        return
    yield from _check_planes(sample, exact=suffix in LOSSLESS)
    yield from _check_labels(sample["json"], sample, record, seen)


def _check_planes(sample: Sample, *, exact: bool) -> Iterator[str]:
    """The map and the parts against the pictures; pixel by pixel where the encoding kept them."""
    shapes = {name: sample[name].shape[:2] for name in ("gt", "masked", "map", "parts")}
    if len(set(shapes.values())) > 1:
        yield f"members are of different sizes: {shapes}"
        return
    inside = sample["map"] > 0
    if not inside.any():
        yield "the map is empty"
    if (inside != (sample["parts"] > 0)).any():
        yield "map and parts do not cover the same pixels"
    if not exact:
        return
    differs = (sample["masked"] != sample["gt"]).any(axis=2)
    if (differs & ~inside).any():
        yield f"{int((differs & ~inside).sum())} pixels differ outside the map"
    equal = int((inside & ~differs).sum())
    if equal > EQUAL_INSIDE * inside.sum():
        yield f"{equal} of {int(inside.sum())} pixels inside the map are equal in both pictures"


def _check_labels(labels: Any, sample: Sample, record: ShardReport, seen: _Seen) -> Iterator[str]:
    found = {name: type(value) for name, value in labels.items()} if isinstance(labels, dict) else {}
    if found != LABELS:
        odd = sorted(name for name in found.keys() | LABELS.keys() if found.get(name) != LABELS.get(name))
        yield f"json: {', '.join(odd)} missing, unknown or of the wrong type"
        return
    if labels["split"] != record.split:
        yield f"json: split is {labels['split']}, the shard is of {record.split}"
    if abs(labels["hole"] - np.mean(sample["map"])) > 1e-4:
        yield f"json: hole is {labels['hole']}, the map covers {np.mean(sample['map']):.4f}"
    seen.terms.add(labels["terms"])
    if labels["source"].startswith("/"):
        yield "json: source is an absolute path"
    person = labels["identity"]
    if person and seen.splits.setdefault(person, record.split) != record.split:
        yield f"{person} is in {seen.splits[person]} and in {record.split}"


def _check_whole(folder: Path, records: dict[str, ShardReport], seen: _Seen) -> Iterator[str]:
    """`dataset.json` and the card against the records."""
    try:
        data = (folder / FACTS).read_bytes()
        facts = json.loads(data)
        names = [entry["name"] for entry in facts["shards"]]
        plan = Plan(facts["source"], facts["terms"], facts["settings"], facts["versions"])
    except FileNotFoundError:
        yield f"{FACTS} is missing, so not all shards are made; give the same gen-data command again"
        return
    except (OSError, ValueError, KeyError, TypeError) as error:
        yield f"{FACTS} cannot be read: {error!r}"
        return
    missing, unlisted = set(names) - records.keys(), records.keys() - set(names)
    if missing:
        yield f"{FACTS} lists {', '.join(sorted(missing))}, but there is no sound record of it"
    if unlisted:
        yield f"{FACTS} does not list {', '.join(sorted(unlisted))}"
    if not missing and not unlisted and data != facts_bytes(plan, [records[name] for name in names]):
        yield f"{FACTS} is not what follows from the records"
    if any(record.settings != plan.hash for record in records.values()):
        yield f"the records were made with other settings or versions than {FACTS} has"
    if seen.terms - {plan.terms}:
        yield f"the samples have other terms than {FACTS}"
    if not (folder / CARD).exists():
        yield f"the card {CARD} is missing"
