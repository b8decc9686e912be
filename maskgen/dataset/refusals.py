"""Refusals: what in the folder of a data set, or in its plan, does not let a run make or resume a data set there."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from maskgen.dataset.assign import Wanted
from maskgen.dataset.facts import is_facts
from maskgen.dataset.plan import FORMAT, Plan, ShardPlan, differences
from maskgen.dataset.shard_record import SHARD_NAME, read_record
from maskgen.errors import UsageError
from maskgen.files import (
    CARD,
    FACTS,
    RECORDS,
    disk_errors,
    older_record_path,
    part_path,
    record_path,
    remove,
)

_OWN_FILE = re.compile(
    rf"{SHARD_NAME.pattern}\.(?:tar|json)|{RECORDS}/{SHARD_NAME.pattern}\.record|{re.escape(CARD)}|{re.escape(FACTS)}"
)


def refuse_obstacles(out: Path) -> None:
    """Refuses folders where files of a data set belong, and a file or a link where its folder of records belongs.

    Call it before anything is deleted or written.

    Raises:
        UsageError: there is one. A link may lead to another disk.
        UnmaskError: `records` cannot be read or written to, so an older record could not be deleted.
    """
    if not out.is_dir():
        return
    records = out / RECORDS
    if records.is_symlink() or (records.exists() and not records.is_dir()):
        raise UsageError(
            f"{out}: {RECORDS}: is a {'link' if records.is_symlink() else 'file'}, where a folder of the data "
            "set belongs; move it away"
        )
    paths = list(out.iterdir())
    if records.exists():
        with disk_errors(records, "the records of the shards"):
            paths += records.iterdir()
            part = part_path(records, ".writable")
            part.touch(exist_ok=False)
            remove(part)
    names = {path.relative_to(out).as_posix(): path for path in paths}
    found = sorted(name for name, path in names.items() if _OWN_FILE.fullmatch(name) and path.is_dir())
    if found:
        raise UsageError(
            f"{out}: {_some(found)}: is a folder, where a file of the data set belongs; move it away"
        )


def refuse_foreign(out: Path, names: Iterable[str]) -> None:
    """Refuses to write over files that no plan names.

    Raises:
        UsageError: one of the files that would be written exists.
    """
    found = [name for name in names if (out / name).exists()]
    if found:
        older = all(_is_ours(out, name) for name in found)
        raise UsageError(
            f"{out}: holds {_some(found)}, and no plan says that it is of this data set; choose another folder"
            + (
                ", or --overwrite what is there"
                if older
                else ", or move it away: --overwrite would not replace it"
            )
        )


def _is_ours(out: Path, name: str) -> bool:
    """Tells whether a file belongs to a data set of unmask whose plan is lost, so that --overwrite deletes it."""
    if name in (CARD, FACTS):
        return is_facts(out / FACTS)
    return read_record(out, Path(name).stem) is not None


def paths_of(shards: Iterable[ShardPlan]) -> list[str]:
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


def refuse_difference(out: Path, old: Plan, wanted: Wanted, *, extend: bool) -> None:
    """Refuses to resume a plan that differs from the one that would be made now.

    Raises:
        UsageError: with each difference.
    """
    if reason := _why_older(old):
        raise UsageError(
            f"{out}: is a data set of format {old.format}, made by an older version: it can be read, but not "
            f"resumed or extended, as {reason}; choose another folder with --out, or --overwrite it"
        )
    found = differences(old, wanted.blank)
    if not found and not extend and old.ids != wanted.ids:
        more, gone = wanted.ids - old.ids, old.ids - wanted.ids
        found = [f"photos: {len(old.ids)} there, {len(wanted.ids)} now"]
        found += [f"photos that were not planned: {_some(sorted(more))} (--extend adds them)"] if more else []
        found += [f"planned photos that are not among them now: {_some(sorted(gone))}"] if gone else []
    if found:
        raise UsageError(
            f"{out}: was begun otherwise, so this run would not fit to it:\n  "
            + "\n  ".join(found)
            + "\nGive what it was begun with, choose another --out, or --overwrite it"
        )


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
