"""`unmask run`."""

import sys

from maskgen.cli.options import Output
from unmasknet.restore.settings import RestoreSettings


def run(settings: RestoreSettings) -> Output:
    """Take masks off photos, folders of photos, videos (their audio is kept) or a camera's images.

    What a mask covered is invented, not recovered; results say so in their metadata.

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
        report, batch.as_text(report), check=lambda: batch.check_failures(report, settings.max_failures)
    )
