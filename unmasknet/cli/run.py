"""`unmask run`."""

import sys
from typing import TYPE_CHECKING

from maskgen.cli.options import Output, count_of
from maskgen.files import visible
from unmasknet.restore.settings import RestoreSettings

if TYPE_CHECKING:
    from unmasknet.restore.batch import RunReport


def run(settings: RestoreSettings) -> Output:
    """Take masks off photos, folders of photos, videos (their audio is kept) or a camera's images.

    What a mask covered is invented, or taken from another photo of the person; results say so in their metadata.

    Example: [bold]unmask run photo.jpg --out unmasked[/bold]
    """
    from maskgen.cli.progress_bar import Meter
    from unmasknet.restore import batch
    from unmasknet.restore.camera import is_camera
    from unmasknet.restore.unmasker import Unmasker

    unmasker = Unmasker.from_pretrained(
        settings.weights, runtime=settings.runtime, device=settings.device, threads=settings.threads
    )
    if any(is_camera(name) for name in settings.inputs):
        report = batch.watch_camera(settings, unmasker, lambda where: print(where, file=sys.stderr))
    else:
        with Meter("inputs", sys.stderr) as meter:
            report = batch.run(settings, unmasker, meter)
    return Output(
        report, report_text(report), check=lambda: batch.check_failures(report, settings.max_failures)
    )


def report_text(report: "RunReport") -> str:
    """Lists the results, one line per input, and summarises them."""
    lines = [
        visible(result.error or f"{result.output or result.input}: {result.said}")
        for result in report.results
    ]
    restored = sum(result.masked > 0 for result in report.results)
    count = f"{count_of(len(report.results), 'input')}, {restored:,} with masks"
    failed = f", {report.failed:,} could not be used" if report.failed else ""
    taken = (
        "taken from the reference or " if any("by a reference" in one.said for one in report.results) else ""
    )
    invented = f"; what a mask covered is {taken}invented" if restored else ""
    return "\n".join([*lines, f"{count}{failed}, {report.seconds:.1f} s{invented}"])
