"""`unmask mask`."""

import csv
import sys
from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from maskgen.cli.options import Output, count_of, kernel_warning, reason_lines, switch, with_skipped
from maskgen.files import visible
from maskgen.masking.settings import MaskFolderSettings
from maskgen.section import RUN

if TYPE_CHECKING:
    from maskgen.masking.report import MaskRehearsal, MaskReport

DryRun = Annotated[bool, switch("--dry-run", "Say what would be made; write nothing.", RUN)]


def mask(settings: MaskFolderSettings, dry_run: DryRun = False) -> Output:
    """Put masks on photos: write masked copies under the photos' own names, folders and formats.

    SRC is one photo, a folder with its subfolders, a zip or tar. To continue an interrupted run, give the same command
    again. Options of the program MaskTheFace are understood.

    Example: [bold]unmask mask photos/ --out masked/ --masks surgical,n95 --share .9[/bold]
    """
    if dry_run:
        return rehearse(settings)
    report = make(settings)
    from maskgen.masking.report import check_mask_failures

    if report.made:
        report = replace(report, warnings=(*report.warnings, *kernel_warning()))
    photos = photo_lines(report) if settings.run.verbose else ()
    return Output(
        report,
        "\n".join([*photos, report_text(report)]),
        report.warnings,
        check=lambda: check_mask_failures(report, settings),
    )


def rehearse(settings: MaskFolderSettings) -> Output:
    """Plans a run without writing anything."""
    from maskgen.masking.pipeline import rehearse_masking

    plan = rehearse_masking(settings)
    return Output(plan, rehearsal_text(plan))


def make(settings: MaskFolderSettings) -> "MaskReport":
    """Masks the photos, with a progress bar."""
    from maskgen.cli.progress_bar import Meter
    from maskgen.masking.pipeline import mask_folder

    with Meter("photos", sys.stderr) as meter:
        return mask_folder(settings, with_skipped(meter))


def report_text(report: "MaskReport") -> str:
    """Summarises what was written, how fast, and which photos were skipped and why."""
    rate = report.made / report.seconds if report.seconds else 0.0
    speed = f"{rate:.1f} photos/s" if report.made else "nothing left to make"
    lines = [
        f"{report.out}: {count_of(report.faces, 'face')} masked in {report.masked:,} of "
        f"{count_of(report.photos, 'photo')}; {count_of(report.files, 'file')}",
        f"{report.seconds:.1f} s, {speed}",
    ]
    if report.bare:
        lines.append(f"{count_of(report.bare, 'photo')} left without a mask by --share or bare")
    if report.maps:
        lines.append(f"maps: {report.maps}")
    if report.skipped:
        written = f", {report.copied:,} of them written without a mask" if report.copied else ""
        lines.append(f"no mask on {count_of(sum(report.skipped.values()), 'photo')}{written}:")
        lines += reason_lines(report.skipped)
        lines.append(f"listed in {report.skipped_table}")
    return "\n".join([*lines, f"which mask is on which face: {report.faces_table}"])


def photo_lines(report: "MaskReport") -> Iterator[str]:
    """Yields a line for each file with the masks on its faces, and for each photo without a mask with the reason."""
    for file, faces in groupby(_rows(report.faces_table), lambda row: row["file"]):
        yield f"{visible(file)}: {', '.join(row['family'] for row in faces)}"
    for row in _rows(report.skipped_table):
        yield f"{visible(row['photo'])}: no mask, {row['reason']}"


def _rows(table: str) -> Iterator[dict[str, str]]:
    """Yields the rows of a CSV file by the names of its columns."""
    with Path(table).open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def rehearsal_text(plan: "MaskRehearsal") -> str:
    """Summarises what a run would make."""
    renamed = f", {count_of(plan.renamed, 'file')} under another name" if plan.renamed else ""
    return (
        f"{plan.out}: {count_of(plan.photos, 'photo')}, {plan.missing:,} to mask{renamed}; nothing was written\n"
        f"masks: {plan.masks}"
    )
