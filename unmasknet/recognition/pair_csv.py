"""Similarities of the listed pairs as a CSV file."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from maskgen.csv_text import csv_bytes
from maskgen.files import make_folder, write_atomic
from unmasknet.recognition.pairs import NONE
from unmasknet.recognition.photos import NamedPhoto
from unmasknet.recognition.rates import REJECTED
from unmasknet.recognition.scored_rows import Scored
from unmasknet.recognition.settings import ROWS

FACTS = ("gallery", "probe", "reference", "same", "fold", "family", "wear", "yaw")
COLUMNS = (*FACTS, *ROWS)


def write_pairs(path: Path, photos: Sequence[NamedPhoto], scored: Scored) -> None:
    """Writes one row per listed pair, atomically; "" where a pair has no similarity or a face was not found.

    Raises:
        MissingError: the disk is full.
        UnmaskError: the folder is not writable.
    """
    make_folder(path.parent)
    write_atomic(path, csv_bytes(COLUMNS, _rows(photos, scored)))


def _rows(photos: Sequence[NamedPhoto], scored: Scored) -> Iterator[list[object]]:
    pairs = scored.listed
    for at in range(len(pairs)):
        probe, reference = photos[pairs.probe[at]], int(scored.references[at])
        facts = (
            photos[pairs.gallery[at]].source,
            probe.source,
            "" if reference == NONE else photos[reference].source,
            int(pairs.same[at]),
            int(pairs.fold[at]),
            probe.family,
            probe.wear,
            f"{probe.yaw:.1f}",
        )
        yield [*facts, *(_text(scored, name, at) for name in ROWS)]


def _text(scored: Scored, name: str, at: int) -> str:
    values = scored.listed_similarity.get(name)
    if values is None or not np.isfinite(values[at]) or values[at] == REJECTED:
        return ""
    return f"{values[at]:.6f}"
