"""Names of the files that are written: the photo's own name and folder, without collisions.

    a.jpg            the masked photo; with K masks per face also a-m1.jpg, a-m2.jpg
    a_surgical.jpg   with `each`, one for each entry of SPEC
    a-original.jpg   the photo without masks
    a.png            the map, in its own folder

Two names that a disk without upper and lower case would take for one file collide. A photo that keeps its own name has
it before one whose suffix changes; the others get `~1`, `~2` before the suffix.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import count

from maskgen.files import NAME_BYTES, fitting_path
from maskgen.images.formats import SAME_SUFFIXES, photo_suffix

# Suffixes of formats that are not written, and the one of the format that is written instead.
OTHER_SUFFIX = {
    ".gif": ".png",
    ".heic": ".jpg",
    ".heif": ".jpg",
    ".hif": ".jpg",
    ".pgm": ".ppm",
    ".pbm": ".ppm",
}
_PLAIN_SUFFIX = re.compile(r"\.[A-Za-z0-9]+")


@dataclass(frozen=True)
class PhotoFiles:
    """Paths of the files of one photo, relative to their folders.

    Attributes:
        masked: the masked photos.
        original: the photo without masks; "" if it is not written.
        maps: the maps, in the order of `masked`; empty if they are not written.
    """

    masked: tuple[str, ...]
    original: str = ""
    maps: tuple[str, ...] = ()

    @property
    def photos(self) -> tuple[str, ...]:
        """Paths in the target folder, without those of maps."""
        return (*self.masked, self.original) if self.original else self.masked


@dataclass(frozen=True)
class Naming:
    """Rule that names the files of a photo. Its pickle holds only what depends on other photos: the collisions.

    Attributes:
        format: "own", "jpg", "png" or "webp".
        count: number of masked photos of each photo.
        labels: with `each`, the part of the name that says which entry of SPEC it is; as many as `count`.
        original: whether the photo without masks is written too.
        maps: whether maps are written.
        renamed: role and photo -> path, where the path by the rule is another file's.
    """

    format: str = "own"
    count: int = 1
    labels: tuple[str, ...] = ()
    original: bool = False
    maps: bool = False
    renamed: Mapping[tuple[str, str], str] = field(default_factory=dict)

    def without_collisions(self, photos: Iterable[str]) -> "Naming":
        """Returns the same rule with another path for each file whose path another file has.

        Args:
            photos: ids of all photos, in a fixed order.
        """
        photos = list(photos)
        taken = {_folded(folder) for folder in _folders(photos)}
        renamed: dict[tuple[str, str], str] = {}
        own = set(self._claim("masked 0", photos, taken, renamed, own=True))
        self._claim("masked 0", (photo for photo in photos if photo not in own), taken, renamed)
        for role in self._roles()[1:]:
            self._claim(role, photos, taken, renamed)
        if self.maps:
            taken = {_folded(folder) for folder in _folders(photos)}
            named = replace(self, renamed=dict(renamed))
            for number in range(self.count):
                named._claim(f"map {number}", photos, taken, renamed)
        return replace(self, renamed=renamed)

    def files(self, photo: str) -> PhotoFiles:
        """Returns the paths of a photo's files."""
        return PhotoFiles(
            tuple(self._path(f"masked {number}", photo) for number in range(self.count)),
            self._path("original", photo) if self.original else "",
            tuple(self._path(f"map {number}", photo) for number in range(self.count)) if self.maps else (),
        )

    def _roles(self) -> list[str]:
        """Lists what is written into the target folder."""
        return [f"masked {number}" for number in range(self.count)] + ["original"] * self.original

    def _claim(
        self,
        role: str,
        photos: Iterable[str],
        taken: set[str],
        renamed: dict[tuple[str, str], str],
        *,
        own: bool = False,
    ) -> Iterable[str]:
        """Takes a path for each photo; with `own` only for photos whose path is their id, if it is free.

        Returns:
            the photos that have a path now.
        """
        done = []
        for photo in photos:
            path = self._path(role, photo)
            folded = _folded(path)
            if own and (path != photo or folded in taken):
                continue
            for number in count(1):
                if folded not in taken:
                    break
                renamed[role, photo] = path = _numbered(self._rule(role, photo), number)
                folded = _folded(path)
            taken.add(folded)
            done.append(photo)
        return done

    def _path(self, role: str, photo: str) -> str:
        return self.renamed.get((role, photo)) or self._rule(role, photo)

    def _rule(self, role: str, photo: str) -> str:
        kind, _, number = role.partition(" ")
        if kind == "map":
            stem, _ = _parted(self._path(f"masked {number}", photo))
            return fitting_path(stem, ".png")
        stem, suffix = _parted(_with_short_folders(photo))
        more = "-original"
        if kind == "masked":
            index = int(number)
            more = f"_{self.labels[index]}" if self.labels else f"-m{index}" if index else ""
        return fitting_path(stem, more + self._suffix(suffix))

    def _suffix(self, suffix: str) -> str:
        """Returns the suffix of what is written, for that of a photo; "" for a name without one."""
        plain = _PLAIN_SUFFIX.match(suffix)
        kind = plain.group().lower() if plain else ""
        if self.format == "own":
            return OTHER_SUFFIX.get(kind, suffix)
        return suffix if kind in SAME_SUFFIXES[self.format] else f".{self.format}"


def _with_short_folders(path: str) -> str:
    """Cuts the names of folders to the bytes that the disk holds: an archive may have longer ones."""
    if 4 * len(path) <= NAME_BYTES:
        return path
    folders, slash, name = path.rpartition("/")
    short = (folder.encode()[:NAME_BYTES].decode("utf-8", "ignore") for folder in folders.split("/"))
    return f"{'/'.join(short)}{slash}{name}"


def _folders(photos: Iterable[str]) -> Iterator[str]:
    """Yields the folders that hold photos, and the folders of these."""
    seen: set[str] = set()
    for photo in photos:
        folder = _with_short_folders(photo).rpartition("/")[0]
        while folder and folder not in seen:
            seen.add(folder)
            yield folder
            folder = folder.rpartition("/")[0]


def _folded(path: str) -> str:
    """Returns a path as a disk that ignores case and the spelling of accents compares it."""
    return unicodedata.normalize("NFC", path).casefold()


def _numbered(path: str, number: int) -> str:
    stem, suffix = _parted(path)
    return fitting_path(stem, f"~{number}{suffix}")


def _parted(path: str) -> tuple[str, str]:
    """Divides a path before the suffix of a photo, "" if there is none. `pathlib` takes ten times as long."""
    suffix = photo_suffix(path)
    return (path.removesuffix(suffix), suffix) if suffix else (path, "")
