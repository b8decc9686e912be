"""The folder that a data set grows in: what is planned, whose files are whose, when it is whole.

What is not part of the data set lies in its folder `.work`:
    plan.json            what is to be made, with settings and versions
    SHARD.poison.json    photos of a shard that end their worker
    skipped/             pictures of skipped photos
    lock*                who is at work
"""

import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from maskgen.dataset.locks import refuse_held
from maskgen.dataset.plan import (
    FORMAT,
    Entry,
    Plan,
    ShardPlan,
    differences,
    extend_plan,
    load_plan,
    save_plan,
    with_refs,
)
from maskgen.dataset.shard_record import SPLITS, ShardReport, matches, read_record
from maskgen.dataset.skipped_thumbnails import thumbs_folder
from maskgen.errors import UsageError
from maskgen.files import CARD, FACTS, PART, WORK, held_files, remove, write_atomic
from maskgen.settings import GenSettings
from maskgen.types import PhotoRef

_PLAN, _DOOMED = "plan.json", "doomed-plan.json"


@dataclass(frozen=True)
class Target:
    """A data set's folder, and the folder in it for what is not part of the data set."""

    out: Path

    @property
    def work(self) -> Path:
        """Plan, parts, locks."""
        return self.out / WORK

    @property
    def plan(self) -> Path:
        """What is to be made."""
        return self.work / _PLAN

    def poison(self, name: str) -> Path:
        """Photos of a shard that end their worker."""
        return self.work / f"{name}.poison.json"


def settle_plan(target: Target, wanted: Plan, refs: Sequence[PhotoRef], settings: GenSettings) -> Plan:
    """Finds the plan that was made before, or takes the new one, and keeps it. Nobody else may change the plan then.

    Args:
        target: the data set's folder; its work folder exists.
        wanted: the plan as it would be made now.
        refs: all photos of the source.
        settings: what to do with a plan that is there: go on (default), extend, overwrite.

    Raises:
        UsageError: what is there was made otherwise (with the difference), or is not ours.
    """
    remove_parts(target, (_PLAN, FACTS, CARD))
    if (target.work / _DOOMED).exists():  # an --overwrite that was killed
        clear(target)
    if settings.run.overwrite and not _under_way(target, wanted):
        refuse_held(target.work)
        clear(target)
    old = load_plan(target.plan)
    plan = next_plan(target, old, wanted, refs, settings)
    if old is None or len(plan.shards) > len(old.shards):
        remove(target.out / FACTS)  # it would speak of fewer shards
        save_plan(target.plan, plan)
    return plan


def warn_of_company(target: Target) -> tuple[str, ...]:
    """Warns if the folder holds files but no data set of unmask, finished or not: the new one will lie among them."""
    found = held_files(target.out)  # looked at first: another slice makes `.work` before its files
    ours = target.work.exists() or any(_is_ours(target, path.name) for path in target.out.glob("*.json"))
    if not found or ours:
        return ()
    return (
        f"{target.out}: held {', '.join(found)} before; the data set lies among them, and they are left alone",
    )


def next_plan(
    target: Target, old: Plan | None, wanted: Plan, refs: Sequence[PhotoRef], settings: GenSettings
) -> Plan:
    """Computes the next plan from `old`, if there is one; writes nothing.

    Raises:
        UsageError: what is there was made otherwise (with the difference), or is not ours.
    """
    if old is None:
        refuse_foreign(target, (CARD, FACTS, *_files(wanted.shards)))
        return wanted
    refuse_difference(target, old, wanted, settings)
    plan = with_refs(old, refs)
    if settings.run.extend:
        plan = extend_plan(plan, refs, settings)
        refuse_foreign(target, _files(plan.shards[len(old.shards) :]))
    return plan


def _under_way(target: Target, wanted: Plan) -> bool:
    """Tells whether an --overwrite of exactly this was started and not finished: the same command then resumes it."""
    if not target.plan.exists() or (target.out / FACTS).exists():
        return False
    try:
        old = load_plan(target.plan)
    except UsageError:
        return False
    return old is not None and not differences(old, wanted) and old.ids == wanted.ids


def _files(shards: Iterable[ShardPlan]) -> list[str]:
    return [f"{shard.name}.{kind}" for shard in shards for kind in ("tar", "json")]


def refuse_foreign(target: Target, names: Iterable[str]) -> None:
    """Pass if none of the files that would be written is there.

    Raises:
        UsageError: one is, and we do not know it as ours.
    """
    found = [name for name in names if (target.out / name).exists()]
    if found:
        older = all(_is_ours(target, name) for name in found)
        raise UsageError(
            f"{target.out}: holds {_some(found)}, and no plan says that it is of this data set; choose another folder"
            + (
                ", or --overwrite what is there"
                if older
                else ", or move it away: --overwrite would not replace it"
            )
        )


def _is_ours(target: Target, name: str) -> bool:
    """Tells whether `clear` takes a file for part of a data set of unmask whose plan is lost."""
    if name in (CARD, FACTS):
        return _is_facts(target.out / FACTS)
    return read_record(target.out, Path(name).stem) is not None


def refuse_difference(target: Target, old: Plan, wanted: Plan, settings: GenSettings) -> None:
    """Pass if what is there was planned as it would be now.

    Raises:
        UsageError: with each difference.
    """
    found = differences(old, wanted)
    if not found and not settings.run.extend and old.ids != wanted.ids:
        more, gone = wanted.ids - old.ids, old.ids - wanted.ids
        found = [f"photos: {len(old.ids)} there, {len(wanted.ids)} now"]
        found += [f"photos that were not planned: {_some(sorted(more))} (--extend adds them)"] if more else []
        found += [f"planned photos that are not among them now: {_some(sorted(gone))}"] if gone else []
    if found:
        raise UsageError(
            f"{target.out}: was begun otherwise, so this run would not fit to it:\n  "
            + "\n  ".join(found)
            + "\nGive what it was begun with, choose another --out, or --overwrite it"
        )


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def clear(target: Target) -> None:
    """Deletes a data set: the files that its plan or its records name as ours, and nothing else.

    The plan goes first, under another name, and is deleted last: a kill in between is noticed by the next run.
    """
    doomed = target.work / _DOOMED
    if target.plan.exists():
        target.plan.replace(doomed)
    names = {path.stem for split in SPLITS for path in target.out.glob(f"{split}-*.json")}
    names = {name for name in names if read_record(target.out, name)} | _planned(doomed)
    if doomed.exists() or _is_facts(target.out / FACTS):
        remove(target.out / FACTS)
        remove(target.out / CARD)
    for name in sorted(names):
        for path in (target.out / f"{name}.json", target.out / f"{name}.tar", target.poison(name)):
            remove(path)
    remove_parts(target, names)
    shutil.rmtree(thumbs_folder(target.out), ignore_errors=True)
    remove(doomed)


def _planned(path: Path) -> set[str]:
    try:
        plan = load_plan(path)
    except UsageError:
        return set()
    return {shard.name for shard in plan.shards} if plan else set()


def _is_facts(path: Path) -> bool:
    """Tells whether a `dataset.json` was written by unmask: other programs use that name too."""
    try:
        facts = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(facts, dict) and {"format", "hash", "settings", "versions", "shards"} <= facts.keys()


def remove_parts(target: Target, names: Iterable[str]) -> None:
    """Deletes what killed runs left unfinished of these shards, or files."""
    for name in names:
        for path in target.work.glob(f"{name}.*{PART}"):
            remove(path)


def recall_poison(target: Target, plan: ShardPlan) -> ShardPlan:
    """Removes the photos that crashed their workers before from a shard's plan."""
    try:
        entries = json.loads(target.poison(plan.name).read_bytes())
    except (OSError, ValueError):
        return plan
    for i, reason, detail in entries:
        plan = plan.without((i, reason, detail))
    return plan


def keep_poison(target: Target, name: str, entry: Entry) -> None:
    """Remembers that a photo ends its worker."""
    try:
        entries = json.loads(target.poison(name).read_bytes())
    except (OSError, ValueError):
        entries = []
    write_atomic(target.poison(name), json.dumps(sorted([*entries, list(entry)]), indent=1).encode("ascii"))


def finished(target: Target, plan: ShardPlan, *, retry_failed: bool) -> ShardReport | None:
    """Returns the record of a finished shard: it fits the plan, and the tar fits it byte for byte; else None."""
    report = read_record(target.out, plan.name)
    if report is None or (report.settings, report.photos) != (plan.settings, plan.photos):
        return None
    if retry_failed and "poison" in report.skipped:
        return None
    return report if matches(target.out, report) else None


def complete(target: Target, write_card: Callable[[Path], object]) -> bool:
    """Writes `dataset.json` and the card if all planned shards have their records; whether they have."""
    plan = load_plan(target.plan)
    assert plan is not None, target.plan
    reports = []
    for shard in plan.shards:
        report = read_record(target.out, shard.name)
        if report is None or report.settings != shard.settings:
            return False
        reports.append(report)
    write_atomic(target.out / FACTS, facts_bytes(plan, reports))
    write_card(target.out)
    return True


def facts_bytes(plan: Plan, reports: Sequence[ShardReport]) -> bytes:
    """Encodes `dataset.json`; it does not depend on when, where or by how many processes the data set was made."""
    return json.dumps(_facts(plan, reports), indent=1).encode("ascii") + b"\n"


def _facts(plan: Plan, reports: Sequence[ShardReport]) -> dict[str, Any]:
    skipped: Counter[str] = Counter()
    splits = {split: {"shards": 0, "photos": 0, "triplets": 0} for split in SPLITS}
    for report in reports:
        skipped.update(report.skipped)
        splits[report.split]["shards"] += 1
        splits[report.split]["photos"] += report.photos
        splits[report.split]["triplets"] += report.count
    return {
        "format": FORMAT,
        "source": plan.source,
        "terms": plan.terms,
        "hash": plan.hash,
        "photos": sum(report.photos for report in reports),
        "triplets": sum(report.count for report in reports),
        "skipped": dict(sorted(skipped.items())),
        "splits": {split: counts for split, counts in splits.items() if counts["shards"]},
        "settings": dict(plan.settings),
        "versions": dict(plan.versions),
        "shards": [asdict(report) for report in reports],
    }
