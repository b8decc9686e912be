"""Yield of a data set by group of people: how many photos gave a sample, and why others were skipped."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from maskgen.dataset.attributes import AttributesOf, sorted_groups
from maskgen.errors import FACE_REASONS, HARMLESS_REASONS

UNKNOWN = "unknown"
LEAST = 30  # photos from which a group's yield is compared: below, chance decides
Z = 1.959963984540054  # of a two-sided 95 % interval of the normal distribution
LEFT_OUT = HARMLESS_REASONS - FACE_REASONS  # copies that are dropped on purpose were not tried

GROUP_KINDS = {"photos": int, "made": int, "yield": float, "ci95": list, "differs": bool, "skipped": dict}
GroupYields = dict[str, dict[str, dict[str, Any]]]  # attribute -> group -> counts


def wilson(good: int, of: int) -> tuple[float, float]:
    """Computes the 95 % Wilson score interval of a fraction.

    Formula: E. B. Wilson, "Probable inference, the law of succession, and statistical inference" (1927).

    Args:
        good: number of successes, 0 to `of`.
        of: number of trials; at least 1.

    Returns:
        The edges, in [0, 1]: exactly 0 if no trial is a success, exactly 1 if all are.
    """
    fraction = good / of
    middle = (fraction + Z**2 / (2 * of)) / (1 + Z**2 / of)
    half = Z / (1 + Z**2 / of) * math.sqrt(fraction * (1 - fraction) / of + Z**2 / (4 * of**2))
    # of none and of all the formula gives 0 and 1, but for rounding
    return max(middle - half, 0.0) if good else 0.0, min(middle + half, 1.0) if good < of else 1.0


@dataclass
class YieldCount:
    """Counter of photos by group, fed shard by shard.

    Attributes:
        attributes_of: maps a photo's id to its attributes.
        outcomes: (attributes, reason) -> number of photos; the reason is "" for a photo with a sample.
    """

    attributes_of: AttributesOf
    outcomes: Counter[tuple[tuple[tuple[str, str], ...], str]] = field(default_factory=Counter)

    def add(self, photos: Iterable[str], skips: Iterable[tuple[str, str, str]]) -> None:
        """Adds the photos of a shard.

        Args:
            photos: ids of all photos that were planned.
            skips: id, reason and detail of those without a sample.
        """
        reasons = {photo: reason for photo, reason, _ in skips}
        for photo in photos:
            reason = reasons.get(photo, "")
            if reason not in LEFT_OUT:
                self.outcomes[tuple(sorted(self.attributes_of(photo).items())), reason] += 1

    def result(self) -> GroupYields:
        """Counts the groups of each attribute that is known of some photo.

        Returns:
            attribute -> group -> `photos` that were tried; `made`, how many of them gave a sample; `yield`, their
            fraction; `ci95`, its Wilson interval; `differs`, whether the interval excludes the yield of all photos
            whose group is known, and the group has at least `LEAST` photos; `skipped`, reason -> number of photos.
            Photos without a value are in the group "unknown", the last one, which never differs.
        """
        names = dict.fromkeys(name for attributes, _ in self.outcomes for name, _ in attributes)
        return {attribute: dict(self._groups(attribute)) for attribute in sorted(names)}

    def _groups(self, attribute: str) -> Iterator[tuple[str, dict[str, Any]]]:
        counts: dict[str, Counter[str]] = {}
        for (attributes, reason), number in self.outcomes.items():
            counts.setdefault(dict(attributes).get(attribute, UNKNOWN), Counter())[reason] += number
        known = [group for group in counts if group != UNKNOWN]
        photos = sum(counts[group].total() for group in known)
        overall = sum(counts[group][""] for group in known) / photos if photos else 0.0
        for group in [*sorted_groups(known), *(counts.keys() & {UNKNOWN})]:
            yield group, _entry(counts[group], overall, known=group != UNKNOWN)


def odd_attributes(by_group: Mapping[str, Any], photos: int, made: int) -> list[str]:
    """Lists the attributes of a `by_group` whose numbers do not follow from its counts, or do not add up.

    Args:
        by_group: as `YieldCount.result` returns it.
        photos: number of photos that were tried.
        made: how many of them gave a sample.
    """
    return [name for name, groups in by_group.items() if not _is_sound(groups, photos, made)]


def _is_sound(groups: Mapping[str, Any], photos: int, made: int) -> bool:
    known = [entry for group, entry in groups.items() if group != UNKNOWN]
    tried = sum(entry["photos"] for entry in known)
    overall = sum(entry["made"] for entry in known) / tried if tried else 0.0
    if (sum(entry["photos"] for entry in groups.values()), sum(e["made"] for e in groups.values())) != (
        photos,
        made,
    ):
        return False
    return all(
        entry == _entry({**entry["skipped"], "": entry["made"]}, overall, known=group != UNKNOWN)
        for group, entry in groups.items()
        if entry["photos"]
    )


def _entry(reasons: Mapping[str, int], overall: float, *, known: bool) -> dict[str, Any]:
    photos, made = sum(reasons.values()), reasons.get("", 0)
    low, high = wilson(made, photos)
    return {
        "photos": photos,
        "made": made,
        "yield": round(made / photos, 6),
        "ci95": [round(low, 6), round(high, 6)],
        "differs": known and photos >= LEAST and not low <= overall <= high,
        "skipped": {reason: reasons[reason] for reason in sorted(reasons) if reason and reasons[reason]},
    }
