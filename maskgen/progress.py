"""Progress of a long call, as its callback receives it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Progress:
    """State of a call that is still running.

    Attributes:
        done: number of items done, including `found`.
        total: number of all items.
        note: additional text for a person, such as the file in hand.
        found: number of items that were done before the call; they do not count towards its rate.
        figures: further numbers by name, such as skipped photos by reason, or losses.
    """

    done: int | float
    total: int | float
    note: str = ""
    found: int | float = 0
    figures: Mapping[str, int | float] = field(default_factory=dict)


OnProgress = Callable[[Progress], object]


def no_progress(progress: Progress) -> None:
    """Ignores progress."""
