"""Steps of `unmask mask`: source, folder, photos on all cores, tables."""

import time
from collections.abc import Iterator, Sequence
from contextlib import closing

from maskgen.dataset.plan import ShardPlan
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
from maskgen.masking.job import MaskJob, prepare_job
from maskgen.masking.journal import PhotoResult
from maskgen.masking.report import MaskRehearsal, MaskReport
from maskgen.masking.settings import MaskFolderSettings
from maskgen.masking.tables import FACES, SKIPPED, write_tables
from maskgen.processes import core_count, require_posix
from maskgen.progress import OnProgress, no_progress
from maskgen.sources import warn_of_few
from maskgen.types import PhotoRef

BATCH = 16  # photos; a kill loses the work on as many for each worker
BATCHES_PER_WORKER = 4  # at least, so that all cores end at about the same time


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
        hang_after: seconds, beside one second per mask and the time to search for small faces, after which a
            photo's worker counts as hung.

    Returns:
        Numbers of photos masked and skipped.

    Raises:
        PoolStopped: SIGINT or SIGTERM arrived. Workers have ended; the same call continues.
        UsageError: the folder was made otherwise, holds foreign files, or another run writes there.
        InputError: the source has no photos or cannot be read; a SPEC, WEAR, template or image is invalid.
        MissingError: the disk is full, a model or package is missing, or this is Windows.
        UnmaskError: the folder cannot be written to.
    """
    require_posix("masking a folder")
    began = time.monotonic()
    with stop_on_signals():
        job = prepare_job(settings)
        kit = build(job.outfits.whole, job.source)
        plan = job.plan({**kit.versions, **heic_versions(ref.id for ref in job.refs)})
        masks = len(job.outfits.settings) * settings.masks.per_face
        engine = LocalEngine(
            settings.run.jobs or core_count(),
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
    job = prepare_job(settings)
    folder, overwrite = job.folder, settings.run.overwrite
    folder.refuse_foreign(overwrite=overwrite)
    todo: Sequence[PhotoRef] = job.refs
    if folder.journal.path.exists() and not overwrite:
        with folder.journal.reading():
            folder.refuse_difference(job.plan(folder.versions()))
            folder.refuse_foreign_maps()
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


def _mask(job: MaskJob, engine: LocalEngine, build: KitBuilder, on_progress: OnProgress) -> int:
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


def _warnings(job: MaskJob, gone: int, *, masked: int) -> Iterator[str]:
    """Lists warnings about a run that succeeded."""
    if renamed := len(job.naming.renamed):
        example = next(iter(job.naming.renamed.values()))
        yield f"{renamed:,} files have another name than their photo, whose name is another file's: {example}"
    yield from warn_of_few(len(job.refs), job.settings.n)
    if gone:
        yield f"{gone:,} photos of earlier runs are not among these; what was made of them is left in {job.folder.out}"
    if not masked:
        yield "no face was masked; the report lists the reasons under skipped"
