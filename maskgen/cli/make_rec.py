"""`unmask make-rec`."""

import sys
from pathlib import Path

from maskgen.cli.options import Output, count_of, reason_lines
from maskgen.command_settings import MakeRecSettings


def make_rec(settings: MakeRecSettings) -> Output:
    """Write photos of people as .rec and .idx, the files that InsightFace trains on; MXNet is not needed.

    Each photo keeps its bytes, and all must have one size. Photos of several sources get the labels of the people that
    they show: so masked copies stand beside the originals.

    Example: [bold]unmask make-rec faces_emore faces_emore_masked --people folders --to both[/bold]
    """
    from maskgen.cli.progress_bar import Meter
    from maskgen.dataset.make_record_file import make_record_file
    from maskgen.settings import SourceSettings
    from maskgen.sources import build_source

    sources = [build_source(SourceSettings(src=src, people=settings.people)) for src in settings.sources]
    with Meter("photos", sys.stderr) as meter:
        report = make_record_file(sources, Path(settings.to), overwrite=settings.overwrite, on_progress=meter)
    lines = [f"{count_of(report.images, 'image')} of {report.people:,} people in {report.to}/train.rec"]
    if report.unknown:
        lines.append(f"{count_of(report.unknown, 'photo')} left out: the person is unknown")
    if report.skipped:
        lines += ["left out:", *reason_lines(report.skipped)]
    return Output(report, "\n".join(lines))
