"""Embeddings of every photo: plain, masked, restored, and restored by another photo of the person."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int64
from numpy import ndarray

from maskgen.dataset.reader import DataSet
from maskgen.dataset.shards import Sample
from maskgen.errors import InputError
from maskgen.progress import OnProgress, Progress
from maskgen.types import Plane, RGBImage
from unmasknet.recognition.faces import FindPoints
from unmasknet.recognition.networks import FaceNetwork
from unmasknet.recognition.pairs import NONE, Pairs
from unmasknet.recognition.photos import NamedPhoto, read_photos
from unmasknet.recognition.rates import REJECTED

PLAIN, MASKED, RESTORED, REFERENCE = "plain", "masked", "restored", "reference-restored"
AROUND = 0.6  # sides of a face's box that a reference shows beyond it
STEP = 20_000  # pairs whose cosines are computed at once: 200,000 of 512 numbers would take 800 MB

# Takes a masked image, its true map or None, and reference photos; returns the restored image, or the image itself if
# no mask was found, and whether a reference was used. Raises InputError if no reference can be used.
Restore = Callable[[RGBImage, Plane | None, Sequence[RGBImage]], tuple[RGBImage, bool]]
Job = tuple[int, int]  # numbers of a probe and of the photo by which it is restored


@dataclass(frozen=True)
class Embeddings:
    """Embeddings by kind of image, as rows.

    Attributes:
        rows: kind -> one row per photo; for `REFERENCE` one per job. NaN for a face that was not found.
        unrestored: number of masked photos on which nothing was found to restore.
        refused: number of jobs whose reference could not be used; the probe was restored without it.
    """

    rows: dict[str, Float[ndarray, "_ d"]]
    unrestored: int = 0
    refused: int = 0

    def similarity(
        self, gallery: str, probe: str, pairs: Pairs, jobs: Int64[ndarray, " n"]
    ) -> Float[ndarray, " n"]:
        """Computes the cosine of each pair.

        Args:
            gallery, probe: kinds of image.
            pairs: the pairs.
            jobs: number of the job of each pair's probe; `NONE` without a reference.

        Returns:
            `REJECTED` where a face was not found; NaN where a pair has no reference.
        """
        second = self.rows[probe]
        if probe == REFERENCE and not len(second):
            return np.full(len(pairs), np.nan)
        at = jobs if probe == REFERENCE else pairs.probe
        found = _cosines(self.rows[gallery], second, pairs.gallery, at)
        found[np.isnan(found)] = REJECTED
        if probe == REFERENCE:
            found[jobs == NONE] = np.nan
        return found


def _cosines(first: ndarray, second: ndarray, one: ndarray, other: ndarray) -> Float[ndarray, " n"]:
    parts = [
        np.einsum("nd,nd->n", first[one[i : i + STEP]], second[other[i : i + STEP]])
        for i in range(0, len(one), STEP)
    ]
    return np.clip(np.concatenate(parts), -1, 1) if parts else np.empty(0)


@dataclass(frozen=True)
class Embedder:
    """Network, restorer and point finder of one evaluation.

    Attributes:
        network: computes the embeddings.
        restore: removes masks; None: nothing is restored.
        find_points: finds the points of a face on an image; None: the data set's are taken.
        true_map: whether the restorer receives the true map.
    """

    network: FaceNetwork
    restore: Restore | None = None
    find_points: FindPoints | None = None
    true_map: bool = False

    def embed(self, image: RGBImage, photo: NamedPhoto) -> Float[ndarray, " d"] | None:
        """Computes the embedding of a photo's face on an image; None if the face is not found."""
        points = photo.points if self.find_points is None else self.find_points(image, photo.box)
        return None if points is None else self.network.embed(image, points)

    def image(self, kind: str, sample: Sample) -> RGBImage:
        """Returns one kind of image of a sample."""
        return self.restored(sample) if kind == RESTORED else sample["gt" if kind == PLAIN else "masked"]

    def restored(self, sample: Sample) -> RGBImage:
        """Restores the masked image of a sample, without a reference."""
        return self._restore(sample, ())[0]

    def by_reference(self, sample: Sample, reference: RGBImage) -> tuple[RGBImage, bool]:
        """Restores a sample by a reference; without it, and False, if the reference cannot be used."""
        try:
            return self._restore(sample, [reference])
        except InputError:
            return self.restored(sample), False

    def _restore(self, sample: Sample, references: Sequence[RGBImage]) -> tuple[RGBImage, bool]:
        assert self.restore is not None
        return self.restore(sample["masked"], sample["map"] if self.true_map else None, references)


def embed_photos(
    data: DataSet,
    split: str,
    photos: Sequence[NamedPhoto],
    kinds: Sequence[str],
    jobs: Sequence[Job],
    embedder: Embedder,
    on_progress: OnProgress,
) -> Embeddings:
    """Embeds all photos in each kind of image.

    Args:
        data: the data set.
        split: the split of the photos.
        photos: the photos.
        kinds: kinds of image to embed.
        jobs: what to restore by which reference, for the kind `REFERENCE`.
        embedder: network and restorer.
        on_progress: called for each photo.

    Raises:
        InputError: a sample cannot be read.
    """
    references = read_references(data, split, photos, sorted({reference for _, reference in jobs}))
    jobs_of: dict[int, list[int]] = {}
    for at, (probe, _) in enumerate(jobs):
        jobs_of.setdefault(probe, []).append(at)
    found: dict[str, dict[int, Float[ndarray, " d"] | None]] = {kind: {} for kind in kinds}
    unrestored = refused = 0
    for done, (number, encoded) in enumerate(read_photos(data, split, photos), 1):
        sample, photo = encoded.decode(), photos[number]
        for kind in (one for one in kinds if one != REFERENCE):
            image = embedder.image(kind, sample)
            unrestored += int(kind == RESTORED and np.array_equal(image, sample["masked"]))
            found[kind][number] = embedder.embed(image, photo)
        for at in jobs_of.get(number, ()):
            image, used = embedder.by_reference(sample, references[jobs[at][1]])
            refused += int(not used)
            found[REFERENCE][at] = embedder.embed(image, photo)
        on_progress(Progress(done, len(photos)))
    width = next((len(one) for group in found.values() for one in group.values() if one is not None), 1)
    counts = {kind: len(jobs) if kind == REFERENCE else len(photos) for kind in kinds}
    return Embeddings(
        {kind: _rows(group, counts[kind], width) for kind, group in found.items()}, unrestored, refused
    )


def read_references(
    data: DataSet, split: str, photos: Sequence[NamedPhoto], numbers: Sequence[int]
) -> dict[int, RGBImage]:
    """Reads the plain images of some photos, cut to the face that is meant, by number.

    Raises:
        InputError: a sample cannot be read.
    """
    wanted = [photos[number] for number in numbers]
    return {
        numbers[at]: portrait(encoded.decode()["gt"], wanted[at])
        for at, encoded in read_photos(data, split, wanted)
    }


def portrait(image: RGBImage, photo: NamedPhoto) -> RGBImage:
    """Cuts a photo to its face with some of what is around it, so that people beside it are no references."""
    x0, y0, x1, y1 = photo.box
    margin = AROUND * max(x1 - x0, y1 - y0)
    left, top = max(0, round(x0 - margin)), max(0, round(y0 - margin))
    return np.ascontiguousarray(image[top : round(y1 + margin) + 1, left : round(x1 + margin) + 1])


def _rows(
    group: dict[int, Float[ndarray, " d"] | None], count: int, width: int
) -> Float[ndarray, "count width"]:
    rows = np.full((count, width), np.nan)
    for number, vector in group.items():
        if vector is not None:
            rows[number] = vector
    return rows
