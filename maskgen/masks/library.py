"""The mask library: the built-in families, a user's own beside them, and the pictures they can be dressed in."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from maskgen.assets import asset
from maskgen.masks.shell import Shell
from maskgen.masks.templates import PICTURES, TEMPLATE, Mask, Template, load_mask, read_template, shell_of
from maskgen.masks.user_textures import Artwork


@dataclass(frozen=True)
class Library:
    """What there is to wear.

    Attributes:
        folders: of each family, by its name.
        pictures: the user's own textures by name; families that take any texture take them.
    """

    folders: Mapping[str, Path]
    pictures: Mapping[str, Artwork] = field(default_factory=dict)

    @property
    def families(self) -> tuple[str, ...]:
        """Their names, sorted."""
        return tuple(sorted(self.folders))

    def template(self, family: str) -> Template:
        """Returns a family's settings."""
        return read_template(self.folders[family])

    def mask(self, family: str) -> Mask:
        """Returns a family with its images."""
        return load_mask(self.folders[family])

    def shell(self, family: str, wear: str) -> Shell:
        """Returns the surface of a family worn in one way."""
        return shell_of(self.folders[family], wear)

    def textures(self, family: str) -> tuple[str, ...]:
        """Lists a family's textures, the user's images last."""
        look = self.template(family).look
        return (*look.textures, *(() if look.flat else self.pictures))

    @property
    def digest(self) -> str:
        """16 hex digits of all that decides how masks look: names and bytes of families and pictures."""
        files = [self.folders[name] / file for name in self.families for file in (TEMPLATE, *PICTURES)]
        parts = [f"{path.parent.name}/{path.name} {_digest(path)}" for path in files if path.exists()]
        parts += [f"{name} {art.tile} {art.digest}" for name, art in sorted(self.pictures.items())]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@cache
def built_in() -> Library:
    """Loads the built-in families."""
    return Library(families_in(asset("masks")))


def families_in(folder: Path) -> dict[str, Path]:
    """Folders of templates in a folder, by name."""
    return {path.parent.name: path.parent for path in folder.glob(f"*/{TEMPLATE}")}


def list_families(library: Library) -> list[dict[str, object]]:
    """Lists what `unmask masks list` tells of each family; `own`: it is the user's."""
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
