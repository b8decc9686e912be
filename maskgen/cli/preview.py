"""`unmask preview`."""

from pathlib import Path

from maskgen.cli.options import Output
from maskgen.command_settings import PreviewSettings


def preview(settings: PreviewSettings) -> Output:
    """Write a contact sheet (PNG) and a page (HTML) of a data set, with the skipped photos and their reasons.

    Example: [bold]unmask preview data/shards/mine --n 64[/bold]
    """
    from maskgen.reports.preview import preview as draw

    report = draw(Path(settings.dir), n=settings.n, out=Path(settings.out) if settings.out else None)
    return Output(report, f"{report.shown:,} of {report.samples:,} samples\n{report.sheet}\n{report.page}")
