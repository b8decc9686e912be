"""`unmask pack`."""

import sys

from maskgen.cli.gen_data import report_text
from maskgen.cli.options import Output, photo_progress
from maskgen.settings import PackSettings


def pack(settings: PackSettings) -> Output:
    """Make shards of triplets in folders: masked, original and map under one name. The inverse of unpack.

    A map does not tell mask, strap and shadow apart: parts is 3 wherever the map is 1.

    Example: [bold]unmask pack plain/ --to data/shards/mine[/bold]
    """
    from maskgen.cli.progress_bar import Meter
    from maskgen.generation.pack import pack as make

    with Meter("triplets", sys.stderr) as meter:
        report = make(settings, photo_progress(meter))
    return Output(report, report_text(report), report.warnings)
