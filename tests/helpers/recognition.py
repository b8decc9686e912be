"""Drawn people for tests of verification: a pattern of each person above and below, of which a mask hides the lower."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from maskgen.dataset import shard_record, shards
from maskgen.faces.arcface import FivePoints
from maskgen.seeds import rng_for
from maskgen.settings import ShardSettings
from maskgen.types import MaskedFace, Plane, RGBImage, Triplet
from tests.helpers import small_images
from tests.helpers.evaluation import POINTS
from unmasknet.recognition.embeddings import Embedder, Restore
from unmasknet.recognition.settings import RecognitionSettings

SIDE = 64
UPPER, LOWER = (
    slice(0, 32),
    slice(32, 64),
)  # rows of the pattern that is seen, and of the one that a mask hides
CELL = 8  # pixels


def face_of(person: str, photo: int) -> RGBImage:
    """Draws a person: cells of random grey, the same on each photo up to a little noise."""
    cells = rng_for(1, person).integers(40, 215, (SIDE // CELL, SIDE // CELL, 3))
    image = np.kron(cells, np.ones((CELL, CELL, 1)))
    noise = rng_for(2, f"{person} {photo}").integers(-6, 7, image.shape)
    return (image + noise).astype(np.uint8)


def masked_person(person: str, photo: int, number: int) -> Triplet:
    """Draws a triplet whose mask is the lower half, the same for everybody."""
    drawn = small_images.drawn_triplet(number, face_of(person, photo))
    worn = drawn.faces[0]
    face = replace(worn.face, landmarks=np.array(POINTS, np.float32), scheme="celeba5")
    map = np.zeros((SIDE, SIDE), np.uint8)
    map[LOWER] = 1
    masked = drawn.gt.copy()
    masked[LOWER] = (30, 90, 160)
    return replace(
        drawn, masked=masked, map=map, parts=3 * map, faces=(MaskedFace(face, worn.pose, worn.mask),)
    )


def write_people(
    folder: Path,
    counts: Sequence[int],
    *,
    split: str = "test",
    digest: Callable[[str, int], str] = "{}{}".format,
) -> Path:
    """Writes a data set of people p000, p001, ... with so many photos each, named as LFW's are.

    Args:
        folder: the data set's folder.
        counts: number of photos of each person.
        split: the split of all of them.
        digest: text for a person and the number of a photo; photos with the same text are noted as copies.
    """
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{split}-000000"
    photos = [(f"p{i:03d}", n) for i, count in enumerate(counts) for n in range(1, count + 1)]
    with shards.ShardWriter(folder, folder, name, len(photos)) as writer:
        for number, (person, photo) in enumerate(photos):
            origin = shards.Origin(f"{person}/{person}_{photo:04d}.jpg", person, split, "toy terms")
            members = shards.encode(masked_person(person, photo, number), origin, ShardSettings(format="png"))
            writer.add_photo([(f"toy-{person}-{photo:03d}", members)])
        size, checksum = writer.finish()
    count = len(photos)
    prints = tuple(
        (f"{person}/{person}_{photo:04d}.jpg", text[:16], text[16:48])
        for person, photo in photos
        for text in [hashlib.sha256(digest(person, photo).encode()).hexdigest()]
    )
    shard_record.write_record(
        folder, shard_record.ShardReport(name, split, count, count, size, checksum, "0" * 16, prints=prints)
    )
    return folder


class PatternNetwork:
    """Network that sees some rows of a drawn person and nothing else."""

    name, side = "pattern", SIDE

    def __init__(self, rows: slice = slice(None)) -> None:
        self.rows = rows

    def embed(self, image: RGBImage, points: FivePoints) -> Float[ndarray, " d"]:
        cells = image[self.rows].reshape(-1, CELL, SIDE // CELL, CELL, 3).mean((1, 3)).ravel()
        vector = cells - 127.5
        return vector / max(float(np.linalg.norm(vector)), 1e-9)


class RandomNetwork:
    """Network whose answers have nothing to do with the image."""

    name, side = "random", SIDE

    def __init__(self) -> None:
        self.rng = np.random.default_rng(5)

    def embed(self, image: RGBImage, points: FivePoints) -> Float[ndarray, " d"]:
        vector = self.rng.normal(size=16)
        return vector / np.linalg.norm(vector)


def restore_by_reference(
    masked: RGBImage, map: Plane | None, references: Sequence[RGBImage]
) -> tuple[RGBImage, bool]:
    """Restores the lower half from the first reference; without one paints it grey."""
    restored = masked.copy()
    restored[LOWER] = references[0][LOWER] if references else 127
    return restored, bool(references)


def embedder(network: object = None, restore: Restore | None = restore_by_reference) -> Embedder:
    """Builds an embedder of drawn people."""
    return Embedder(network or PatternNetwork(), restore)  # type: ignore[arg-type]


def quick(data: Path, **changes: object) -> RecognitionSettings:
    """Builds settings with few bootstrap samples."""
    return RecognitionSettings.model_validate(
        {"data": str(data), "bootstrap": 20, "impostors": 3000, **changes}
    )
