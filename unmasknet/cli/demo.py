"""`unmask demo`."""

from pathlib import Path

from maskgen.cli.options import Output, kernel_warning
from maskgen.command_settings import DemoSettings


def demo(settings: DemoSettings) -> Output:
    """Make a small data set from the built-in photo, verify it, take a mask off, draw a contact sheet and a report.

    Needs no data and no network.

    Example: [bold]unmask demo --out demo[/bold]
    """
    from maskgen.demo.run import run_demo
    from unmasknet.models.released import has_released
    from unmasknet.restore.strip import restored_strip

    take_off = restored_strip if has_released() else None
    report = run_demo(Path(settings.out), seed=settings.seed, take_off=take_off)
    return Output(report, f"{report}", kernel_warning())
