"""How far a run is: what workers tell, added up."""

import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from maskgen.dataset.shard_record import ShardReport
from maskgen.generation.process_pool import Moved

REPORT_SECONDS = 0.1  # progress is told so often at most


@dataclass(frozen=True)
class GenProgress:
    """How far a run is.

    Attributes:
        photos: looked at, of `total`; `found` of them were in finished shards when the run began.
        shards: done, of `shards_total`.
        seconds: since the first worker was started.
    """

    photos: int
    total: int
    found: int
    triplets: int
    skipped: dict[str, int]
    shards: int
    shards_total: int
    seconds: float

    @property
    def rate(self) -> float:
        """Photos a second in this run."""
        return (self.photos - self.found) / self.seconds if self.seconds else 0.0

    @property
    def left(self) -> float:
        """Seconds to the end at this rate; infinite before the first photo."""
        return (self.total - self.photos) / self.rate if self.rate else float("inf")


@dataclass
class Tally:
    """Counts what workers tell, shard by shard: one that begins anew is counted anew."""

    total: int
    shards_total: int
    on_progress: Callable[[GenProgress], object]
    began: float = field(default_factory=time.monotonic)
    found: int = 0
    told: float = 0.0
    reports: dict[str, ShardReport] = field(default_factory=dict)
    moving: dict[str, Counter[str]] = field(default_factory=dict)

    def move(self, event: Moved) -> None:
        """Counts one more photo of a worker."""
        counts = self.moving.setdefault(event.name, Counter())
        if event.index <= 0:
            counts.clear()
        if isinstance(event.outcome, int):
            counts["triplets"] += event.outcome
        elif event.outcome:
            counts[f"skipped {event.outcome}"] += 1
        counts["photos"] += event.index > 0

    def finish(self, report: ShardReport) -> None:
        """Counts a finished shard."""
        self.moving.pop(report.name, None)
        self.reports[report.name] = report

    def tell(self, *, now: bool = False) -> None:
        """Reports progress, unless that was done just before."""
        at = time.monotonic()
        if not now and at - self.told < REPORT_SECONDS:
            return
        self.told = at
        moving = sum(self.moving.values(), Counter[str]())
        skipped = skip_counts(self.reports.values())
        skipped.update(
            {name.partition(" ")[2]: n for name, n in moving.items() if name.startswith("skipped ")}
        )
        self.on_progress(
            GenProgress(
                photos=sum(report.photos for report in self.reports.values()) + moving["photos"],
                total=self.total,
                found=self.found,
                triplets=sum(report.count for report in self.reports.values()) + moving["triplets"],
                skipped=dict(sorted(skipped.items())),
                shards=len(self.reports),
                shards_total=self.shards_total,
                seconds=at - self.began,
            )
        )


def skip_counts(reports: Iterable[ShardReport]) -> Counter[str]:
    """Counts the skipped photos of some shards by reason."""
    total: Counter[str] = Counter()
    for report in reports:
        total.update(report.skipped)
    return total
