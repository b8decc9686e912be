"""Folder of a data set: its plan, its locks, its finished shards, and which of the files in it belong to it.

Its subfolder `.work` holds what is not part of the data set:
    plan.json            the planned shards, with settings and versions
    SHARD.record         the digest of a shard's record
    SHARD.poison.json    photos of a shard that crash their worker
    skipped/             thumbnails of skipped photos
    lock*                which runs are at work
"""

import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

from maskgen.dataset.assign import Wanted
from maskgen.dataset.facts import facts_bytes, is_facts
from maskgen.dataset.locks import changing, hold_slice, let_go, refuse_held
from maskgen.dataset.near_copies import CopyCount
from maskgen.dataset.plan import (
    Entry,
    Plan,
    ShardPlan,
    differences,
    load_plan,
    save_plan,
    with_refs,
)
from maskgen.dataset.refusals import paths_of, refuse_difference, refuse_foreign, refuse_obstacles
from maskgen.dataset.shard_record import (
    ShardReport,
    foreign_records,
    matches,
    read_record,
    recorded_names,
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
    held_files,
    make_folder,
    remove,
    write_atomic,
)
from maskgen.reading import JSON_BYTES, parse_json, read_regular_file
from maskgen.settings import GenSettings
from maskgen.types import PhotoRef

Describe = Callable[[Plan, Sequence[ShardReport]], dict[str, Any]]
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
        refuse_obstacles(self.out)
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
            refuse_foreign(self.out, (CARD, FACTS, *paths_of(wanted.plan.shards), *beside))
            return wanted.plan
        refuse_difference(self.out, old, wanted, extend=settings.run.extend)
        plan = with_refs(old, refs)
        if settings.run.extend:
            plan = wanted.extend(plan)
            refuse_foreign(self.out, paths_of(plan.shards[len(old.shards) :]))
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
        is_data_set = self.work.exists() or is_facts(self.out / FACTS) or bool(recorded_names(self.out))
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

    def _clear(self) -> None:
        """Deletes the data set: the files that its plan or its records name, and nothing else.

        The plan is renamed first and deleted last, so that the next run notices a kill in between.
        """
        doomed = self._doomed_file
        if self._plan_file.exists():
            self._plan_file.replace(doomed)
        names = recorded_names(self.out) | _planned(doomed)
        if doomed.exists() or is_facts(self.out / FACTS):
            remove(self.out / FACTS)
            remove(self.out / CARD)
        for name in sorted(names):
            remove_record(self.out, name)
            for path in (seal_path(self.out, name), self.out / f"{name}.tar", self._poison_file(name)):
                remove(path)
        self.remove_parts(names)
        shutil.rmtree(thumbs_folder(self.out), ignore_errors=True)
        remove(doomed)


def _planned(path: Path) -> set[str]:
    """Lists the shards of a plan; a missing or unreadable plan lists none."""
    try:
        plan = load_plan(path)
    except UsageError:
        return set()
    return {shard.name for shard in plan.shards} if plan else set()
