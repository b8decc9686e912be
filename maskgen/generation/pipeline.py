"""Steps of `unmask gen-data`: source, plan, shards on all cores, `dataset.json` and card."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from maskgen.dataset.assign import Wanted
from maskgen.dataset.card import write_card
from maskgen.dataset.folder import DataSetFolder
from maskgen.dataset.plan import Plan, ShardPlan, data_settings
from maskgen.dataset.shard_record import ShardReport, read_record
from maskgen.dataset.yields import GroupYields
from maskgen.errors import InputError, UsageError
from maskgen.files import FACTS, remove
from maskgen.generation.crop_notes import note_of_alignment
from maskgen.generation.failures import refuse_failures
from maskgen.generation.groups import group_facts, warn_of_groups
from maskgen.generation.make_shard import MakeShards
from maskgen.generation.process_pool import (
    HANG_SECONDS,
    MASK_SECONDS,
    LocalEngine,
    Made,
    Moved,
    Poisoned,
    PoolStopped,
    stop_on_signals,
)
from maskgen.generation.progress_count import Tally, skip_counts
from maskgen.generation.split_warnings import NO_COPIES, warn_of_copies, warn_of_people, warn_of_splits
from maskgen.generation.worker_tools import KitBuilder, build_kit
from maskgen.images.formats import heic_versions
from maskgen.masks.selection import open_wardrobe
from maskgen.processes import core_count
from maskgen.progress import OnProgress, no_progress
from maskgen.settings import GenSettings
from maskgen.sources import Source, build_source, find_copies, list_photos, warn_of_few
from maskgen.sources.celeba import CelebaSource
from maskgen.sources.celeba_missing import missing_lists
from maskgen.types import PhotoRef

DEFAULT_OUT = Path("data/shards")


@dataclass(frozen=True)
class GenReport:
    """Result of a run on its slice of a data set, together with the runs before it.

    Attributes:
        photos: number of photos taken from the source.
        triplets: number of triplets made from them.
        skipped: reason -> number of skipped photos.
        shards: number of finished shards.
        made: photos processed in this run; the others were processed by earlier runs.
        seconds: wall time of this run.
        whole: whether all slices are done, and so the data set is complete.
        landmarks: the landmark backend, with its models.
        warnings: one line each.
        videos: with `--video`, the files written with masks on.
        duplicates: photos with the same bytes as another one, kept or dropped; of a complete data set.
        near_duplicates: pairs of photos that look alike without having the same bytes; of a complete data set.
        by_group: the yield by group of people, attribute -> group -> counts, of a complete data set; empty where the
            groups are not known.
        tones: with `--by tone`, class of skin tone -> number of photos with a sample, of a complete data set.
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
    duplicates: int = 0
    near_duplicates: int = 0
    by_group: GroupYields = field(default_factory=dict)
    tones: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Rehearsal:
    """Result of `--dry-run`: photos and shards by split, and how many shards are still missing.

    Attributes:
        duplicates: photos with the same bytes as another one, kept or dropped.
        warnings: one line each.
    """

    out: str
    photos: int
    splits: dict[str, int]
    shards: int
    missing: int
    duplicates: int = 0
    warnings: tuple[str, ...] = ()


def generate(
    settings: GenSettings,
    on_progress: OnProgress = no_progress,
    *,
    build: KitBuilder = build_kit,
    source: Source | None = None,
    hang_after: float = HANG_SECONDS,
) -> GenReport:
    """Makes a data set, or resumes one.

    Args:
        settings: the photos, the triplets to make of them, the folder, the number of processes.
        on_progress: called a few times a second; `figures` holds the triplets and the skipped photos by reason.
        build: builds the workers' tools; must be a function of a module, so that workers can import it.
        source: the photos; default: the source that the settings name.
        hang_after: seconds, beside one second per mask and the time to search for small faces, after which a
            photo's worker counts as hung.

    Returns:
        Numbers of triplets made and photos skipped.

    Raises:
        PoolStopped: SIGINT or SIGTERM arrived. Workers have ended; the same call resumes.
        UsageError: the folder holds a data set of other settings or foreign files, or another run makes its slice.
        InputError: the source has no photos or cannot be read.
        MissingError: the disk is full, or a model or package is missing.
        UnmaskError: the folder cannot be written to.
    """
    began = time.monotonic()
    with stop_on_signals():
        source = source or build_source(settings.source)
        refs = list_photos(source)
        refuse_pointless(refs, settings)
        folder = _folder(settings, source)
        describe = group_facts(settings, source, folder.out)
        foreign = folder.warn_of_company()
        kit = build(settings, source)
        wanted = _wanted(settings, source, refs, kit.versions)
        with folder.claim(wanted, refs, settings) as plan:
            shards = _slice(plan, settings)
            photo_seconds = hang_after + MASK_SECONDS * settings.masks.per_face + kit.search_seconds
            engine = LocalEngine(settings.run.jobs or core_count(), hang_after=photo_seconds)
            task = MakeShards(settings, source, folder.out, build)
            reports, made, damaged = _make(folder, shards, engine, task, on_progress)
            whole = folder.release(write_card, describe)
    skipped, copies = skip_counts(reports), folder.copies or NO_COPIES
    return GenReport(
        out=str(folder.out),
        photos=sum(report.photos for report in reports),
        triplets=sum(report.count for report in reports),
        skipped=dict(sorted(skipped.items())),
        shards=len(reports),
        seconds=round(time.monotonic() - began, 3),
        made=made,
        whole=whole,
        landmarks=kit.versions.get("landmarks", ""),
        warnings=(
            *(*_source_notes(source, settings), *foreign, *_warnings(settings, refs, reports, damaged)),
            *(
                *(() if isinstance(source, CelebaSource) else warn_of_people(refs, settings, copies)),
                *warn_of_splits(plan, reports),
                *warn_of_copies(copies),
                *warn_of_groups(settings, refs, describe),
                *note_of_alignment(settings.crop),
            ),
        ),
        duplicates=copies["identical"]["photos"] + skipped["duplicate"],
        near_duplicates=copies["near"]["pairs"],
        by_group=folder.groups.get("by_group", {}),
        tones=folder.groups.get("tones", {}),
    )


def rehearse(settings: GenSettings) -> Rehearsal:
    """Plans what `generate` would make; writes nothing and decodes no photo.

    It loads no tools, so it does not notice that a data set was begun with other versions of libraries. It reads no
    tar, so it does not notice a damaged one.

    Raises:
        UsageError: the folder holds a data set of other settings or foreign files.
        InputError: the source has no photos or cannot be read; a SPEC, WEAR, template or image is invalid.
    """
    open_wardrobe(settings.masks)
    source = build_source(settings.source)
    refs = list_photos(source)
    refuse_pointless(refs, settings)
    folder = _folder(settings, source)
    describe = group_facts(settings, source, folder.out)
    old = None if settings.run.overwrite else folder.read_plan()
    wanted = _wanted(settings, source, refs, old.versions if old else {})
    plan = wanted.plan if settings.run.overwrite else folder.next_plan(old, wanted, refs, settings)
    shards = _slice(plan, settings)
    splits: Counter[str] = Counter()
    for shard in shards:
        splits[shard.split] += shard.photos
    records = [old and read_record(folder.out, shard.name, older=False) for shard in shards]
    missing = sum(not record for record in records)
    return Rehearsal(
        out=str(folder.out),
        photos=sum(splits.values()),
        splits=dict(splits),
        shards=len(shards),
        missing=missing,
        duplicates=_surplus(plan, wanted.copies),
        warnings=(
            *_source_notes(source, settings),
            *warn_of_splits(plan, ()),
            *warn_of_groups(settings, refs, describe),
            *note_of_alignment(settings.crop),
        ),
    )


def _source_notes(source: Source, settings: GenSettings) -> list[str]:
    """Lists the warnings about a source; of CelebA also what follows from the lists that are missing."""
    if not isinstance(source, CelebaSource):
        return list(source.notes)
    return [*missing_lists(source, settings.source.split, settings.faces.landmarks), *source.notes]


def _surplus(plan: Plan, copies: Mapping[str, str]) -> int:
    """Counts the planned photos that have the same bytes as another planned one, beside the first of each."""
    alike = [copies[photo] for photo in plan.ids if photo in copies]
    return len(alike) - len(set(alike))


def check_failures(report: GenReport, settings: GenSettings) -> None:
    """Refuses a result with too many failed photos, see `refuse_failures`.

    Raises:
        TooManyFailures: more than `run.max_failures` failed, or a photo crashed its worker.
    """
    advice = f"see unmask preview {report.out}, allow it with --max-failures"
    if "poison" in report.skipped:
        advice += ", try photos that crashed a worker again with --retry-failed"
    refuse_failures(report.out, report.photos, report.skipped, settings.run.max_failures, advice)


def refuse_pointless(refs: Sequence[PhotoRef], settings: GenSettings) -> None:
    """Refuses `--landmarks celeba` for a source that gives no points of its photos.

    Raises:
        InputError: the source gives none.
    """
    if settings.faces.landmarks == "celeba" and not any(ref.points for ref in refs):
        raise InputError(
            "--landmarks celeba: the source gives no points of its photos. For CelebA put "
            "list_landmarks_align_celeba.txt (or Kaggle's .csv) beside the photos; for others use --landmarks auto"
        )


def _folder(settings: GenSettings, source: Source) -> DataSetFolder:
    """Returns the data set's folder; raises UsageError if it is the source, where output would lie among the photos."""
    out = Path(settings.run.out).expanduser() if settings.run.out else DEFAULT_OUT / source.name
    src = settings.source.src
    if src != "celeba" and out.resolve() == Path(src).expanduser().resolve():
        raise UsageError(f"{out}: is the source itself; choose another folder with --out")
    return DataSetFolder(out)


def _wanted(
    settings: GenSettings, source: Source, refs: Sequence[PhotoRef], versions: Mapping[str, str]
) -> Wanted:
    """Returns what the run asks for; the source is searched for copies only if photos have to be assigned."""
    # HEIC's decoder is no part of the base installation, so its version counts only where such photos are.
    versions = {**versions, **heic_versions(ref.id for ref in refs)}
    blank = Plan(source.name, source.terms, data_settings(settings), versions)
    return Wanted(blank, refs, settings, lambda: find_copies(source, refs))


def _slice(plan: Plan, settings: GenSettings) -> tuple[ShardPlan, ...]:
    """Returns this machine's slice of the shards."""
    first, step = settings.run.slice
    return plan.shards[first::step]


def _make(
    folder: DataSetFolder,
    shards: Sequence[ShardPlan],
    engine: LocalEngine,
    task: MakeShards,
    on_progress: OnProgress,
) -> tuple[list[ShardReport], int, list[str]]:
    """Makes the missing shards.

    Returns:
        Reports of all shards, number of photos processed in this run, names of damaged shards.
    """
    retry = task.settings.run.retry_failed
    tally = Tally(sum(shard.photos for shard in shards), on_progress)
    todo: list[ShardPlan] = []
    damaged = []
    for shard in shards:
        report = folder.finished(shard, retry_failed=retry)
        if report:
            tally.finish(report)
            tally.found += report.photos
        else:
            if retry:
                folder.forget_poison(shard.name)
            elif read_record(folder.out, shard.name):
                damaged.append(shard.name)
            todo.append(folder.without_poison(shard))
        tally.report()
    if todo:
        remove(folder.out / FACTS)  # its presence means a complete data set
    names = [shard.name for shard in shards]
    folder.remove_parts(names)
    try:
        with closing(engine.run(task, todo)) as events:
            for event in events:
                if isinstance(event, Moved):
                    tally.move(event)
                elif isinstance(event, Made):
                    tally.finish(event.report)
                else:
                    assert isinstance(event, Poisoned)
                    folder.keep_poison(event.name, event.entry)
                tally.report()
    except PoolStopped as stopped:
        raise PoolStopped(
            stopped.number, f" with {len(tally.reports)} of {len(shards)} shards done"
        ) from None
    finally:
        folder.remove_parts(names)
    tally.report(now=True)
    return [tally.reports[name] for name in names], tally.total - tally.found, damaged


def _warnings(
    settings: GenSettings, refs: Sequence[PhotoRef], reports: Sequence[ShardReport], damaged: Sequence[str]
) -> tuple[str, ...]:
    """Lists warnings about a run that succeeded."""
    lines = []
    if damaged:
        lines.append(f"{', '.join(damaged)}: not what the record says; made again")
    lines += warn_of_few(len(refs), settings.source.n)
    if reports and not any(report.count for report in reports):
        lines.append("no photo gave a triplet; the report lists the reasons under skipped")
    return tuple(lines)
