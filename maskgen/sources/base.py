"""Protocol of a source of photos, the usual source, and loading of one photo."""

import hashlib
from collections.abc import Iterator
from typing import Any, Protocol, runtime_checkable

from maskgen.errors import InputError, Skip
from maskgen.images.codecs import decode
from maskgen.settings import SourceSettings
from maskgen.sources.layouts import Layout, People, read_layout
from maskgen.sources.store import Store
from maskgen.types import Photo, PhotoRef

MADE_BY_MASK = "/.unmask-mask.jsonl"  # journal of `unmask mask`, in a folder below the source


@runtime_checkable
class Source(Protocol):
    """Source of photos. Its pickle is small; a worker's copy opens files at the first read."""

    @property
    def name(self) -> str:
        """Default name of the data set: `[a-z0-9_-]+`."""

    @property
    def terms(self) -> str:
        """Terms of use as the source states them, "" if they are unknown."""

    @property
    def notes(self) -> tuple[str, ...]:
        """Warnings about a source that can be used; one line each."""

    def refs(self) -> list[PhotoRef]:
        """Lists every photo, ordered by id."""

    def read(self, ref: PhotoRef) -> bytes | Skip:
        """Reads the bytes of a photo's file, or returns Skip: vanished, no_permission, too_large, unreadable."""


@runtime_checkable
class PlacedSource(Source, Protocol):
    """Source whose photos are files of a store."""

    def place(self, ref: PhotoRef) -> tuple[Store, str] | None:
        """Returns the store that holds a photo's file, and the file's id there; None if there is no such file."""


class PhotoSource:
    """Source of the photos in a store, by its layout.

    Raises:
        InputError: the store holds no photos, or web pages instead of photos.
    """

    def __init__(self, store: Store, name: str, people: People = "auto") -> None:
        layout = read_layout(store, name, people)
        self.name = layout.name
        self.terms = layout.terms
        self.notes = tuple(_warn_of_masked_photos(store))
        self._store, self._people = store, people
        self._layout: Layout | None = layout

    def __getstate__(self) -> dict[str, Any]:
        # A list of all photos would be most of the bytes of each job.
        return {**self.__dict__, "_layout": None}

    def refs(self) -> list[PhotoRef]:
        """Lists every photo, ordered by id."""
        if self._layout is None:
            self._layout = read_layout(self._store, self.name, self._people)
        return list(self._layout.photos)

    def read(self, ref: PhotoRef) -> bytes | Skip:
        """Reads the bytes of a photo's file, or returns a Skip with the reason."""
        return self._store.read(ref.id)

    def place(self, ref: PhotoRef) -> tuple[Store, str]:
        """Returns the store that holds a photo's file, and the file's id there."""
        return self._store, ref.id


def _warn_of_masked_photos(store: Store) -> Iterator[str]:
    """Yields a warning if folders that `unmask mask` made lie among the photos, such as NAME_masked of one photo."""
    made = [name.removesuffix(MADE_BY_MASK) for name in store.names() if name.endswith(MADE_BY_MASK)]
    if made:
        folders = "1 folder" if len(made) == 1 else f"{len(made):,} folders"
        was = "was" if len(made) == 1 else "were"
        yield f"{folders} among the photos {was} made by unmask mask, so people there wear masks already: {made[0]}"


def load(source: Source, ref: PhotoRef, settings: SourceSettings) -> Photo | Skip:
    """Reads and decodes one photo, or returns a Skip with the reason."""
    data = source.read(ref)
    return data if isinstance(data, Skip) else decode_photo(ref, data, settings)


def decode_photo(ref: PhotoRef, data: bytes, settings: SourceSettings) -> Photo | Skip:
    """Decodes the bytes of a photo's file, or returns a Skip with the reason."""
    pixels = decode(data, max_pixels=settings.max_pixels, background=settings.background)
    if isinstance(pixels, Skip):
        return pixels
    return Photo(ref, pixels, hashlib.sha256(data).hexdigest())


def list_photos(source: Source) -> list[PhotoRef]:
    """Lists all photos of a source.

    Raises:
        InputError: the source has no photos.
    """
    refs = source.refs()
    if not refs:
        raise InputError(f"{source.name}: the source has no photos; give a folder, zip or tar with some")
    return refs


def warn_of_few(found: int, wanted: int | None) -> list[str]:
    """Lists the warning that a source has fewer photos than `--n` asks for, if it has."""
    if not wanted or found >= wanted:
        return []
    return [f"the source has {found} photos, {wanted} were asked for (--n): took them all"]
