"""Verification of a data set: every shard against its record, every sample against the format.

The hash of a shard reveals any change after it was written. The other checks find faults from before: members that
cannot be decoded, maps that do not match the images, people in two splits.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from maskgen.dataset.card import split_lines
from maskgen.dataset.facts import facts_bytes, parse_facts
from maskgen.dataset.fairness import odd_groups, stated_groups
from maskgen.dataset.labels import LARGEST_SEED, odd_labels
from maskgen.dataset.near_copies import CopyCount
from maskgen.dataset.plan import FORMAT, Plan
from maskgen.dataset.shard_record import (
    SPLITS,
    ShardReport,
    file_digest,
    find_record,
    foreign_records,
    has_second_record,
    parse_record,
    record_bytes,
)
from maskgen.dataset.shards import KEY, Members, Sample, decode, format_of, member_names, read_shard
from maskgen.errors import InputError, UnmaskError
from maskgen.files import CARD, FACTS, RECORDS
from maskgen.progress import OnProgress, Progress, no_progress
from maskgen.reading import JSON_BYTES, open_regular_file, read_regular_file, reason_of
from maskgen.sources import person_name
from maskgen.types import BARE

EQUAL_INSIDE = 0.01  # largest fraction of a map's pixels that may be equal in both images by chance
LOSSLESS = {"png", "webp"}
WORTH_BYTES = 100_000_000  # size of the tars from which more processes are faster


@dataclass(frozen=True)
class DataSetProblem:
    """Fault of a data set.

    Attributes:
        shard: name of the shard; "" for the whole data set.
        key: key of the sample; "" for the whole shard.
        what: description of the fault.
    """

    shard: str
    key: str
    what: str


@dataclass(frozen=True)
class VerifyReport:
    """Result of a verification.

    Attributes:
        ok: whether no fault was found.
        shards: number of shards checked.
        samples: number of samples checked.
        problems: the faults.
        format: version of the format of its samples; 0 if it is unknown or there is more than one.
    """

    ok: bool
    shards: int
    samples: int
    problems: tuple[DataSetProblem, ...]
    format: int = 0


@dataclass
class Findings:
    """Result of checking one shard.

    Attributes:
        name: name of the shard.
        record: its record; None if it is missing or invalid.
        problems: key ("" for the whole shard) and text of each fault.
        keys: keys of its samples.
        people: identity -> key of its first sample.
        terms: terms of use in its samples.
        formats: versions of the format in its samples; 0 for an unknown one.
    """

    name: str
    record: ShardReport | None = None
    problems: list[tuple[str, str]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    people: dict[str, str] = field(default_factory=dict)
    terms: set[str] = field(default_factory=set)
    formats: set[int] = field(default_factory=set)


def verify(
    folder: str | Path, on_progress: OnProgress = no_progress, *, jobs: int | None = None
) -> VerifyReport:
    """Checks a data set.

    Args:
        folder: folder of the data set.
        on_progress: called for each shard.
        jobs: number of processes; None means one per core, or one process for a small data set.

    Returns:
        Numbers of shards and samples checked, and all faults.

    Raises:
        InputError: the folder is missing or holds no shard.
        UnmaskError: a process was killed.
    """
    folder = Path(folder)
    paths = _shard_files(folder)
    names = sorted({path.stem for path in paths})
    if not names:
        raise InputError(f"{folder}: found no shards such as train-000000.tar; give the folder of a data set")
    if jobs is None and sum(path.stat().st_size for path in paths) < WORTH_BYTES:
        jobs = 1
    on_progress(Progress(0, len(names)))
    shards: list[Findings] = []
    for found in _check_shards(folder, names, jobs):
        shards.append(found)
        on_progress(Progress(len(shards), len(names)))
    problems = [
        DataSetProblem(found.name, key, what)
        for found in _with_clashes(shards)
        for key, what in found.problems
    ]
    problems += [DataSetProblem("", "", what) for what in _check_whole(folder, shards)]
    formats = set().union(*(found.formats for found in shards))
    return VerifyReport(
        not problems,
        len(names),
        sum(len(found.keys) for found in shards),
        tuple(problems),
        formats.pop() if len(formats) == 1 else 0,
    )


def _shard_files(folder: Path) -> list[Path]:
    """Lists the tars and the records of a data set, in both places of records."""
    patterns = [f"{split}-*.{kind}" for split in SPLITS for kind in ("tar", "json")]
    patterns += [f"{RECORDS}/{split}-*.record" for split in SPLITS]
    return [path for pattern in patterns for path in folder.glob(pattern)]


def _check_shards(folder: Path, names: Sequence[str], jobs: int | None) -> Iterator[Findings]:
    """Checks the shards in order. The checks only read, so the pool may simply end when a process is killed."""
    if jobs == 1 or len(names) == 1:
        yield from (check_shard(folder, name) for name in names)
        return
    from joblib import (
        Parallel,
        cpu_count,
        delayed,
    )  # imported here: takes half a second, not needed for small data sets

    pool = Parallel(n_jobs=min(jobs or cpu_count(), len(names)), return_as="generator")
    try:
        yield from pool(delayed(check_shard)(folder, name) for name in names)
    except BrokenProcessPool as error:
        raise UnmaskError(
            f"{folder}: a process that checked it was killed; if memory is short, give fewer --jobs"
        ) from error


def _with_clashes(shards: Iterable[Findings]) -> Iterator[Findings]:
    """Adds the conflicts of each shard with earlier shards: repeated keys, people in two splits."""
    keys: set[str] = set()
    splits: dict[str, str] = {}
    for found in shards:
        for key in found.keys:
            if key in keys:
                found.problems.append((key, "the key was there before"))
            keys.add(key)
        for person, key in found.people.items():
            assert found.record is not None, "without a record no sample is read"
            split = found.record.split
            if splits.setdefault(person, split) != split:
                found.problems.append((key, f"{person} is in {splits[person]} and in {split}"))
        yield found


def check_shard(folder: Path, name: str) -> Findings:
    """Checks one shard on its own."""
    found = Findings(name)
    found.problems += _check_shard(folder, found)
    return found


def _check_shard(folder: Path, found: Findings) -> Iterator[tuple[str, str]]:
    name = found.name
    try:
        data = read_regular_file(find_record(folder, name), JSON_BYTES)
        record = found.record = parse_record(data)
    except FileNotFoundError:
        what = "the record is missing, so the shard was not finished, or was copied without it"
        yield "", f"{what}; give the same gen-data command again, or copy {RECORDS}/ as well"
        return
    except (OSError, ValueError) as error:
        yield "", f"the record cannot be read: {reason_of(error)}"
        return
    if data != record_bytes(record):
        yield "", "the record was changed"
    if record.name != name or record.split != name.partition("-")[0]:
        yield "", f"the record is that of {record.name} ({record.split})"
    if has_second_record(folder, name):
        yield "", f"there is a second record, {name}.json, beside the shards; delete it"
    path = folder / f"{name}.tar"
    if not record.count:
        if path.exists():
            yield "", "the record says that there are no samples, but there is a tar"
        return
    if not path.exists():
        yield "", "the tar is missing"
        return
    yield from _check_bytes(path, record)
    yield from _check_samples(path, record, found)


def _check_bytes(path: Path, record: ShardReport) -> Iterator[tuple[str, str]]:
    size = path.stat().st_size
    if size != record.bytes:
        yield "", f"the tar has {size} bytes, the record says {record.bytes}"
        return
    try:
        with open_regular_file(path) as file:
            if file_digest(file) != record.sha256:
                yield "", "the tar's sha256 is not that of the record: its content was changed"
    except OSError as error:
        yield "", f"the tar cannot be read: {error.strerror}"


def _check_samples(path: Path, record: ShardReport, found: Findings) -> Iterator[tuple[str, str]]:
    try:
        for key, members in read_shard(path):
            found.keys.append(key)
            for what in _check_sample(key, members, record, found):
                yield key, what
    except InputError as error:
        yield "", f"the tar cannot be read to its end: {error.__cause__}"
    if len(found.keys) != record.count:
        yield "", f"the tar has {len(found.keys)} samples, the record says {record.count}"


def _check_sample(key: str, members: Members, record: ShardReport, found: Findings) -> Iterator[str]:
    if not KEY.fullmatch(key):
        yield "the key has characters beside a-z, 0-9, _ and -"
    suffix = next((name.partition(".")[2] for name in members if name.startswith("masked.")), "jpg")
    if list(members) != member_names(suffix):
        yield f"members are {', '.join(members)}; expected {', '.join(member_names(suffix))}"
    try:
        sample = decode(members)
    except InputError as error:
        yield str(error)
        return
    version = format_of(members)
    found.formats.add(version)
    if not version:
        yield "map and parts are not 8-bit grey PNGs, or 1-bit and palette ones as in format 1"
    yield from _check_planes(sample, exact=suffix in LOSSLESS)
    yield from _check_labels(key, sample, version, record, found)


def _check_planes(sample: Sample, *, exact: bool) -> Iterator[str]:
    """Checks the map and the parts against the images; pixel by pixel where the encoding is lossless."""
    shapes = {name: sample[name].shape[:2] for name in ("gt", "masked", "map", "parts")}
    if len(set(shapes.values())) > 1:
        yield f"members are of different sizes: {shapes}"
        return
    inside = sample["map"] > 0
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


def _check_hole(sample: Sample) -> Iterator[str]:
    """Checks that the map is empty where the labels name no mask, and only there; `pack` writes labels of no face."""
    covered = int(np.count_nonzero(sample["map"]))
    families = {face["mask"]["family"] for face in sample["json"]["faces"]}
    if not covered and families - {BARE.family}:
        yield "the map is empty, but the labels name a mask"
    elif not covered and not np.array_equal(sample["masked"], sample["gt"]):
        yield "the map is empty, but masked and gt differ"
    elif covered and families == {BARE.family}:
        yield f"all faces are bare in the labels, but the map covers {covered} pixels"


def _check_labels(
    key: str, sample: Sample, version: int, record: ShardReport, found: Findings
) -> Iterator[str]:
    labels = sample["json"]
    odd = odd_labels(labels)
    if odd:
        yield f"json: {', '.join(odd)} missing, unknown or of the wrong type"
        return
    if version == FORMAT and not 0 <= labels["seed"] <= LARGEST_SEED:
        yield f"json: seed is {labels['seed']}, format {FORMAT} has seeds of 0 to {LARGEST_SEED}"
    if labels["split"] != record.split:
        yield f"json: split is {labels['split']}, the shard is of {record.split}"
    yield from _check_hole(sample)
    if abs(labels["hole"] - np.mean(sample["map"])) > 1e-4:
        yield f"json: hole is {labels['hole']}, the map covers {np.mean(sample['map']):.4f}"
    if labels["source"].startswith("/"):
        yield "json: source is an absolute path"
    found.terms.add(labels["terms"])
    if labels["identity"]:
        found.people.setdefault(person_name(labels["identity"]), key)


def _check_whole(folder: Path, shards: Sequence[Findings]) -> Iterator[str]:
    """Checks `dataset.json` and the card against the records, and what else is beside the records."""
    yield from (f"{RECORDS}/{name} is not part of the data set" for name in foreign_records(folder))
    records = {found.name: found.record for found in shards if found.record is not None}
    try:
        data = read_regular_file(folder / FACTS, JSON_BYTES)
        facts = parse_facts(data)
        names = [entry["name"] for entry in facts["shards"]]
        splits = split_lines(facts)
        plan = Plan(
            facts["source"], facts["terms"], facts["settings"], facts["versions"], format=facts["format"]
        )
    except FileNotFoundError:
        yield f"{FACTS} is missing, so not all shards are made; give the same gen-data command again"
        return
    except (OSError, ValueError, KeyError, TypeError) as error:
        yield f"{FACTS} cannot be read: {reason_of(error)}"
        return
    missing, unlisted = set(names) - records.keys(), records.keys() - set(names)
    if missing:
        yield f"{FACTS} lists {', '.join(sorted(missing))}, but there is no sound record of it"
    if unlisted:
        yield f"{FACTS} does not list {', '.join(sorted(unlisted))}"
    if not missing and not unlisted:
        yield from _check_facts(data, facts, plan, [records[name] for name in names])
    if any(record.settings != plan.hash for record in records.values()):
        yield f"the records were made with other settings or versions than {FACTS} has"
    other = set().union(*(found.formats for found in shards)) - {plan.format, 0}
    if other:
        yield f"{FACTS} says format {plan.format}, but there are samples of format {', '.join(map(str, other))}"
    if set().union(*(found.terms for found in shards)) - {plan.terms}:
        yield f"the samples have other terms than {FACTS}"
    yield from _check_card(folder, splits)


def _check_card(folder: Path, splits: str) -> Iterator[str]:
    """Checks the part of the card that loaders read; people may change the rest."""
    try:
        text = read_regular_file(folder / CARD, JSON_BYTES).decode("utf-8").replace("\r\n", "\n")
    except FileNotFoundError:
        yield f"the card {CARD} is missing"
    except (OSError, ValueError) as error:
        yield f"the card {CARD} cannot be read: {reason_of(error)}"
    else:
        header, end, _ = text.partition("\n---\n")
        if not header.startswith("---\n") or not end or f"\n{splits}" not in header:
            yield f"the header of the card {CARD} does not name the files of the splits, so loaders may take others"


def _check_facts(
    data: bytes, facts: Mapping[str, Any], plan: Plan, records: Sequence[ShardReport]
) -> Iterator[str]:
    """Checks the content of `dataset.json` against the records of all shards that it lists."""
    odd = odd_groups(facts, records)
    if odd:
        yield f"{FACTS}: {', '.join(odd)}: not what follows from its counts, or from the records"
    if data != _facts_from(plan, records, stated_groups(facts)):
        yield f"{FACTS} is not what follows from the records"


def _facts_from(plan: Plan, records: Sequence[ShardReport], groups: Mapping[str, Any]) -> bytes:
    copies = CopyCount()
    for record in records:
        copies.add(record)
    return facts_bytes(plan, records, copies.result(), groups)
