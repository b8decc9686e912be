"""What a source of photos is, and how one photo is loaded from it."""

import hashlib
from typing import Any, Protocol, runtime_checkable

from maskgen.errors import Skip
from maskgen.images.codecs import decode
from maskgen.settings import SourceSettings
from maskgen.sources.layouts import Layout, People, read_layout
from maskgen.sources.store import Store
from maskgen.types import Photo, PhotoRef


@runtime_checkable
class Source(Protocol):
    """Photos by name. Pickled it is small, and a worker that gets it opens files when it first reads."""

    @property
    def name(self) -> str:
        """`[a-z0-9_-]+`: what the data set is called, unless told otherwise."""

    @property
    def terms(self) -> str:
        """Terms of use as the source states them, "" where they are unknown."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know of it, though it can be used; a line each."""

    def refs(self) -> list[PhotoRef]:
        """Lists every photo, ordered by id."""

    def read(self, ref: PhotoRef) -> bytes | Skip:
        """Reads the bytes of a photo's file, or returns Skip: vanished, no_permission, too_large, unreadable."""


class PhotoSource:
    """A store seen through its layout. InputError where it holds no photos, or web pages in their place."""

    def __init__(self, store: Store, name: str, people: People = "auto") -> None:
        layout = read_layout(store, name, people)
        self.name = layout.name
        self.terms = layout.terms
        self.notes: tuple[str, ...] = ()
        self._store, self._people = store, people
        self._layout: Layout | None = layout

    def __getstate__(self) -> dict[str, Any]:
        return {
            **self.__dict__,
            "_layout": None,
        }  # a list of all photos in each job would be most of its bytes

    def refs(self) -> list[PhotoRef]:
        """Lists every photo, ordered by id."""
        if self._layout is None:
            self._layout = read_layout(self._store, self.name, self._people)
        return list(self._layout.photos)

    def read(self, ref: PhotoRef) -> bytes | Skip:
        """Reads the bytes of a photo's file, or returns why it cannot."""
        return self._store.read(ref.id)


def load(source: Source, ref: PhotoRef, settings: SourceSettings) -> Photo | Skip:
    """Reads and decode one photo; why not, as a Skip."""
    data = source.read(ref)
    if isinstance(data, Skip):
        return data
    pixels = decode(data, max_pixels=settings.max_pixels, background=settings.background)
    if isinstance(pixels, Skip):
        return pixels
    return Photo(ref, pixels, hashlib.sha256(data).hexdigest())
