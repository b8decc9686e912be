"""`unmask gen-data` as a list of steps: source, plan, shards on all cores, `dataset.json` and card."""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

from joblib import cpu_count  # what a container's limit leaves of them

from maskgen.dataset.card import write_card
from maskgen.dataset.folder import (
    Target,
    complete,
    finished,
    keep_poison,
    next_plan,
    recall_poison,
    remove_parts,
    settle_plan,
    warn_of_company,
)
from maskgen.dataset.locks import changing, hold_slice, let_go, parse_slice, refuse_held
from maskgen.dataset.plan import Plan, ShardPlan, data_settings, extend_plan, load_plan
from maskgen.dataset.shard_record import ShardReport, read_record
from maskgen.errors import FACE_REASONS, InputError, TooManyFailures, UsageError
from maskgen.files import FACTS, make_folder, remove
from maskgen.generation.make_shard import MakeShards
from maskgen.generation.process_pool import (
    HANG_SECONDS,
    LocalEngine,
    Made,
    Moved,
    Poisoned,
    PoolStopped,
    stop_on_signals,
)
from maskgen.generation.progress_count import GenProgress, Tally, skip_counts
from maskgen.generation.worker_tools import KitBuilder, build_kit
from maskgen.masks.selection import open_wardrobe
from maskgen.settings import GenSettings
from maskgen.sources import Source, build_source
from maskgen.types import PhotoRef

DEFAULT_OUT = Path("data/shards")
MASK_SECONDS = (
    1.0  # a photo may take so much longer for each mask it gets, before its worker is taken for hung
)


@dataclass(frozen=True)
class GenReport:
    """What a run, or the runs before it, made of this slice.

    Attributes:
        photos: photos taken; `triplets` of them; `skipped` by reason.
        shards: shards that are there.
        made: photos looked at in this run; the others are from runs before.
        seconds: of this run.
        whole: whether all slices are done, and the data set with them.
        landmarks: the backend that found the faces, with its models.
        warnings: one line each, for a person.
        videos: files of --video, with masks on.
    """

    out: str
    photos: int
    triplets: int
    skipped: dict[str, int]
    shards: int
    seconds: float
    made: int = 0
    whole: bool = True
    landmarks: str = ""
    warnings: tuple[str, ...] = ()
    videos: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rehearsal:
    """What `--dry-run` says: photos and shards by split, and how many shards are still to be made."""

    out: str
    photos: int
    splits: dict[str, int]
    shards: int
    missing: int


def _ignore(progress: GenProgress) -> None:
    """Ignores progress."""


def generate(
    settings: GenSettings,
    on_progress: Callable[[GenProgress], object] = _ignore,
    *,
    build: KitBuilder = build_kit,
    source: Source | None = None,
    hang_after: float = HANG_SECONDS,
) -> GenReport:
    """Makes a data set, or resumes one.

    Args:
        settings: what to make of which photos, where, on how many cores.
        on_progress: called a few times a second.
        build: the tools; a function of a module, so that workers find it.
        source: the photos; none is what the settings name.
        hang_after: seconds that a photo may take, beside `MASK_SECONDS` for each of its masks.

    Returns:
        What was made and what was skipped.

    Raises:
        Stopped: by SIGINT or SIGTERM; the same call goes on. Workers have ended.
        UsageError: the target was begun otherwise, is not ours, or its slice is being made by another run.
        InputError: the source has no photos, or cannot be read.
        MissingError: no room on the disk; a model or package is missing.
        UnmaskError: the target may not be written to.
    """
    began = time.monotonic()
    with stop_on_signals(), ExitStack() as held:
        source = source or build_source(settings.source)
        refs = list_photos(source)
        refuse_pointless(refs, settings)
        target = _target(settings, source)
        company = warn_of_company(target)
        kit = build(settings, source)
        wanted = _wanted(settings, source, refs, kit.versions)
        if not target.work.exists() and not settings.run.overwrite:
            next_plan(target, None, wanted, refs, settings)  # refuses before anything is written
        make_folder(target.work, "the data set")
        part = parse_slice(settings.run.shards)
        with changing(target.work):
            refuse_held(target.work, part)
            plan = settle_plan(target, wanted, refs, settings)
            lock = held.enter_context(hold_slice(target.work, part))
        shards = plan.shards[part[0] :: part[1]]
        patience = hang_after + MASK_SECONDS * settings.masks.per_face
        engine = LocalEngine(settings.run.jobs or cpu_count(), hang_after=patience)
        task = MakeShards(settings, source, target.out, build)
        reports, made, spoilt = _make(target, shards, engine, task, on_progress)
        with changing(target.work):
            whole = complete(target, write_card)
            let_go(lock)
    return GenReport(
        out=str(target.out),
        photos=sum(report.photos for report in reports),
        triplets=sum(report.count for report in reports),
        skipped=dict(sorted(skip_counts(reports).items())),
        shards=len(reports),
        seconds=round(time.monotonic() - began, 3),
        made=made,
        whole=whole,
        landmarks=kit.versions.get("landmarks", ""),
        warnings=(*source.notes, *company, *_warnings(settings, refs, reports, spoilt)),
    )


def rehearse(settings: GenSettings) -> Rehearsal:
    """Plans what `generate` would make; writes nothing and opens no photo.

    No tools are loaded, so other versions of libraries than a data set was begun with are not noticed, and no tar is
    read, so damaged ones are not.

    Raises:
        UsageError: the target was begun otherwise, or is not ours.
        InputError: the source has no photos, or cannot be read; a SPEC, WEAR, template or picture is off.
    """
    open_wardrobe(settings.masks)
    source = build_source(settings.source)
    refs = list_photos(source)
    refuse_pointless(refs, settings)
    target = _target(settings, source)
    old = None if settings.run.overwrite else load_plan(target.plan)
    plan = _wanted(settings, source, refs, old.versions if old else {})
    if not settings.run.overwrite:
        plan = next_plan(target, old, plan, refs, settings)
    index, count = parse_slice(settings.run.shards)
    shards = plan.shards[index::count]
    splits: Counter[str] = Counter()
    for shard in shards:
        splits[shard.split] += shard.photos
    records = [old and read_record(target.out, shard.name) for shard in shards]
    missing = sum(not record for record in records)
    return Rehearsal(str(target.out), sum(splits.values()), dict(splits), len(shards), missing)


def check_failures(report: GenReport, settings: GenSettings) -> None:
    """Pass if few enough photos failed. A face that is small or turned away is no failure; poison always is.

    Raises:
        TooManyFailures: more than `run.max_failures` allows, or a photo that ends its worker.
    """
    failed = {reason: n for reason, n in report.skipped.items() if reason not in FACE_REASONS}
    share, allowed = sum(failed.values()) / max(report.photos, 1), settings.run.max_failures
    if share > allowed or ("poison" in failed and allowed < 1):
        reasons = ", ".join(f"{n} {reason}" for reason, n in sorted(failed.items()))
        raise TooManyFailures(
            f"{report.out}: done, but {sum(failed.values())} of {report.photos} photos failed ({reasons}); "
            f"see unmask preview {report.out}, allow it with --max-failures, try poison again with --retry-failed"
        )


def list_photos(source: Source) -> list[PhotoRef]:
    """Lists all photos of a source.

    Raises:
        InputError: it has none.
    """
    refs = source.refs()
    if not refs:
        raise InputError(
            f"{source.name}: the source has no photos; give a folder, zip or tar with some to --src"
        )
    return refs


def refuse_pointless(refs: Sequence[PhotoRef], settings: GenSettings) -> None:
    """Pass unless the source's own points are asked for and it has none.

    Raises:
        InputError: then.
    """
    if settings.faces.landmarks == "celeba" and not any(ref.points for ref in refs):
        raise InputError(
            "--landmarks celeba: the source gives no points of its photos. For CelebA put "
            "list_landmarks_align_celeba.txt (or Kaggle's .csv) beside the photos; for others use --landmarks auto"
        )


def _target(settings: GenSettings, source: Source) -> Target:
    """Returns the data set's folder. UsageError if it is the source: the output would lie among the photos."""
    out = Path(settings.run.out).expanduser() if settings.run.out else DEFAULT_OUT / source.name
    src = settings.source.src
    if src != "celeba" and out.resolve() == Path(src).expanduser().resolve():
        raise UsageError(f"{out}: is the source itself; choose another folder with --out")
    return Target(out)


def _wanted(
    settings: GenSettings, source: Source, refs: Sequence[PhotoRef], versions: Mapping[str, str]
) -> Plan:
    """Computes the plan as if nothing existed yet."""
    blank = Plan(source.name, source.terms, data_settings(settings), dict(versions))
    return extend_plan(blank, refs, settings)


def _make(
    target: Target,
    shards: Sequence[ShardPlan],
    engine: LocalEngine,
    task: MakeShards,
    on_progress: Callable[[GenProgress], object],
) -> tuple[list[ShardReport], int, list[str]]:
    """Makes the shards that are not there; the reports of all, how many photos that took, and what was there spoilt."""
    retry = task.settings.run.retry_failed
    tally = Tally(sum(shard.photos for shard in shards), len(shards), on_progress)
    todo: list[ShardPlan] = []
    spoilt = []
    for shard in shards:
        report = finished(target, shard, retry_failed=retry)
        if report:
            tally.finish(report)
            tally.found += report.photos
        else:
            if retry:
                remove(target.poison(shard.name))
            elif read_record(target.out, shard.name):
                spoilt.append(shard.name)
            todo.append(recall_poison(target, shard))
        tally.tell()
    tally.began = time.monotonic()
    if todo:
        remove(target.out / FACTS)  # it says that all is there
    names = [shard.name for shard in shards]
    remove_parts(target, names)
    try:
        with closing(engine.run(task, todo)) as events:
            for event in events:
                if isinstance(event, Moved):
                    tally.move(event)
                elif isinstance(event, Made):
                    tally.finish(event.report)
                else:
                    assert isinstance(event, Poisoned)
                    keep_poison(target, event.name, event.entry)
                tally.tell()
    except PoolStopped as stopped:
        raise PoolStopped(
            stopped.number, f" with {len(tally.reports)} of {len(shards)} shards done"
        ) from None
    finally:
        remove_parts(target, names)
    tally.tell(now=True)
    return [tally.reports[name] for name in names], tally.total - tally.found, spoilt


def _warnings(
    settings: GenSettings, refs: Sequence[PhotoRef], reports: Sequence[ShardReport], spoilt: Sequence[str]
) -> tuple[str, ...]:
    """Lists warnings about a run that succeeded."""
    lines = []
    if spoilt:
        lines.append(f"{', '.join(spoilt)}: not what the record says; made again")
    wanted = settings.source.n
    if wanted and len(refs) < wanted:
        lines.append(f"the source has {len(refs)} photos, {wanted} were asked for (--n): took them all")
    if reports and not any(report.count for report in reports):
        lines.append("no photo gave a triplet: see skipped")
    lines += _on_people(refs, settings)
    return tuple(lines)


def _on_people(refs: Sequence[PhotoRef], settings: GenSettings) -> list[str]:
    """Warns if identities of some photos are unknown, so that splits may share people."""
    unknown = [ref.id for ref in refs if not ref.identity]
    if len(refs) < 2 or not unknown:
        return []
    said = "train, val and test share no photo, but may share people"
    whose = "its photos" if len(unknown) == len(refs) else f"{len(unknown):,} of its {len(refs):,} photos"
    if settings.source.people == "folders":
        names = ", ".join(unknown[:3]) + (", ..." if len(unknown) > 3 else "")
        why = "" if any("/" in name for name in unknown) else ", in no folder"
        return [f"--people folders does not say who is on {whose} ({names}{why}): {said}"]
    hint = (
        "; if each person has a folder, --people folders says so"
        if any("/" in ref.id for ref in refs)
        else ""
    )
    return [f"the source does not say who is on {whose}: {said}{hint}"]
