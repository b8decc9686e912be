"""Drawing of photo pairs for face verification, by the protocol of LFW's view 2.

People are divided into folds that share nobody. Each fold has as many pairs of one person as pairs of two. No pair
occurs twice, and photos with the same bytes make no pair: they would be recognised without a face.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Literal

import numpy as np

from maskgen.dataset.pair_images import Sides, pairs_bin
from maskgen.dataset.pairs import Form, Pair, fits_lfw, pairs_text
from maskgen.dataset.reader import DataSet, open_data_set
from maskgen.errors import InputError, UsageError
from maskgen.files import make_folder, write_atomic
from maskgen.seeds import hash64

MOST = 300  # pairs of each kind in a fold, as in LFW's view 2
MOST_PHOTOS = 20  # of a person, in pairs of one person; otherwise few people would make most pairs


@dataclass(frozen=True)
class PairsReport:
    """Result of `write_pairs`: the file, its form, and the numbers of pairs, folds, people and photos in it."""

    out: str
    form: Form | Literal["bin"]
    pairs: int
    folds: int
    people: int
    photos: int


def write_pairs(
    folder: Path,
    out: Path,
    *,
    split: str = "test",
    folds: int = 10,
    each: int | None = None,
    form: Literal["auto", "lfw", "list", "bin"] = "auto",
    sides: Sides = "plain-masked",
    seed: int = 0,
) -> PairsReport:
    """Draws pairs from a data set, and writes them to a file.

    Args:
        folder: folder of the data set.
        out: the file.
        split: only people of this split; "" for all.
        folds: number of folds.
        each: pairs of each kind per fold; see `draw_pairs`.
        form: form of the file; "auto" takes LFW's where all photos are named as LFW's are. "bin" writes the images
            too, see `pairs_bin`.
        sides: which images "bin" writes.
        seed: seed of the choice.

    Raises:
        InputError: the data set cannot be read, or has too few known people.
        UsageError: a fold cannot give so many pairs.
        MissingError: the disk is full.
        UnmaskError: the file cannot be written.
    """
    data = open_data_set(folder)
    people = photos_of_people(data, split)
    pairs = draw_pairs(people, folds, each, seed, digests_of(data))
    photos = {photo for pair in pairs for photo in (pair.first, pair.second)}
    every = [photo for theirs in people.values() for photo in theirs]
    if form == "auto":
        form = "lfw" if fits_lfw(every) else "list"
    if form == "lfw" and not fits_lfw(every):
        raise InputError(
            "not all photos are named as LFW's, Name/Name_0001.jpg, each otherwise; use --form list"
        )
    content = pairs_bin(data, pairs, sides) if form == "bin" else pairs_text(pairs, form).encode("utf-8")
    make_folder(out.parent)
    write_atomic(out, content)
    who = {person for person, theirs in people.items() if not photos.isdisjoint(theirs)}
    return PairsReport(str(out), form, len(pairs), folds, len(who), len(photos))


def photos_of_people(data: DataSet, split: str) -> dict[str, list[str]]:
    """Lists the photos of each known person that gave a sample of the main face.

    Args:
        data: the data set.
        split: only this split; "" for all.

    Returns:
        identity -> ids of the photos, both sorted.
    """
    found = defaultdict[str, set[str]](set)
    for sample in data.samples(split=split):
        if sample.labels["identity"]:
            found[sample.labels["identity"]].add(sample.labels["source"])
    return {person: sorted(found[person]) for person in sorted(found)}


def digests_of(data: DataSet) -> dict[str, str]:
    """Returns the digest of each photo's bytes, as far as the records know it."""
    return {photo: digest for record in data.records for photo, digest, _ in record.prints}


def draw_pairs(
    people: Mapping[str, Sequence[str]],
    folds: int,
    each: int | None = None,
    seed: int = 0,
    digests: Mapping[str, str] | None = None,
) -> list[Pair]:
    """Draws pairs of one person and pairs of two.

    Args:
        people: identity -> ids of the photos.
        folds: number of folds.
        each: pairs of each kind per fold; None takes as many as each fold can give, at most `MOST`.
        seed: seed of the choice.
        digests: id of a photo -> digest of its bytes.

    Returns:
        Pairs, ordered by fold; those of one person first. People with one photo occur in pairs of two people only.

    Raises:
        InputError: there are too few people for the folds.
        UsageError: a fold cannot give so many pairs.
    """
    several = [person for person, photos in people.items() if len(photos) > 1]
    if len(several) < folds or len(people) < 2 * folds:
        raise InputError(
            f"{len(people)} people, {len(several)} of them with several photos, are too few for {folds} folds with two "
            "people each; give fewer --folds, or another --split"
        )
    groups = _folds(people, folds, seed)
    fewer = {person: _some(photos, seed) for person, photos in people.items()}
    possible = [_same(group, fewer, digests or {}) for group in groups]
    least = min(map(len, possible))
    count = min(least, MOST, *(_most_different(group, people) for group in groups)) if each is None else each
    if count > least or not count:
        raise UsageError(
            f"--per-fold {each or 1}: one of the {folds} folds has {least} pairs of one person; "
            "give fewer --folds or --per-fold"
        )
    pairs: list[Pair] = []
    for fold, (group, same) in enumerate(zip(groups, possible, strict=True)):
        rng = np.random.default_rng(hash64("pairs", seed, fold))
        chosen = [same[one] for one in sorted(rng.choice(len(same), count, replace=False).tolist())]
        pairs += [Pair(first, second, True, fold) for first, second in chosen]
        different = _different(group, people, digests or {}, count, rng)
        pairs += [Pair(first, second, False, fold) for first, second in different]
    return pairs


def _folds(people: Mapping[str, Sequence[str]], folds: int, seed: int) -> list[list[str]]:
    """Deals the people to the folds in a seeded order; those with most photos first, so that folds are alike."""
    order = sorted(people, key=lambda person: (-len(people[person]), hash64("fold", seed, person)))
    groups: list[list[str]] = [[] for _ in range(folds)]
    for place, person in enumerate(order):
        lap, turn = divmod(place, folds)
        groups[turn if lap % 2 == 0 else folds - 1 - turn].append(person)
    return [sorted(group) for group in groups]


def _some(photos: Sequence[str], seed: int) -> list[str]:
    return sorted(sorted(photos, key=lambda photo: hash64("pair", seed, photo))[:MOST_PHOTOS])


def _same(
    group: Iterable[str], people: Mapping[str, Sequence[str]], digests: Mapping[str, str]
) -> list[tuple[str, str]]:
    return [two for person in group for two in combinations(people[person], 2) if not _copies(*two, digests)]


def _copies(one: str, other: str, digests: Mapping[str, str]) -> bool:
    return one in digests and digests[one] == digests.get(other)


def _most_different(group: Sequence[str], people: Mapping[str, Sequence[str]]) -> int:
    counts = [len(people[person]) for person in group]
    return (sum(counts) ** 2 - sum(count**2 for count in counts)) // 2


def _different(
    group: Sequence[str],
    people: Mapping[str, Sequence[str]],
    digests: Mapping[str, str],
    count: int,
    rng: np.random.Generator,
) -> list[tuple[str, str]]:
    """Draws pairs of two people: first the people, so that nobody counts by the number of photos, then the photos.

    Raises:
        UsageError: the fold has not so many.
    """
    if count > _most_different(group, people):
        raise UsageError(
            f"--per-fold {count}: one of the folds has only {_most_different(group, people)} pairs of two people"
        )
    found: dict[tuple[str, str], None] = {}
    for _ in range(1000 * count):  # few draws fail, unless nearly all pairs are wanted
        if len(found) == count:
            break
        one, other = sorted(rng.choice(len(group), 2, replace=False).tolist())
        first, second = (int(rng.integers(len(people[group[place]]))) for place in (one, other))
        pair = people[group[one]][first], people[group[other]][second]
        if not _copies(*pair, digests):
            found.setdefault(pair)
    if len(found) < count:
        raise UsageError(f"--per-fold {count}: a fold of {len(group)} people has not so many pairs of two")
    return list(found)
