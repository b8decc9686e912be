"""Source of a single photo."""

from pathlib import Path

from maskgen.errors import Skip
from maskgen.images.formats import HEAD_BYTES, picture_format
from maskgen.reading import open_regular_file
from maskgen.sources.folder import FolderStore
from maskgen.sources.keys import clean_id, slug
from maskgen.sources.store import Store
from maskgen.types import PhotoRef


def is_one_photo(path: Path) -> bool:
    """Tells by its first bytes whether a path is a photo, and not a folder or an archive."""
    try:
        with open_regular_file(path) as file:
            return bool(picture_format(file.read(HEAD_BYTES)))
    except OSError:
        return False


class OnePhotoSource:
    """Source of the photo at `path`. Its terms of use are unknown."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name, self.terms = slug(path.stem), ""
        self.notes: tuple[str, ...] = ()
        self._store = FolderStore(path.parent)

    def refs(self) -> list[PhotoRef]:
        """Lists the photo."""
        return [PhotoRef(clean_id(self.path.name))]

    def read(self, ref: PhotoRef) -> bytes | Skip:
        """Reads the bytes of the photo's file, or returns a Skip with the reason."""
        return self._store.read(ref.id)

    def place(self, ref: PhotoRef) -> tuple[Store, str]:
        """Returns the store that holds the photo's file, and the file's id there."""
        return self._store, ref.id
