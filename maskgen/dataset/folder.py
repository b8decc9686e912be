"""Folder of a data set: its plan, its locks, its finished shards, and which of the files in it belong to it.

Its subfolder `.work` holds what is not part of the data set:
    plan.json            the planned shards, with settings and versions
    SHARD.record         the digest of a shard's record
    SHARD.poison.json    photos of a shard that crash their worker
    skipped/             thumbnails of skipped photos
    lock*                which runs are at work
"""

import json
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import IO, Any

from maskgen.dataset.assign import Wanted
from maskgen.dataset.locks import changing, hold_slice, let_go, refuse_held
from maskgen.dataset.near_copies import CopyCount
from maskgen.dataset.plan import (
    FORMAT,
    Entry,
    Plan,
    ShardPlan,
    differences,
    load_plan,
    save_plan,
    with_refs,
)
from maskgen.dataset.shard_record import (
    SHARD_NAME,
    SPLITS,
    ShardReport,
    foreign_records,
    matches,
    read_record,
    record_names,
    remove_record,
    seal_path,
)
from maskgen.dataset.skipped_thumbnails import thumbs_folder
from maskgen.errors import UsageError
from maskgen.files import (
    CARD,
    FACTS,
    PART,
    RECORDS,
    WORK,
    disk_errors,
    held_files,
    make_folder,
    older_record_path,
    part_path,
    record_path,
    remove,
    write_atomic,
)
from maskgen.reading import JSON_BYTES, parse_json, read_regular_file
from maskgen.settings import GenSettings
from maskgen.types import PhotoRef

Describe = Callable[[Plan, Sequence[ShardReport]], dict[str, Any]]
_OWN_FILE = re.compile(
    rf"{SHARD_NAME.pattern}\.(?:tar|json)|{RECORDS}/{SHARD_NAME.pattern}\.record|{re.escape(CARD)}|{re.escape(FACTS)}"
)
_PLAN, _DOOMED = "plan.json", "doomed-plan.json"


class DataSetFolder:
    """Folder of one data set.

    Attributes:
        out: the folder.
        work: subfolder with everything that is not part of the data set.
        copies: what `CopyCount` found, once the data set is complete.
        groups: what `describe` of `complete` found, once the data set is complete.
    """

    def __init__(self, out: Path) -> None:
        self.out, self.work = out, out / WORK
        self._plan_file, self._doomed_file = self.work / _PLAN, self.work / _DOOMED
        self.copies: dict[str, Any] | None = None
        self.groups: dict[str, Any] = {}
        self._lock: IO[str] | None = None

    @contextmanager
    def claim(self, wanted: Wanted, refs: Sequence[PhotoRef], settings: GenSettings) -> Iterator[Plan]:
        """Settles the plan and holds this run's slice of the shards until the end of the `with` block.

        Args:
            wanted: what the run asks for.
            refs: all photos of the source.
            settings: whether to resume an existing plan (default), extend it or overwrite it; the slice.

        Yields:
            the plan of the whole data set.

        Raises:
            UsageError: the folder holds a data set made otherwise (with the differences) or files of others, or
                another run holds a shard of the slice.
            UnmaskError: the folder cannot be written to.
        """
        self._refuse_folders()
        if not self.work.exists() and not settings.run.overwrite:
            self.next_plan(None, wanted, refs, settings)  # refuses before anything is written
        make_folder(self.work, "the data set")
        part = settings.run.slice
        with changing(self.work):
            refuse_held(self.work, part)
            plan = self._settle_plan(wanted, refs, settings)
            make_folder(self.out / RECORDS, "the records of the shards")
            self._lock = hold_slice(self.work, part)
        with self._lock:
            yield plan

    def release(self, write_card: Callable[[Path], object], describe: Describe | None = None) -> bool:
        """Gives back the slice, after a run that made all its shards, and completes the data set if it can.

        Args:
            write_card: writes the card of the folder.
            describe: see `complete`.

        Returns:
            whether the data set is complete: all slices are done.
        """
        assert self._lock is not None, "claim first"
        with changing(self.work):
            complete = self.complete(write_card, describe)
            let_go(self._lock)
        return complete

    def complete(self, write_card: Callable[[Path], object], describe: Describe | None = None) -> bool:
        """Writes `dataset.json` and the card if every planned shard has its record.

        Args:
            write_card: writes the card of the folder.
            describe: returns entries to add to `dataset.json`, from the plan and the records of its shards.

        Returns:
            whether every planned shard has its record.
        """
        plan = self.read_plan()  # another run may have extended it
        assert plan is not None, self._plan_file
        reports, copies = [], CopyCount()
        for shard in plan.shards:
            report = read_record(self.out, shard.name, older=False)
            if report is None or report.settings != shard.settings:
                return False
            copies.add(report)
            reports.append(replace(report, prints=()))
        self.copies = copies.result()
        self.groups = describe(plan, reports) if describe else {}
        write_atomic(self.out / FACTS, facts_bytes(plan, reports, self.copies, self.groups))
        write_card(self.out)
        return True

    def read_plan(self) -> Plan | None:
        """Reads the plan, or returns None if there is none. Its photos have ids only.

        Raises:
            UsageError: the plan is damaged or of another version of the format.
        """
        return load_plan(self._plan_file)

    def next_plan(
        self, old: Plan | None, wanted: Wanted, refs: Sequence[PhotoRef], settings: GenSettings
    ) -> Plan:
        """Computes the next plan from `old`, if there is one; writes nothing.

        Raises:
            UsageError: the folder holds a data set made otherwise (with the differences), or files of others.
        """
        if old is None:
            foreign = [] if settings.run.overwrite else foreign_records(self.out)
            beside = (f"{RECORDS}/{name}" for name in foreign)
            self._refuse_foreign((CARD, FACTS, *_files(wanted.plan.shards), *beside))
            return wanted.plan
        self._refuse_difference(old, wanted, settings)
        plan = with_refs(old, refs)
        if settings.run.extend:
            plan = wanted.extend(plan)
            self._refuse_foreign(_files(plan.shards[len(old.shards) :]))
        return plan

    def finished(self, shard: ShardPlan, *, retry_failed: bool) -> ShardReport | None:
        """Returns the record of a finished shard, or None.

        A shard is finished if its record fits the plan and its tar fits the record byte for byte. With
        `retry_failed`, a shard with photos that crashed their worker does not count as finished.
        """
        report = read_record(self.out, shard.name, older=False)
        if report is None or (report.settings, report.photos) != (shard.settings, shard.photos):
            return None
        if retry_failed and "poison" in report.skipped:
            return None
        return replace(report, prints=()) if matches(self.out, report) else None

    def remove_parts(self, names: Iterable[str]) -> None:
        """Deletes the partial files that killed runs left of these shards or files."""
        for name in names:
            for path in self.work.glob(f"{name}.*{PART}"):
                remove(path)

    def warn_of_company(self) -> tuple[str, ...]:
        """Warns if the folder holds files but no data set of unmask: the new one will lie among them."""
        found = held_files(self.out)  # looked at first: another slice makes `.work` before its files
        is_data_set = self.work.exists() or _is_facts(self.out / FACTS) or bool(self._recorded())
        if not found or is_data_set:
            return ()
        return (
            f"{self.out}: held {', '.join(found)} before; the data set lies among them, and they are left alone",
        )

    def without_poison(self, shard: ShardPlan) -> ShardPlan:
        """Skips the photos of a shard that crashed their worker in earlier runs."""
        for entry in self._poison(shard.name):
            shard = shard.without(entry)
        return shard

    def keep_poison(self, name: str, entry: Entry) -> None:
        """Remembers that a photo of a shard crashes its worker."""
        entries = sorted([*self._poison(name), entry])
        write_atomic(self._poison_file(name), json.dumps(entries, indent=1).encode("ascii"))

    def forget_poison(self, name: str) -> None:
        """Forgets which photos of a shard crashed their worker."""
        remove(self._poison_file(name))

    def _poison(self, name: str) -> list[Entry]:
        """Reads the poison photos of a shard; a missing or damaged file holds none."""
        try:
            entries = parse_json(read_regular_file(self._poison_file(name), JSON_BYTES))
            found = [(photo, reason, detail) for photo, reason, detail in entries]
        except (OSError, ValueError, TypeError):
            return []
        return found if all(isinstance(text, str) for entry in found for text in entry) else []

    def _poison_file(self, name: str) -> Path:
        return self.work / f"{name}.poison.json"

    def _settle_plan(self, wanted: Wanted, refs: Sequence[PhotoRef], settings: GenSettings) -> Plan:
        """Resumes, extends or replaces the stored plan, and stores the result. Call it inside `changing`."""
        self.remove_parts((_PLAN, FACTS, CARD))
        if self._doomed_file.exists():  # an --overwrite that was killed
            self._clear()
        if settings.run.overwrite and not self._is_being_overwritten(wanted):
            refuse_held(self.work)
            self._clear()
        old = self.read_plan()
        plan = self.next_plan(old, wanted, refs, settings)
        if old is None or len(plan.shards) > len(old.shards):
            remove(self.out / FACTS)  # it would list fewer shards
            save_plan(self._plan_file, plan)
        return plan

    def _is_being_overwritten(self, wanted: Wanted) -> bool:
        """Tells whether an --overwrite by this very plan was begun and not finished: the same command resumes it."""
        if not self._plan_file.exists() or (self.out / FACTS).exists():
            return False
        try:
            old = self.read_plan()
        except UsageError:
            return False
        return old is not None and not differences(old, wanted.blank) and old.ids == wanted.ids

    def _refuse_folders(self) -> None:
        """Refuses folders where files of the data set belong, before anything is deleted or written.

        Raises:
            UsageError: there is one, or `records` is not a folder or is a link, perhaps to another disk.
            UnmaskError: `records` cannot be read or written to, so an older record could not be deleted.
        """
        if not self.out.is_dir():
            return
        records = self.out / RECORDS
        if records.is_symlink() or (records.exists() and not records.is_dir()):
            raise UsageError(
                f"{self.out}: {RECORDS}: is a {'link' if records.is_symlink() else 'file'}, where a folder of the data "
                "set belongs; move it away"
            )
        paths = list(self.out.iterdir())
        if records.exists():
            with disk_errors(records, "the records of the shards"):
                paths += records.iterdir()
                part = part_path(records, ".writable")
                part.touch(exist_ok=False)
                remove(part)
        names = {path.relative_to(self.out).as_posix(): path for path in paths}
        found = sorted(name for name, path in names.items() if _OWN_FILE.fullmatch(name) and path.is_dir())
        if found:
            raise UsageError(
                f"{self.out}: {_some(found)}: is a folder, where a file of the data set belongs; move it away"
            )

    def _refuse_foreign(self, names: Iterable[str]) -> None:
        """Refuses to write over files that no plan names.

        Raises:
            UsageError: one of the files that would be written exists.
        """
        found = [name for name in names if (self.out / name).exists()]
        if found:
            older = all(self._is_ours(name) for name in found)
            raise UsageError(
                f"{self.out}: holds {_some(found)}, and no plan says that it is of this data set; choose another folder"
                + (
                    ", or --overwrite what is there"
                    if older
                    else ", or move it away: --overwrite would not replace it"
                )
            )

    def _is_ours(self, name: str) -> bool:
        """Tells whether a file belongs to a data set of unmask whose plan is lost, so that `_clear` deletes it."""
        if name in (CARD, FACTS):
            return _is_facts(self.out / FACTS)
        return read_record(self.out, Path(name).stem) is not None

    def _recorded(self) -> set[str]:
        """Returns the names of the shards that have a record, in either place, whatever the plan says."""
        names = filter(SHARD_NAME.fullmatch, record_names(self.out))
        return {name for name in names if read_record(self.out, name)}

    def _refuse_difference(self, old: Plan, wanted: Wanted, settings: GenSettings) -> None:
        """Refuses to resume a plan that differs from the one that would be made now.

        Raises:
            UsageError: with each difference.
        """
        if reason := _why_older(old):
            raise UsageError(
                f"{self.out}: is a data set of format {old.format}, made by an older version: it can be read, but not "
                f"resumed or extended, as {reason}; choose another folder with --out, or --overwrite it"
            )
        found = differences(old, wanted.blank)
        if not found and not settings.run.extend and old.ids != wanted.ids:
            more, gone = wanted.ids - old.ids, old.ids - wanted.ids
            found = [f"photos: {len(old.ids)} there, {len(wanted.ids)} now"]
            found += (
                [f"photos that were not planned: {_some(sorted(more))} (--extend adds them)"] if more else []
            )
            found += [f"planned photos that are not among them now: {_some(sorted(gone))}"] if gone else []
        if found:
            raise UsageError(
                f"{self.out}: was begun otherwise, so this run would not fit to it:\n  "
                + "\n  ".join(found)
                + "\nGive what it was begun with, choose another --out, or --overwrite it"
            )

    def _clear(self) -> None:
        """Deletes the data set: the files that its plan or its records name, and nothing else.

        The plan is renamed first and deleted last, so that the next run notices a kill in between.
        """
        doomed = self._doomed_file
        if self._plan_file.exists():
            self._plan_file.replace(doomed)
        names = self._recorded() | _planned(doomed)
        if doomed.exists() or _is_facts(self.out / FACTS):
            remove(self.out / FACTS)
            remove(self.out / CARD)
        for name in sorted(names):
            remove_record(self.out, name)
            for path in (seal_path(self.out, name), self.out / f"{name}.tar", self._poison_file(name)):
                remove(path)
        self.remove_parts(names)
        shutil.rmtree(thumbs_folder(self.out), ignore_errors=True)
        remove(doomed)


def _files(shards: Iterable[ShardPlan]) -> list[str]:
    """Lists the paths in a data set that its shards take, also those where early builds had the records."""
    here = Path()
    return [
        path.as_posix()
        for shard in shards
        for path in (
            here / f"{shard.name}.tar",
            record_path(here, shard.name),
            older_record_path(here, shard.name),
        )
    ]


def _why_older(plan: Plan) -> str:
    """Returns what differs in a data set of early builds, so that shards of now do not fit to it; "" for none of them.

    Early builds of format 2 wrote each record beside its tar, and knew no `shards.readers`.
    """
    if plan.format != FORMAT:
        return f"samples are now of format {FORMAT}"
    shards = plan.settings.get("shards")
    known = isinstance(shards, Mapping) and "readers" in shards
    return "" if known else f"the records of shards are now in {RECORDS}/"


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _planned(path: Path) -> set[str]:
    """Lists the shards of a plan; a missing or unreadable plan lists none."""
    try:
        plan = load_plan(path)
    except UsageError:
        return set()
    return {shard.name for shard in plan.shards} if plan else set()


def _is_facts(path: Path) -> bool:
    """Tells whether a `dataset.json` was written by unmask: other programs use that name too."""
    try:
        facts = parse_json(read_regular_file(path, JSON_BYTES))
    except (OSError, ValueError):
        return False
    return isinstance(facts, dict) and {"format", "hash", "settings", "versions", "shards"} <= facts.keys()


def facts_bytes(
    plan: Plan,
    reports: Sequence[ShardReport],
    copies: Mapping[str, Any] | None,
    groups: Mapping[str, Any] | None = None,
) -> bytes:
    """Encodes `dataset.json`. The bytes do not depend on the time, the machine or the number of processes.

    Args:
        plan: source, settings and versions.
        reports: the records of all shards.
        copies: what `CopyCount` finds in them.
        groups: what `GroupFacts` finds: `by_group` and `tones`, where they are known.
    """
    facts = _facts(plan, reports) | ({"copies": copies} if copies else {}) | dict(groups or {})
    return json.dumps(facts, indent=1).encode("ascii") + b"\n"


def _facts(plan: Plan, reports: Sequence[ShardReport]) -> dict[str, Any]:
    skipped: Counter[str] = Counter()
    splits = {split: {"shards": 0, "photos": 0, "triplets": 0} for split in SPLITS}
    for report in reports:
        skipped.update(report.skipped)
        splits[report.split]["shards"] += 1
        splits[report.split]["photos"] += report.photos
        splits[report.split]["triplets"] += report.count
    return {
        "format": plan.format,
        "source": plan.source,
        "terms": plan.terms,
        "hash": plan.hash,
        "photos": sum(report.photos for report in reports),
        "triplets": sum(report.count for report in reports),
        "skipped": dict(sorted(skipped.items())),
        "splits": {split: counts for split, counts in splits.items() if counts["shards"]},
        "settings": dict(plan.settings),
        "versions": dict(plan.versions),
        "shards": [
            {name: value for name, value in asdict(report).items() if name != "prints"} for report in reports
        ],
    }
