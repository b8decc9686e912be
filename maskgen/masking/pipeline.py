"""Steps of `unmask mask`: source, folder, photos on all cores, tables."""

import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from maskgen.dataset.plan import Plan, ShardPlan, data_settings
from maskgen.errors import HARMLESS_REASONS, TooManyFailures, UsageError
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
from maskgen.generation.worker_tools import KitBuilder, build_kit
from maskgen.images.formats import heic_versions
from maskgen.masking.batch import BatchReport, MaskBatch, report_of
from maskgen.masking.folder import MaskFolder
from maskgen.masking.journal import PhotoResult
from maskgen.masking.masks import Outfits, choose_outfits
from maskgen.masking.names import Naming
from maskgen.masking.tables import FACES, SKIPPED, write_tables
from maskgen.masking_settings import MaskFolderSettings
from maskgen.masks.selection import open_wardrobe
from maskgen.progress import OnProgress, no_progress
from maskgen.seeds import hash64
from maskgen.sources import OnePhotoSource, Source, build_source, is_one_photo, list_photos
from maskgen.sources.resolve import ARCHIVE_SUFFIXES
from maskgen.types import PhotoRef

BATCH = 16  # photos; a kill loses the work on as many for each worker
BATCHES_PER_WORKER = 4  # at least, so that all cores end at about the same time


@dataclass(frozen=True)
class MaskReport:
    """Result of a run, together with the runs before it into the same folder.

    Attributes:
        out: folder of the masked photos.
        photos: photos of the source.
        masked: photos of which at least one face is masked.
        faces: masked faces.
        bare: photos that are written without a mask because none was drawn for their faces: `--share`, `bare`.
        copied: photos that are written without a mask because no face can be masked: `--unmasked copy`.
        files: files in `out`, beside the hidden ones.
        skipped: reason -> number of photos in which no face can be masked.
        seconds: wall time of this run.
        made: photos processed in this run; the others were processed by earlier runs.
        maps: folder of the maps; "" for none.
        landmarks: the landmark backend, with its models.
        faces_table: CSV file with a row for each face.
        skipped_table: CSV file with a row for each photo in which no face can be masked.
        warnings: one line each.
    """

    out: str
    photos: int
    masked: int
    faces: int
    bare: int
    copied: int
    files: int
    skipped: dict[str, int]
    seconds: float
    made: int
    maps: str = ""
    landmarks: str = ""
    faces_table: str = ""
    skipped_table: str = ""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class MaskRehearsal:
    """Result of `--dry-run`.

    Attributes:
        out: folder of the masked photos.
        photos: photos of the source.
        missing: photos still to process.
        renamed: files that get another name, because the photo's own name is another file's.
        masks: SPEC, also where options of MaskTheFace were given.
    """

    out: str
    photos: int
    missing: int
    renamed: int
    masks: str


@dataclass(frozen=True)
class _Job:
    """Task of a run: source, photos, masks, names, folder."""

    settings: MaskFolderSettings
    source: Source
    refs: list[PhotoRef]
    outfits: Outfits
    naming: Naming
    folder: MaskFolder

    def plan(self, versions: dict[str, str]) -> Plan:
        """Returns everything that the bytes of the files depend on."""
        files = self.settings.files.model_dump(mode="json", exclude={"out", "maps"})
        naming = self.naming
        files |= {"maps": naming.maps, "each": bool(naming.labels), "also_original": naming.original}
        return Plan(self.source.name, "", {**data_settings(self.outfits.whole), "files": files}, versions)


def mask_folder(
    settings: MaskFolderSettings,
    on_progress: OnProgress = no_progress,
    *,
    build: KitBuilder = build_kit,
    hang_after: float = HANG_SECONDS,
) -> MaskReport:
    """Masks the photos of a folder, an archive or a single file into plain files, or continues to.

    Args:
        settings: the photos, the masks, the files to write, the number of processes.
        on_progress: called a few times a second; `figures` holds the masked photos and the skipped ones by reason.
        build: builds the workers' tools; must be a function of a module, so that workers can import it.
        hang_after: seconds, beside `MASK_SECONDS` for each mask and the time to search for small faces, after which a
            photo's worker counts as hung.

    Returns:
        Numbers of photos masked and skipped.

    Raises:
        PoolStopped: SIGINT or SIGTERM arrived. Workers have ended; the same call continues.
        UsageError: the folder was made otherwise, holds foreign files, or another run writes there.
        InputError: the source has no photos or cannot be read; a SPEC, WEAR, template or image is invalid.
        MissingError: the disk is full, or a model or package is missing.
        UnmaskError: the folder cannot be written to.
    """
    began = time.monotonic()
    with stop_on_signals():
        job = _prepare(settings)
        kit = build(job.outfits.whole, job.source)
        plan = job.plan({**kit.versions, **heic_versions(ref.id for ref in job.refs)})
        masks = len(job.outfits.settings) * settings.masks.per_face
        engine = LocalEngine(
            settings.run.jobs or _core_count(),
            hang_after=hang_after + MASK_SECONDS * masks + kit.search_seconds,
        )
        with job.folder.claim(plan, overwrite=settings.run.overwrite):
            made = _mask(job, engine, build, on_progress)
            counts = write_tables(job.folder.out, job.folder.journal.results(ref.id for ref in job.refs))
            job.folder.journal.end()
            gone = len(job.folder.journal) - counts.photos
    warnings = [*job.source.notes, *_warnings(job, gone, masked=counts.masked)]
    return MaskReport(
        out=str(job.folder.out),
        photos=counts.photos,
        masked=counts.masked,
        faces=counts.faces,
        bare=counts.bare,
        copied=counts.copied,
        files=counts.files,
        skipped=dict(sorted(counts.skipped.items())),
        seconds=round(time.monotonic() - began, 3),
        made=made,
        maps=str(job.folder.maps or ""),
        landmarks=kit.versions.get("landmarks", ""),
        faces_table=str(job.folder.out / FACES),
        skipped_table=str(job.folder.out / SKIPPED),
        warnings=tuple(warnings),
    )


def rehearse_masking(settings: MaskFolderSettings) -> MaskRehearsal:
    """Plans what `mask_folder` would do; writes nothing and decodes no photo.

    It loads no detector, so it does not notice that a folder was begun with other versions of libraries.

    Raises:
        UsageError: the folder was made otherwise, or holds foreign files.
        InputError: the source has no photos or cannot be read; a SPEC, WEAR, template or image is invalid.
    """
    job = _prepare(settings)
    folder, overwrite = job.folder, settings.run.overwrite
    folder.refuse_foreign(overwrite=overwrite)
    todo: Sequence[PhotoRef] = job.refs
    if folder.journal.path.exists() and not overwrite:
        with folder.journal.reading():
            folder.refuse_difference(job.plan(folder.versions()))
            todo, _ = folder.split_todo(
                job.refs, job.source, job.naming, retry_failed=settings.run.retry_failed
            )
    return MaskRehearsal(
        out=str(folder.out),
        photos=len(job.refs),
        missing=len(todo),
        renamed=len(job.naming.renamed),
        masks=job.outfits.whole.masks.masks,
    )


def check_mask_failures(report: MaskReport, settings: MaskFolderSettings) -> None:
    """Refuses a result with too many failed photos, as `check_failures` does for a data set.

    Raises:
        TooManyFailures: more than `run.max_failures` failed, or a photo crashed its worker.
    """
    failed = {reason: n for reason, n in report.skipped.items() if reason not in HARMLESS_REASONS}
    fraction, allowed = sum(failed.values()) / max(report.photos, 1), settings.run.max_failures
    if fraction > allowed or ("poison" in failed and allowed < 1):
        reasons = ", ".join(f"{n} {reason}" for reason, n in sorted(failed.items()))
        raise TooManyFailures(
            f"{report.out}: done, but {sum(failed.values())} of {report.photos} photos failed ({reasons}); "
            f"see {report.skipped_table}, allow it with --max-failures, try them again with --retry-failed"
        )


def _prepare(settings: MaskFolderSettings) -> _Job:
    """Opens the source and checks folders and masks; writes nothing."""
    if not settings.source:
        raise UsageError("name the photos: unmask mask SRC, a photo, a folder, a zip or tar, or celeba")
    outfits = choose_outfits(settings)
    open_wardrobe(outfits.whole.masks)  # refuses an invalid SPEC before anything is read
    path = Path(settings.source).expanduser()
    source: Source = OnePhotoSource(path) if is_one_photo(path) else build_source(outfits.whole.source)
    refs = _choose(list_photos(source), settings)
    files = settings.files
    is_celeba = settings.source == "celeba"
    folder = MaskFolder(
        Path(files.out).expanduser() if files.out else _default_out(path),
        Path(files.maps).expanduser() if files.maps else None,
        Path(settings.root).expanduser() if is_celeba else path,
    )
    naming = Naming(
        files.format,
        len(outfits.labels) or settings.masks.per_face,
        outfits.labels,
        files.also_original or settings.mask_the_face.write_original_image,
        bool(files.maps),
    )
    return _Job(settings, source, refs, outfits, naming.without_collisions(ref.id for ref in refs), folder)


def _core_count() -> int:
    from joblib import cpu_count  # respects a container's limit; takes a tenth of a second to import

    return int(cpu_count())


def _choose(refs: list[PhotoRef], settings: MaskFolderSettings) -> list[PhotoRef]:
    """Chooses `n` photos in a seeded order, and returns them in the order of the source."""
    if settings.n is None or settings.n >= len(refs):
        return refs
    chosen = sorted(refs, key=lambda ref: (hash64(settings.seed, ref.id), ref.id))[: settings.n]
    return sorted(chosen, key=lambda ref: ref.id)


def _default_out(src: Path) -> Path:
    """Returns SRC with `_masked`, as MaskTheFace names its folder: without the suffix of a file."""
    absolute = src.resolve()
    name = absolute.name
    if not absolute.is_dir():
        suffix = next((end for end in ARCHIVE_SUFFIXES if name.lower().endswith(end)), absolute.suffix)
        name = name.removesuffix(suffix) if suffix else name
    return src.parent / f"{name}_masked" if src.name else absolute.parent / f"{name}_masked"


def _mask(job: _Job, engine: LocalEngine, build: KitBuilder, on_progress: OnProgress) -> int:
    """Masks the photos that are not masked yet.

    Returns:
        Number of photos processed.
    """
    settings, folder = job.settings, job.folder
    todo, done = folder.split_todo(job.refs, job.source, job.naming, retry_failed=settings.run.retry_failed)
    folder.remove_files(todo)
    tally = Tally(len(job.refs), on_progress, unit="masked")
    tally.found = len(done)
    _finish(tally, report_of("done", done))
    tally.report(now=True)
    task = MaskBatch(
        job.outfits.settings,
        settings.files,
        job.source,
        folder.out,
        folder.maps,
        job.naming,
        build,
    )
    batches = list(_batches(todo, engine.jobs))
    try:
        with closing(engine.run(task, batches)) as events:
            for event in events:
                if isinstance(event, Moved):
                    tally.move(event)
                elif isinstance(event, Made):
                    report: BatchReport = event.report
                    folder.journal.add(report.results)
                    _finish(tally, report)
                else:
                    assert isinstance(event, Poisoned)
                    photo, reason, detail = event.entry
                    result = PhotoResult(photo, reason=reason, detail=detail)
                    folder.journal.add([result])
                    _finish(tally, report_of(photo, [result]))
                tally.report()
    except PoolStopped as stopped:
        count = sum(report.photos for report in tally.reports.values())
        raise PoolStopped(stopped.number, f" with {count:,} of {len(job.refs):,} photos done") from None
    tally.report(now=True)
    return len(todo)


def _finish(tally: Tally, report: BatchReport) -> None:
    """Counts a finished batch together with those before: a report of progress must not add up a million batches."""
    tally.finish(report)
    reports = tuple(tally.reports.values())
    tally.reports.clear()
    tally.reports["done"] = BatchReport(
        "done",
        sum(report.photos for report in reports),
        sum(report.count for report in reports),
        skip_counts(reports),
    )


def _batches(refs: Sequence[PhotoRef], jobs: int) -> Iterator[ShardPlan]:
    """Divides photos into batches for the pool."""
    size = max(1, min(BATCH, len(refs) // (jobs * BATCHES_PER_WORKER)))
    for number, start in enumerate(range(0, len(refs), size)):
        yield ShardPlan(f"batch-{number:06d}", "", tuple(refs[start : start + size]))


def _warnings(job: _Job, gone: int, *, masked: int) -> Iterator[str]:
    """Lists warnings about a run that succeeded."""
    if renamed := len(job.naming.renamed):
        example = next(iter(job.naming.renamed.values()))
        yield f"{renamed:,} files have another name than their photo, whose name is another file's: {example}"
    wanted = job.settings.n
    if wanted and len(job.refs) < wanted:
        yield f"the source has {len(job.refs)} photos, {wanted} were asked for (--n): took them all"
    if gone:
        yield f"{gone:,} photos of earlier runs are not among these; what was made of them is left in {job.folder.out}"
    if not masked:
        yield "no face was masked; the report lists the reasons under skipped"
