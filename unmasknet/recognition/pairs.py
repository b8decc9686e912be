"""Pairs of photos: drawn by a seed or taken from a list, in folds that share no person.

`listed` pairs decide the accuracy, by LFW's protocol: in each fold as many pairs of one person as of two people, both
of the fold. `impostors` are many more pairs of two people, for rates of false acceptance that are far below what the
listed pairs can tell.
"""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Int64
from numpy import ndarray

from maskgen.dataset.draw_pairs import draw_pairs
from maskgen.dataset.near_copies import near_pairs
from maskgen.dataset.pairs import FOLDS, Pair, match_pairs, read_pairs
from maskgen.errors import InputError
from maskgen.seeds import hash64, rng_for
from unmasknet.recognition.photos import NamedPhoto

Numbers = Int64[ndarray, " _"]
NONE = -1  # number of the reference where a person has no further photo
MOST_DRAWN = 10_000_000  # pairs of photos that are drawn at once


@dataclass(frozen=True)
class Pairs:
    """Pairs of photos, as numbers of photos.

    Attributes:
        gallery, probe: one number each per pair.
        same: whether both show one person.
        fold: number of the fold; 0 for impostors that are not listed.
    """

    gallery: Numbers
    probe: Numbers
    same: Bool[ndarray, " n"]
    fold: Numbers

    def __len__(self) -> int:
        return len(self.gallery)

    def where(self, chosen: Bool[ndarray, " n"]) -> "Pairs":
        """Returns the chosen pairs."""
        return Pairs(self.gallery[chosen], self.probe[chosen], self.same[chosen], self.fold[chosen])


def listed_pairs(photos: Sequence[NamedPhoto], digests: Mapping[str, str], seed: int) -> Pairs:
    """Draws pairs by LFW's protocol: ten folds, or fewer where there are fewer people.

    Which photo of a pair is the gallery's is drawn as well. The result depends on the photos and the seed only.

    Args:
        photos: the photos.
        digests: id of a photo -> digest of its bytes; of a person's photos with the same bytes the first counts.
        seed: of the draw.

    Raises:
        InputError: nobody has two different photos.
    """
    different: dict[str, dict[str, str]] = {}
    for photo in sorted(photos, key=lambda one: one.source):
        different.setdefault(photo.person, {}).setdefault(
            digests.get(photo.source, photo.source), photo.source
        )
    people = {person: list(sources.values()) for person, sources in different.items()}
    several = sum(len(sources) > 1 for sources in people.values())
    if not several:
        raise InputError(
            "verification needs two photos of one person; here all photos of each person have the same bytes"
        )
    folds = max(1, min(FOLDS, several, len(people) // 2))
    return numbered_pairs(draw_pairs(people, folds, None, seed, digests), photos, seed)


def read_listed(path: Path, photos: Sequence[NamedPhoto]) -> tuple[Pairs, int]:
    """Reads a list of pairs; the first photo of a pair is the gallery's.

    Returns:
        The pairs of which both photos are known, and the number of the others.

    Raises:
        InputError: the list cannot be read, or no pair is left.
    """
    named = read_pairs(path)
    matched = match_pairs(named, [photo.source for photo in photos]).pairs
    if not any(pair.same for pair in matched) or all(pair.same for pair in matched):
        raise InputError(
            f"{path}: {len(matched)} of its {len(named)} pairs are of photos that are scored, too few for pairs of one "
            "person and of two; make the data set of the same photos, or name another --split"
        )
    return numbered_pairs(matched, photos), len(named) - len(matched)


def numbered_pairs(named: Sequence[Pair], photos: Sequence[NamedPhoto], seed: int | None = None) -> Pairs:
    """Replaces the ids of photos by their numbers; with a seed, draws which photo of a pair is the gallery's."""
    number = {photo.source: at for at, photo in enumerate(photos)}
    table = np.empty((len(named), 2), np.int64)
    for row, pair in zip(table, named, strict=True):
        two = number[pair.first], number[pair.second]
        swap = seed is not None and hash64("gallery", seed, pair.first, pair.second) % 2
        row[:] = two[::-1] if swap else two
    same, fold = (
        np.array([pair.same for pair in named], bool),
        np.array([pair.fold for pair in named], np.int64),
    )
    return Pairs(table[:, 0], table[:, 1], same, fold)


def draw_impostors(people: Sequence[str], digests: Sequence[str], most: int, seed: int) -> Pairs:
    """Draws ordered pairs of photos of two people: all of them, or `most` if there are more.

    Args:
        people: the person on each photo.
        digests: of the bytes of each photo, "" if unknown; the same photo under two names makes no pair.
        most: largest number of pairs.
        seed: of the draw.
    """
    person, content = (np.unique(np.asarray(one, str), return_inverse=True)[1] for one in (people, digests))
    content = np.where(np.asarray(digests, str) == "", -1 - np.arange(len(person)), content)
    count = len(person)
    possible = count**2 - int(
        (np.bincount(person) ** 2).sum()
    )  # fewer than count**2, if most photos are of one

    def strangers(codes: Numbers) -> Numbers:
        one, other = codes // count, codes % count
        return codes[(person[one] != person[other]) & (content[one] != content[other])]

    rng, codes, before = rng_for(seed, "impostors"), np.empty(0, np.int64), -1
    if possible > 4 * most:  # too many to list: draw, a number that was drawn twice counts once
        size = min(2 * most * max(1, round(count**2 / possible)), max(2 * most, MOST_DRAWN))
        while before < len(codes) < most:
            before = len(codes)
            drawn = np.concatenate([codes, strangers(rng.integers(count * count, size=size))])
            codes = drawn[np.sort(np.unique(drawn, return_index=True)[1])]
    elif possible:
        own = [np.flatnonzero(person == number) for number in range(person.max() + 1)]
        others = [np.flatnonzero(person != number) for number in range(person.max() + 1)]
        listed = [(one[:, None] * count + other).ravel() for one, other in zip(own, others, strict=True)]
        codes = rng.permutation(strangers(np.sort(np.concatenate(listed))))
    codes = np.sort(codes[:most])
    nothing = np.zeros(len(codes), np.int64)
    return Pairs(codes // count, codes % count, nothing > 0, nothing)


def near_copies(photos: Sequence[NamedPhoto], looks: Mapping[str, str]) -> set[tuple[int, int]]:
    """Finds photos with the same bytes or looks: copies, re-encoded or resized ones, shots of one moment.

    Args:
        photos: the photos.
        looks: id of a photo -> its perceptual hash, as far as it is known.

    Returns:
        Pairs of numbers of photos, in both orders.
    """
    known = [number for number, photo in enumerate(photos) if photo.source in looks]
    hashes = [looks[photos[number].source] for number in known]
    halves = np.array([(int(one[:16], 16), int(one[16:], 16)) for one in hashes], np.uint64).reshape(-1, 2)
    found = {(known[one], known[other]) for one, other in near_pairs(halves).tolist()}
    return found | {(other, one) for one, other in found}


def choose_references(
    pairs: Pairs, people: Sequence[str], keys: Sequence[str], copies: Container[tuple[int, int]], seed: int
) -> Numbers:
    """Chooses for each pair the photo by which its probe is restored: of the probe's person, and not of the pair.

    A copy of a photo of the pair would show the judge what it is asked about, so it is none either. Without copies, a
    probe has at most two references over all pairs: its first by a hash of its key and theirs, and its second in a
    pair of which the first is the gallery's photo.

    Args:
        pairs: the pairs.
        people: the person on each photo.
        keys: key of each photo's sample.
        copies: numbers of two photos that are copies, in both orders.
        seed: of the choice.

    Returns:
        The number of a photo per pair; `NONE` where the person has no further photo.
    """
    photos: dict[str, list[int]] = {}
    for number, person in enumerate(people):
        photos.setdefault(person, []).append(number)
    ranked: dict[int, list[int]] = {}
    references = np.full(len(pairs), NONE, np.int64)
    for at, (gallery, probe) in enumerate(zip(pairs.gallery.tolist(), pairs.probe.tolist(), strict=True)):
        if probe not in ranked:
            others = [one for one in photos[people[probe]] if one != probe and (probe, one) not in copies]
            ranked[probe] = sorted(others, key=lambda one: hash64("reference", seed, keys[probe], keys[one]))
        further = (one for one in ranked[probe] if one != gallery and (gallery, one) not in copies)
        references[at] = next(further, NONE)
    return references
