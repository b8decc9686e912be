"""CelebA in its usual layouts, unpacked or in its zip, with identities, splits and points from its lists.

    official      Img/img_align_celeba.zip (or the folder in it), Anno/*.txt, Eval/list_eval_partition.txt
    torchvision   img_align_celeba/ or its zip, *.txt beside it
    Kaggle        img_align_celeba/img_align_celeba/, *.csv beside it; all of it in one zip
    in the wild   img_celeba/, with list_landmarks_celeba.txt

A photo's id is `img_align_celeba/000001.jpg` in every layout, so all layouts give the same triplets. The list of boxes
is not read: it belongs to the photos in the wild, and their points give the position of the face more exactly.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from maskgen.errors import InputError, Skip
from maskgen.reading import read_regular_file
from maskgen.settings import SourceSettings
from maskgen.sources.celeba_lists import ListFile, Rows, read_rows
from maskgen.sources.layouts import CELEBA_TERMS, refuse_web_pages
from maskgen.sources.store import MAX_FILE_BYTES, Store
from maskgen.types import PhotoRef

PHOTO = re.compile(r"(?P<folder>(?:.*/)?)(?P<number>\d{6})\.(?:jpg|png)", re.IGNORECASE)
ALIGNED, WILD = "img_align_celeba", "img_celeba"
FOLDERS = (ALIGNED, "img_align_celeba_png", WILD)  # the first one found is used
PARTITIONS, IDENTITIES, ATTRIBUTES = "list_eval_partition", "identity_CelebA", "list_attr_celeba"
POINTS = {True: "list_landmarks_celeba", False: "list_landmarks_align_celeba"}  # key: photos in the wild?
SPLITS = ("train", "val", "test")
BESIDE = ("", "Anno", "Eval")  # folders of lists, relative to one of the two folders above the photos


@dataclass(frozen=True)
class Album:
    """Folder of CelebA's photos.

    Attributes:
        store: the store that contains it.
        prefix: path of the folder in the store, the first part of the photos' names.
        kind: its name in `FOLDERS`.
        count: number of photos.
    """

    store: Store
    prefix: str
    kind: str
    count: int


class CelebaSource:
    """Source of CelebA's photos, with identities, official splits and five points from the lists that are found."""

    name, terms = "celeba", CELEBA_TERMS
    missing: tuple[str, ...]  # the lists that were not found, by name; their effects: `celeba_missing`

    def __init__(self, album: Album, stores: Sequence[Store], settings: SourceSettings) -> None:
        """Lists the photos of an album.

        Args:
            album: the folder of photos.
            stores: stores to search for lists, before the folders around the photos.
            settings: of the source.

        Raises:
            InputError: a list is malformed, the partition lacks photos, or the photos are web pages.
        """
        self._store, self._prefix, self._kind = album.store, album.prefix, album.kind
        self._lists: tuple[Album, tuple[Store, ...]] | None = (album, tuple(stores))
        files = sorted(name for name in album.store.names() if _of(name, album.prefix))
        refuse_web_pages(album.store, files)
        self._refs, self.notes = _refs(files, album, stores, settings)
        self.missing = tuple(f"{stem}.txt" for stem in self._stems() if _find(stem, album, stores) is None)

    def __getstate__(self) -> dict[str, Any]:
        # A worker only reads photos; their list would be most of the bytes of its job.
        return {**self.__dict__, "_refs": (), "_lists": None}

    def refs(self) -> list[PhotoRef]:
        """Lists every photo, ordered by id. Not available in a worker's copy."""
        return list(self._refs)

    def read(self, ref: PhotoRef) -> bytes | Skip:
        """Reads the bytes of a photo's file, or returns a Skip with the reason."""
        store, name = self.place(ref)
        return store.read(name)

    def _stems(self) -> tuple[str, ...]:
        return IDENTITIES, PARTITIONS, POINTS[self._kind == WILD]

    def attribute_list(self) -> tuple[str, bytes] | None:
        """Finds the list of attributes: its name and bytes. None without one, and in a worker's copy."""
        file = _find(ATTRIBUTES, *self._lists) if self._lists else None
        return (file.name, file.data) if file else None

    def place(self, ref: PhotoRef) -> tuple[Store, str]:
        """Returns the store that holds a photo's file, and the file's id there."""
        return self._store, self._prefix + ref.id.rpartition("/")[2]


def _find(stem: str, album: Album, stores: Sequence[Store]) -> ListFile | None:
    return _in_stores(stem, stores) or _beside(stem, album)


def find_albums(store: Store, kind: str = "") -> list[Album]:
    """Finds the folders of a store that hold CelebA's photos, best first.

    Args:
        store: the store to search.
        kind: kind of the photos at the top of the store; "" ignores them.
    """
    found = Counter(match["folder"] for match in map(PHOTO.fullmatch, store.names()) if match)
    albums = []
    for folder in sorted(found, key=lambda folder: (-found[folder], folder)):
        name = PurePosixPath(folder).name if folder else kind
        if name in FOLDERS:
            albums.append(Album(store, folder, name, found[folder]))
    return sorted(albums, key=lambda album: FOLDERS.index(album.kind))


def _of(name: str, prefix: str) -> bool:
    match = PHOTO.fullmatch(name)
    return match is not None and match["folder"] == prefix


def _refs(
    files: Iterable[str], album: Album, stores: Sequence[Store], settings: SourceSettings
) -> tuple[tuple[PhotoRef, ...], tuple[str, ...]]:
    """Returns the photos, and warnings about their lists."""
    numbers = {PurePosixPath(name).name[:6]: PurePosixPath(name).name for name in files}
    partition = _rows(PARTITIONS, album, stores, 1, len(SPLITS) - 1)
    people = _rows(IDENTITIES, album, stores, 1)
    points = _rows(POINTS[album.kind == WILD], album, stores, 10)
    without = sorted(numbers.keys() - partition[1].keys()) if partition else []
    if partition and without and settings.split != "hash":
        raise InputError(
            f"{partition[0]}: has no line for {_some(without, numbers)}. Download it again, or use --split hash"
        )
    tables = [table for table in (partition, people, points) if table]
    refs = (
        PhotoRef(
            f"{album.kind}/{file}",
            str(people[1][number][0]) if people and number in people[1] else "",
            SPLITS[partition[1][number][0]] if partition and number in partition[1] else "",
            _pairs(points[1].get(number, ())) if points else (),
        )
        for number, file in numbers.items()
    )
    return tuple(sorted(refs, key=lambda ref: ref.id)), tuple(_notes(tables, numbers))


def _pairs(values: tuple[int, ...]) -> tuple[tuple[float, float], ...]:
    return tuple((float(x), float(y)) for x, y in zip(values[::2], values[1::2], strict=True))


def _notes(tables: Iterable[tuple[str, Rows]], numbers: dict[str, str]) -> Iterable[str]:
    """Yields a warning for each list whose photos differ from those found."""
    for name, rows in tables:
        gone, unknown = sorted(rows.keys() - numbers.keys()), sorted(numbers.keys() - rows.keys())
        if gone:
            yield f"{name} names {len(gone)} photos that are not there, such as {gone[0]}"
        if unknown:
            yield f"{name} has no line for {_some(unknown, numbers)}"


def _some(missing: Sequence[str], numbers: dict[str, str]) -> str:
    more = f" and {len(missing) - 1} more photos" if len(missing) > 1 else ""
    return numbers[missing[0]] + more


def _rows(
    stem: str, album: Album, stores: Sequence[Store], values: int, largest: int | None = None
) -> tuple[str, Rows] | None:
    """Reads a list by the stem of its name; returns where it was found, and its rows."""
    file = _find(stem, album, stores)
    return (file.name, read_rows(file, values, largest)) if file else None


def _in_stores(stem: str, stores: Sequence[Store]) -> ListFile | None:
    for store in stores:
        for name in store.names():
            path = PurePosixPath(name)
            if path.name in (f"{stem}.txt", f"{stem}.csv") and "__MACOSX" not in path.parts:
                data = store.read(name)
                if isinstance(data, Skip):
                    raise InputError(f"{store.path}/{name}: cannot be read: {data.detail or data.reason}")
                return ListFile(f"{store.path}/{name}", data)
    return None


def _beside(stem: str, album: Album) -> ListFile | None:
    """Finds a list in the folders around the store: `--src` may name only the folder of photos."""
    for above in (album.store.path.resolve().parents)[:2]:
        for folder in BESIDE:
            for suffix in (".txt", ".csv"):
                path: Path = above / folder / (stem + suffix)
                if path.is_file():
                    return ListFile(str(path), read_regular_file(path, MAX_FILE_BYTES))
    return None
