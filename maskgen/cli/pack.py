"""`unmask pack`."""

import sys

from maskgen.cli.gen_data import report_text
from maskgen.cli.options import Output, with_skipped
from maskgen.command_settings import PackSettings


def pack(settings: PackSettings) -> Output:
    """Pack triplets from folders into shards: masked photo, original and map with one name. The inverse of unpack.

    A map does not distinguish mask, strap and shadow: parts is 3 wherever the map is 1.

    Example: [bold]unmask pack plain/ --to data/shards/mine[/bold]
    """
    from maskgen.cli.progress_bar import Meter
    from maskgen.generation.pack import gen_settings
    from maskgen.generation.pack import pack as make
    from maskgen.generation.pipeline import check_failures

    with Meter("triplets", sys.stderr) as meter:
        report = make(settings, with_skipped(meter))
    return Output(
        report,
        report_text(report),
        report.warnings,
        check=lambda: check_failures(report, gen_settings(settings)),
    )
