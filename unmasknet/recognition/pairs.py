"""Pairs of photos: drawn by a seed or taken from a list, in folds that share no person.

`listed` pairs decide the accuracy, by LFW's protocol: in each fold as many pairs of one person as of two people, both
of the fold. `impostors` are many more pairs of two people, for rates of false acceptance that are far below what the
listed pairs can tell.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Int64
from numpy import ndarray

from maskgen.dataset.draw_pairs import draw_pairs
from maskgen.dataset.pairs import FOLDS, Pair, match_pairs, read_pairs
from maskgen.errors import InputError
from maskgen.seeds import hash64, rng_for
from unmasknet.recognition.photos import NamedPhoto

Numbers = Int64[ndarray, " _"]
NONE = -1  # number of the reference where a person has no further photo


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
        digests: id of a photo -> digest of its bytes; photos with the same bytes make no pair.
        seed: of the draw.
    """
    people: dict[str, list[str]] = {}
    for photo in sorted(photos, key=lambda one: one.source):
        people.setdefault(photo.person, []).append(photo.source)
    several = sum(len(sources) > 1 for sources in people.values())
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

    def strangers(codes: Numbers) -> Numbers:
        one, other = codes // count, codes % count
        return codes[(person[one] != person[other]) & (content[one] != content[other])]

    if count * count > 4 * most:  # too many to list: draw, a number that was drawn twice counts once
        rng, codes = rng_for(seed, "impostors"), np.empty(0, np.int64)
        while len(codes) < most and len(np.unique(person)) > 1:
            drawn = np.concatenate([codes, strangers(rng.integers(count * count, size=2 * most))])
            codes = drawn[np.sort(np.unique(drawn, return_index=True)[1])]
        codes = codes[:most]
    else:
        codes = rng_for(seed, "impostors").permutation(strangers(np.arange(count * count)))[:most]
    codes = np.sort(codes)
    nothing = np.zeros(len(codes), np.int64)
    return Pairs(codes // count, codes % count, nothing > 0, nothing)


def choose_references(pairs: Pairs, people: Sequence[str], keys: Sequence[str], seed: int) -> Numbers:
    """Chooses for each pair the photo by which its probe is restored: of the probe's person, and not of the pair.

    A probe has at most two references over all pairs: its first by a hash of its key and theirs, and its second in a
    pair of which the first is the gallery's photo.

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
            others = [one for one in photos[people[probe]] if one != probe]
            others.sort(key=lambda one: hash64("reference", seed, keys[probe], keys[one]))
            ranked[probe] = others[:2]
        references[at] = next((one for one in ranked[probe] if one != gallery), NONE)
    return references
