"""Byte-identical photos of a source, found without reading all of its bytes.

Equal files have equal sizes, which folders and archives tell without opening a file. Of files of one size a few bytes
are compared: 64 from the middle, or the checksum that a zip states. Only what is still equal is read as a whole and
hashed, so of a source without copies hardly a byte is read twice.
"""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Event

from maskgen.errors import Skip
from maskgen.sources.base import PlacedSource, Source
from maskgen.types import PhotoRef

THREADS = 8  # for disks in a network, which take their time for each file
CHUNK = 256  # photos that a thread looks at before it takes more

Marker = Callable[[PhotoRef], Hashable]


def find_copies(source: Source, refs: Sequence[PhotoRef]) -> dict[str, str]:
    """Finds the photos of a source that have the same bytes as another one.

    Args:
        source: the source.
        refs: its photos.

    Returns:
        Id of a photo -> sha256 of its bytes in hex; only photos with a copy, in the order of `refs`. Photos that
        cannot be read have no copy. Of a source that does not say where its files are, none are found: all its bytes
        would have to be read twice.
    """
    if not isinstance(source, PlacedSource):
        return {}
    groups: list[list[PhotoRef]] = [list(refs)]
    digests: dict[str, str] = {}

    def digest(ref: PhotoRef) -> str | None:
        data = source.read(ref)
        if isinstance(data, Skip):
            return None
        return digests.setdefault(ref.id, hashlib.sha256(data).hexdigest())

    ended = Event()  # by a signal: leaving the pool waits for its threads
    with ThreadPoolExecutor(THREADS) as pool:
        try:
            for mark in (partial(_size, source), partial(_sample, source), digest):
                groups = _split(groups, mark, pool, ended)
        finally:
            ended.set()
    alike = {ref.id for group in groups for ref in group}
    return {ref.id: digests[ref.id] for ref in refs if ref.id in alike}


def _size(source: PlacedSource, ref: PhotoRef) -> int | None:
    place = source.place(ref)
    return (place[0].size(place[1]) or None) if place else None  # empty files are no copies, but unreadable


def _sample(source: PlacedSource, ref: PhotoRef) -> bytes | None:
    place = source.place(ref)
    return (place[0].sample(place[1]) or None) if place else None


def _split(
    groups: Iterable[list[PhotoRef]], mark: Marker, pool: ThreadPoolExecutor, ended: Event
) -> list[list[PhotoRef]]:
    """Splits each group by a mark of its photos; photos without a mark, or with one of their own, are left out."""
    flat = [(number, ref) for number, group in enumerate(groups) for ref in group]
    chunks = [flat[start : start + CHUNK] for start in range(0, len(flat), CHUNK)]
    parts: Mapping[tuple[int, Hashable], list[PhotoRef]] = defaultdict(list)
    for chunk, marks in zip(chunks, pool.map(partial(_marks, mark, ended), chunks), strict=True):
        for (number, ref), found in zip(chunk, marks, strict=True):
            if found is not None:
                parts[number, found].append(ref)
    return [part for part in parts.values() if len(part) > 1]


def _marks(mark: Marker, ended: Event, chunk: Sequence[tuple[int, PhotoRef]]) -> list[Hashable]:
    return [None if ended.is_set() else mark(ref) for _, ref in chunk]
