"""`unmask verify`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from maskgen.cli.options import Output, count_of
from maskgen.command_settings import VerifySettings

if TYPE_CHECKING:
    from maskgen.dataset.verify import VerifyReport


def verify(settings: VerifySettings) -> Output:
    """Check every shard against its record, and every sample in it.

    Example: [bold]unmask verify data/shards/mine[/bold]
    """
    from maskgen.cli.progress_bar import Meter
    from maskgen.dataset.verify import verify as check

    with Meter("shards", sys.stderr) as meter:
        report = check(Path(settings.dir), meter, jobs=settings.jobs)
    return Output(report, report_text(settings.dir, report), exit_code=0 if report.ok else 1)


def report_text(folder: str, report: "VerifyReport") -> str:
    """Lists the problems, then states whether the data set is sound."""
    lines = []
    for problem in report.problems:
        place = f"{problem.shard} {problem.key}".strip()
        lines.append(f"{place}: {problem.what}" if place else problem.what)
    if any(problem.shard for problem in report.problems):
        lines.append("the same unmask gen-data command makes damaged shards again, and leaves the sound ones")
    verdict = "sound" if report.ok else count_of(len(report.problems), "problem")
    return "\n".join(
        [
            *lines,
            f"{folder}: {count_of(report.samples, 'sample')} in {count_of(report.shards, 'shard')}"
            f"{f' of format {report.format}' if report.format else ''}: {verdict}",
        ]
    )
