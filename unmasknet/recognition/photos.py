"""Photos of an evaluation: one sample per photo of a named person, whose face wears a mask in it."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from maskgen.dataset.reader import DataSet, Encoded, Labels, posed, worn
from maskgen.errors import InputError
from maskgen.faces.arcface import FivePoints
from maskgen.seeds import hash64
from unmasknet.recognition.faces import labelled_points

SCORED = ("test", "val")  # splits that `auto` tries, in this order
YAW_EDGES = (0.0, 10.0, 20.0, 30.0, 45.0, 90.0)  # degrees, absolute
# Why a sample is left out.
UNNAMED, BARE, ANOTHER, UNALIGNED = "unnamed", "bare", "another mask", "no points"
REASONS = {
    UNNAMED: "the person is unknown",
    BARE: "the face wears no mask",
    ANOTHER: "the same photo under another mask is taken",
    UNALIGNED: "the landmarks lack eyes, nose and mouth",
}


@dataclass(frozen=True)
class NamedPhoto:
    """Photo of a named person, with and without a mask.

    Attributes:
        key: key of its sample.
        source: id of the photo in its source.
        person: name of the person.
        family, wear: of the mask.
        yaw: of the head, absolute, in degrees.
        box: of the face, x0, y0, x1, y1 in pixels.
        points: five points of the face, in pixels.
    """

    key: str
    source: str
    person: str
    family: str
    wear: str
    yaw: float
    box: tuple[float, ...]
    points: FivePoints

    @property
    def yaw_range(self) -> str:
        """Range of the yaw, such as "10-20"."""
        edges = list(pairwise(YAW_EDGES))
        low, high = next((one for one in edges if self.yaw < one[1]), edges[-1])
        return f"{low:.0f}-{high:.0f}"


def choose_split(data: DataSet, split: str) -> str:
    """Selects the split to score: the first of test and val that holds samples, for "auto"; "" for "all".

    Raises:
        InputError: there is nothing to score.
    """
    held = {record.split for record in data.records if record.count}
    if split == "all" and held:
        return ""
    for name in SCORED if split == "auto" else (split,):
        if name in held:
            return name
    wanted = " or ".join(SCORED) if split == "auto" else split
    raise InputError(
        f"{data.folder}: there is nothing to score: no sample of {wanted}, it holds "
        f"{', '.join(sorted(held)) or 'no samples'}. Make a data set with held-out people "
        "(gen-data --set source.test=.1), or name another --split"
    )


def choose_photos(
    data: DataSet, split: str, people: int | None, seed: int
) -> tuple[list[NamedPhoto], Counter[str]]:
    """Chooses the photos of some people, one sample per photo.

    Args:
        data: the data set.
        split: a split that holds samples; "" for all.
        people: number of people, drawn by a hash of seed and name; None: all.
        seed: of the draws.

    Returns:
        The photos, sorted by key; and how many samples were left out, by reason (`REASONS`).

    Raises:
        InputError: there are no two photos of one person, or no two people.
    """
    left: Counter[str] = Counter()
    by_source: dict[str, list[NamedPhoto]] = {}
    for encoded in data.samples(split=split):
        photo = photo_of(encoded.key, encoded.labels)
        if isinstance(photo, str):
            left[photo] += 1
        else:
            by_source.setdefault(photo.source, []).append(photo)
    taken = [min(photos, key=lambda one: hash64("mask", seed, one.key)) for photos in by_source.values()]
    left[ANOTHER] += sum(map(len, by_source.values())) - len(taken)
    names = sorted({one.person for one in taken}, key=lambda name: hash64("people", seed, name))[:people]
    chosen = sorted((one for one in taken if one.person in set(names)), key=lambda one: one.key)
    _check(data, split, chosen, left)
    return chosen, +left


def photo_of(key: str, labels: Labels) -> NamedPhoto | str:
    """Reads the photo of a sample; returns the reason if it cannot be used."""
    if not labels["identity"]:
        return UNNAMED
    mask: dict[str, Any] = worn(labels)
    if not labels["faces"] or mask["family"] == "bare":
        return BARE
    points = labelled_points(labels)
    if points is None:
        return UNALIGNED
    return NamedPhoto(
        key,
        labels["source"],
        labels["identity"],
        mask["family"],
        mask["wear"],
        abs(float(posed(labels)[0])),
        tuple(labels["faces"][0]["box"]),
        points,
    )


def read_photos(data: DataSet, split: str, photos: Sequence[NamedPhoto]) -> Iterator[tuple[int, Encoded]]:
    """Yields the number of each photo and its sample, in the order of the shards."""
    numbers = {photo.key: number for number, photo in enumerate(photos)}
    for encoded in data.samples(numbers.keys(), split=split):
        yield numbers[encoded.key], encoded


def _check(data: DataSet, split: str, photos: Sequence[NamedPhoto], left: Counter[str]) -> None:
    counts = Counter(photo.person for photo in photos)
    if len(counts) > 1 and max(counts.values()) > 1:
        return
    why = "; ".join(f"{count} left out: {REASONS[reason]}" for reason, count in left.items() if count)
    raise InputError(
        f"{data.folder}: verification needs several people and two photos of one of them; {split or 'it'} has "
        f"{len(photos)} usable photos of {len(counts)} people{f' ({why})' if why else ''}. Make a data set with "
        "gen-data from LFW, or from a folder per person with --people folders"
    )
