"""`unmask frames-from-video`."""

import sys
from typing import TYPE_CHECKING, Annotated

from maskgen.cli.options import Output, count_of, switch
from maskgen.errors import InputError
from maskgen.frames_settings import REASONS, FramesSettings
from maskgen.section import RUN

if TYPE_CHECKING:
    from maskgen.video.frames.run import FramesPlan, FramesReport

DryRun = Annotated[bool, switch("--dry-run", "Say what would be read; write nothing.", RUN)]


def frames_from_video(settings: FramesSettings, dry_run: DryRun = False) -> Output:
    """Extract faces from videos at exact times, upright and in smoothed crops: photos for [bold]gen-data --src[/bold].

    To continue an interrupted run with the next clip, give the same command again.

    Example: [bold]unmask frames-from-video raw.mp4 --fps 1 --size 512 --out data/frames/raw[/bold]
    """
    from maskgen.cli.progress_bar import Meter
    from maskgen.video.frames import run

    if dry_run:
        plan = run.rehearse_frames(settings)
        return Output(plan, plan_text(plan))
    with Meter("seconds of video", sys.stderr) as meter:
        report = run.frames_from_video(settings, meter)
    failed = any(file.error for file in report.files)
    return Output(report, report_text(report), report.warnings, InputError.exit_code if failed else 0)


def report_text(report: "FramesReport") -> str:
    """Summarises the photos of each file, and names the next steps."""
    lines = []
    for file in report.files:
        if file.error:
            continue
        lines.append(
            f"{file.file}: {file.photos:,} photos of {count_of(file.persons, 'person')}, "
            f"{file.kept:,} of {file.frames:,} frames kept; "
            f"{file.seconds_covered:.2f} s of {file.duration:.2f} s covered"
            + (f"; {file.audio}" if file.audio else "")
        )
        lines += [f"  {count:>7,}  {reason}: {REASONS[reason]}" for reason, count in file.dropped.items()]
    lines.append(f"{report.out}: {report.photos:,} photos in {report.seconds:.1f} s")
    return "\n".join(
        [*lines, f"look at it: {report.sheet}", f"mask them: unmask gen-data --src {report.out}"]
    )


def plan_text(plan: "FramesPlan") -> str:
    """Lists the files that a run would read."""
    lines = [f"{file.file}: {file.error or f'{file.duration:.2f} s'}" for file in plan.files]
    return "\n".join([*lines, f"{plan.out}: nothing was written"])
