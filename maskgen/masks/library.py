"""Mask library: the built-in families, the user's own families, and the user's images as textures."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from maskgen.assets import asset
from maskgen.masks.shell import Shell
from maskgen.masks.templates import (
    PICTURES,
    PLAIN,
    TEMPLATE,
    Mask,
    Template,
    load_mask,
    read_template,
    shell_of,
)
from maskgen.masks.user_textures import Artwork
from maskgen.reading import PHOTO_BYTES, read_regular_file


@dataclass(frozen=True)
class Library:
    """Mask families and user's textures that can be chosen.

    Attributes:
        folders: folder of each family, by name.
        pictures: the user's textures, by name; every family except the flat blocks can wear them.
    """

    folders: Mapping[str, Path]
    pictures: Mapping[str, Artwork] = field(default_factory=dict)

    @property
    def families(self) -> tuple[str, ...]:
        """Sorted names of the families."""
        return tuple(sorted(self.folders))

    def template(self, family: str) -> Template:
        """Returns a family's template settings."""
        return read_template(self.folders[family])

    def mask(self, family: str) -> Mask:
        """Returns a family with its images."""
        return load_mask(self.folders[family])

    def shell(self, family: str, wear: str) -> Shell:
        """Returns the surface of a family in one state of wear."""
        return shell_of(self.folders[family], wear)

    def textures(self, family: str) -> tuple[str, ...]:
        """Lists a family's textures: those of its template, `plain` if it is not among them, the user's images last."""
        look = self.template(family).look
        plain = () if PLAIN in look.textures else (PLAIN,)
        return (*look.textures, *plain, *(() if look.flat else self.pictures))

    @property
    def digest(self) -> str:
        """16 hex digits of a hash of everything that decides how masks look: names and bytes of all files."""
        files = [self.folders[name] / file for name in self.families for file in (TEMPLATE, *PICTURES)]
        parts = [f"{path.parent.name}/{path.name} {_digest(path)}" for path in files if path.exists()]
        parts += [f"{name} {art.tile} {art.digest}" for name, art in sorted(self.pictures.items())]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _digest(path: Path) -> str:
    return hashlib.sha256(read_regular_file(path, PHOTO_BYTES)).hexdigest()


@cache
def built_in() -> Library:
    """Loads the built-in families."""
    return Library(families_in(asset("masks")))


def families_in(folder: Path) -> dict[str, Path]:
    """Finds the template folders in a folder, by name."""
    return {path.parent.name: path.parent for path in folder.glob(f"*/{TEMPLATE}")}


def list_families(library: Library) -> list[dict[str, object]]:
    """Lists the rows of `unmask masks list`, one per family. `own` is true for a family of the user's."""
    rows: list[dict[str, object]] = []
    for name in library.families:
        template = library.template(name)
        rows.append(
            {
                "name": name,
                "title": template.title,
                "colours": list(template.look.colours),
                "textures": list(library.textures(name)),
                "wear": list(template.wear),
                "own": library.folders[name] != built_in().folders.get(name),
            }
        )
    return rows
