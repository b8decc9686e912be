"""Pairs that the page shows: where a mask costs most, where restoring gives or takes most, strangers most alike."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from maskgen.dataset.reader import DataSet
from maskgen.dataset.shards import Sample
from maskgen.types import RGBImage
from unmasknet.recognition.embeddings import REFERENCE, RESTORED, Embedder, portrait
from unmasknet.recognition.pairs import NONE
from unmasknet.recognition.photos import NamedPhoto, read_photos
from unmasknet.recognition.scored_rows import Scored
from unmasknet.recognition.settings import ROWS

COUNT = 4  # pairs per group
# Groups: heading -> whether of one person, the row that ranks, the row that is subtracted, and the sign.
GROUPS: tuple[tuple[str, bool, str, str, int], ...] = (
    ("One person: the mask costs most", True, "plain-masked", "plain-plain", 1),
    ("One person: restoring gives back most", True, "plain-restored", "plain-masked", -1),
    ("One person: restoring takes most", True, "plain-restored", "plain-masked", 1),
    ("One person: a reference gives back most", True, "plain-reference-restored", "plain-masked", -1),
    ("One person: a reference takes most", True, "plain-reference-restored", "plain-masked", 1),
    ("Two people: most alike with the mask", False, "plain-masked", "", -1),
    ("Two people: most alike after restoring", False, "plain-restored", "", -1),
)


@dataclass(frozen=True)
class PairExample:
    """Pair to show.

    Attributes:
        group: heading of its group.
        title: who the gallery and the probe are, and the probe's mask.
        images: image by its caption.
        similarities: row -> similarity.
    """

    group: str
    title: str
    images: dict[str, RGBImage]
    similarities: dict[str, float]


def find_examples(
    data: DataSet, split: str, photos: Sequence[NamedPhoto], scored: Scored, embedder: Embedder
) -> list[PairExample]:
    """Chooses pairs and restores their probes once more.

    Raises:
        InputError: a sample cannot be read.
    """
    chosen = {group[0]: _ranked(scored, *group[1:]) for group in GROUPS}
    pairs, references = scored.listed, scored.references
    numbers = {
        int(number)
        for ranked in chosen.values()
        for at in ranked
        for number in (pairs.gallery[at], pairs.probe[at], references[at])
        if number != NONE
    }
    order = sorted(numbers)
    read = read_photos(data, split, [photos[number] for number in order])
    samples = {order[at]: encoded.decode() for at, encoded in read}
    return [
        _example(heading, at, photos, scored, samples, embedder)
        for heading, ranked in chosen.items()
        for at in ranked
    ]


def _ranked(scored: Scored, same: bool, row: str, minus: str, sign: int) -> list[int]:
    """Returns the first pairs by a similarity or a difference of two, each probe once."""
    found = scored.listed_similarity
    if row not in found or (minus and minus not in found):
        return []
    values: Float[ndarray, " n"] = sign * (found[row] - found[minus] if minus else found[row])
    usable = np.isfinite(values) & (scored.listed.same == same)
    ranked: dict[int, int] = {}
    for at in np.argsort(values, kind="stable").tolist():
        if usable[at] and len(ranked) < COUNT:
            ranked.setdefault(int(scored.listed.probe[at]), at)
    return list(ranked.values())


def _example(
    heading: str,
    at: int,
    photos: Sequence[NamedPhoto],
    scored: Scored,
    samples: dict[int, Sample],
    embedder: Embedder,
) -> PairExample:
    gallery, probe = int(scored.listed.gallery[at]), int(scored.listed.probe[at])
    reference = int(scored.references[at])
    sample = samples[probe]
    images = {"gallery": samples[gallery]["gt"], "probe": sample["gt"], "probe, masked": sample["masked"]}
    kinds = {ROWS[name][1] for name in scored.listed_similarity}
    if RESTORED in kinds:
        images["restored"] = embedder.restored(sample)
    if REFERENCE in kinds and reference != NONE:
        images["reference"] = portrait(samples[reference]["gt"], photos[reference])
        images["by reference"] = embedder.by_reference(sample, images["reference"])[0]
    one, other = photos[gallery], photos[probe]
    names = one.person if one.person == other.person else f"{one.person}, {other.person}"
    values = {
        name: float(similarity[at])
        for name, similarity in scored.listed_similarity.items()
        if np.isfinite(similarity[at])
    }
    title = f"{names} · {other.family}, {other.wear} · yaw {other.yaw:.0f}°"
    return PairExample(heading, title, {name: _square(image) for name, image in images.items()}, values)


def _square(image: RGBImage) -> RGBImage:
    """Cuts out the central square."""
    height, width = image.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return image[top : top + side, left : left + side]
