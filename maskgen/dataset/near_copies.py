"""Copies within a data set: photos with the same bytes, and pairs of photos that look alike.

The workers leave a print of each photo in the records: a hash of its bytes and a perceptual hash. Here they are
compared without comparing every photo with every other one: hashes that differ in at most 4 of their bits are equal in
one of 5 parts, and those that differ in at most 8 in one of 9. So only photos are compared whose hashes are equal in
one of 5 x 9 pairs of parts.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import numpy as np
from jaxtyping import Bool, Int64, UInt64
from numpy import ndarray

from maskgen.dataset.shard_record import SPLITS, ShardReport
from maskgen.images.likeness import DCT_BITS, STEP_BITS

MOST_PAIRS = 1_000_000  # beyond it the number says "at least"
EXAMPLES = 20  # pairs that are listed by name
_MIX = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F], np.uint64)  # odd factors that spread bits


@dataclass
class CopyCount:
    """Counter of copies, fed with records."""

    ids: list[str] = field(default_factory=list)
    contents: list[str] = field(default_factory=list)
    looks: list[tuple[int, int]] = field(default_factory=list)
    splits: list[int] = field(default_factory=list)
    unknown: int = 0
    digest: Any = field(default_factory=hashlib.sha256)

    def add(self, report: ShardReport) -> None:
        """Adds the photos of a shard."""
        for photo, content, look in report.prints:
            self.digest.update(f"{photo}\0{content}\0{look}\0".encode("utf-8", "surrogateescape"))
            self.ids.append(photo)
            self.contents.append(content)
            self.looks.append((int(look[:16], 16), int(look[16:], 16)))
            self.splits.append(SPLITS.index(report.split))
        self.unknown += report.photos - sum(report.skipped.values()) - len(report.prints)

    def result(self) -> dict[str, Any] | None:
        """Counts the copies.

        Returns:
            For `dataset.json`. `identical`: `photos`, that have the same bytes as one before them; `across_splits`,
            how many different photos are in several splits. `near`: `pairs` of photos that look alike but differ in
            their bytes (of more than `MOST_PAIRS` not all); `across_splits`, how many of these are in two splits;
            `examples`, the ids of some of the latter. `unknown`: photos whose record was written by a version without
            prints. `prints`: sha256 of all prints in hex, by which `verify` notices a change. None if no photo has a
            print.
        """
        if not self.ids:
            return None
        places: dict[str, Counter[int]] = {}
        for content, split in zip(self.contents, self.splits, strict=True):
            places.setdefault(content, Counter())[split] += 1
        same = {
            "photos": len(self.ids) - len(places),
            "across_splits": sum(len(found) > 1 for found in places.values()),
        }
        pairs, across, examples = 0, 0, list[list[str]]()
        for first, second in self._alike():
            pairs += 1
            if self.splits[first] != self.splits[second]:
                across += 1
                if len(examples) < EXAMPLES:
                    examples.append(sorted((self.ids[first], self.ids[second])))
        near = {"pairs": pairs, "across_splits": across, "examples": examples}
        prints = self.digest.hexdigest()
        return {"identical": same, "near": near, "unknown": self.unknown, "prints": prints}

    def _alike(self) -> Iterator[tuple[int, int]]:
        """Yields the pairs of photos that look alike and have other bytes; of photos with the same bytes one counts."""
        seen: dict[tuple[str, int], int] = {}
        for place, key in enumerate(zip(self.contents, self.splits, strict=True)):
            seen.setdefault(key, place)
        chosen = np.array(sorted(seen.values()), np.int64)
        looks = np.array(self.looks, np.uint64)[chosen]
        for first, second in chosen[near_pairs(looks)].tolist():
            if self.contents[first] != self.contents[second]:
                yield first, second


def looks_of(reports: Iterable[ShardReport]) -> dict[str, str]:
    """Returns the perceptual hash of each photo, as far as the records know it."""
    return {photo: look for report in reports for photo, _, look in report.prints}


def near_pairs(looks: UInt64[ndarray, "n 2"], most: int = MOST_PAIRS) -> Int64[ndarray, "m 2"]:
    """Finds the pairs of perceptual hashes within both limits.

    Args:
        looks: for each photo its DCT hash and its difference hash.
        most: the search ends when so many pairs are found: thousands of frames of one scene have millions.

    Returns:
        Indices of the pairs, the smaller one first, ordered.
    """
    count = max(len(looks), 1)
    found = np.zeros(0, np.int64)  # a pair is one number
    for part, other in product(_parts(DCT_BITS), _parts(STEP_BITS)):
        mixed = (looks & np.array([part, other])) * _MIX  # what is equal stays equal
        numbers, room = [found], most
        for pairs in _equal(mixed[:, 0] ^ mixed[:, 1]):
            near = pairs[_within(looks[pairs[:, 0]] ^ looks[pairs[:, 1]])][:room]
            numbers.append(near[:, 0] * count + near[:, 1])
            room -= len(near)
            if room <= 0:
                break
        found = np.unique(np.concatenate(numbers))
        if len(found) >= most:
            break
    return np.stack(np.divmod(found, count), axis=1)


def _parts(bits: int) -> tuple[np.uint64, ...]:
    """Divides 64 bits into parts of which one is equal in two numbers that differ in at most `bits` bits."""
    return tuple(np.uint64(sum(1 << bit for bit in range(part, 64, bits + 1))) for part in range(bits + 1))


def _equal(keys: UInt64[ndarray, " n"]) -> Iterator[Int64[ndarray, "m 2"]]:
    """Yields all pairs of equal keys, in parts of at most as many pairs as there are keys."""
    order = np.argsort(keys, kind="stable")
    ranked, offset = keys[order], 1
    starts = np.arange(len(order) - 1)
    while len(starts := starts[ranked[starts] == ranked[starts + offset]]):
        yield np.stack([order[starts], order[starts + offset]], axis=1)
        offset += 1
        starts = starts[starts + offset < len(order)]


def _within(differ: UInt64[ndarray, "m 2"]) -> Bool[ndarray, " m"]:
    """Tells by the different bits of pairs which ones are within the limits."""
    return (np.bitwise_count(differ) <= np.array([DCT_BITS, STEP_BITS])).all(axis=1)
