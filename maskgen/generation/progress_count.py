"""Aggregates the workers' progress."""

import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from maskgen.generation.process_pool import Moved
from maskgen.generation.worker import JobReport
from maskgen.progress import OnProgress, Progress

REPORT_SECONDS = 0.1  # shortest time between two reports


@dataclass
class Tally:
    """Counter of the workers' progress by shard; a shard that is started again is counted again from zero.

    Attributes:
        total: number of photos.
        found: photos in shards that were finished before this run.
        unit: name, in the figures, of what is made of the photos.
    """

    total: int
    on_progress: OnProgress
    found: int = 0
    reported: float = 0.0
    reports: dict[str, Any] = field(default_factory=dict)  # of `JobReport`s
    moving: dict[str, Counter[str]] = field(default_factory=dict)
    unit: str = "triplets"

    def move(self, event: Moved) -> None:
        """Counts one more photo of a worker."""
        counts = self.moving.setdefault(event.name, Counter())
        if event.index <= 0:
            counts.clear()
        if isinstance(event.outcome, int):
            counts["made"] += event.outcome
        elif event.outcome:
            counts[f"skipped {event.outcome}"] += 1
        counts["photos"] += event.index > 0

    def finish(self, report: JobReport) -> None:
        """Counts a finished shard."""
        self.moving.pop(report.name, None)
        self.reports[report.name] = report

    def report(self, *, now: bool = False) -> None:
        """Reports progress, unless the last report was less than `REPORT_SECONDS` ago."""
        at = time.monotonic()
        if not now and at - self.reported < REPORT_SECONDS:
            return
        self.reported = at
        moving = sum(self.moving.values(), Counter[str]())
        skipped = skip_counts(self.reports.values())
        skipped.update(
            {name.partition(" ")[2]: n for name, n in moving.items() if name.startswith("skipped ")}
        )
        self.on_progress(
            Progress(
                done=sum(report.photos for report in self.reports.values()) + moving["photos"],
                total=self.total,
                found=self.found,
                figures={
                    self.unit: sum(report.count for report in self.reports.values()) + moving["made"],
                    **dict(sorted(skipped.items())),
                },
            )
        )


def skip_counts(reports: Iterable[JobReport]) -> Counter[str]:
    """Counts the skipped photos of some shards by reason."""
    total: Counter[str] = Counter()
    for report in reports:
        total.update(report.skipped)
    return total
