"""Images of known people, as the training of face recognisers takes them: by person, with names that stay."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from maskgen.dataset.reader import Encoded, worn
from maskgen.dataset.unpack.base import LayoutFacts
from maskgen.errors import InputError
from maskgen.files import NAME_BYTES, fitting_path
from maskgen.images.formats import photo_suffix
from maskgen.seeds import hash64
from maskgen.types import BARE

FACE_MASK = re.compile(r"(-f\d+)(-m\d+)$")
UNSAFE = re.compile(r"[/\\\0-\x1f:*?\"<>|]")  # in names of folders, on any system


@dataclass(frozen=True)
class PersonImage:
    """Image of a known person.

    Attributes:
        person: the identity.
        split: "train", "val" or "test".
        name: file name without suffix: the photo's own, with `-f0-m1` for further masks or faces, and `-bare` for the
            image without a mask.
        suffix: "jpg", "png" or "webp".
        content: the encoded image.
    """

    person: str
    split: str
    name: str
    suffix: str
    content: bytes = field(repr=False)


class PersonImages:
    """Reader of the images of known people from samples in the order of a data set; counts what it leaves out.

    Args:
        also_original: also return the images without masks, one for each face.
    """

    def __init__(self, also_original: bool) -> None:
        self._also_original = also_original
        self._bare = ""  # the last face, key without the number of the mask, whose bare image was returned
        self._people: set[str] = set()
        self._unknown = 0

    def images(self, sample: Encoded) -> Iterator[PersonImage]:
        """Yields the masked image of a sample, then the one without a mask if it is wanted; none of unknown people.

        Raises:
            InputError: the sample lacks an image.
        """
        person, split = sample.labels["identity"], sample.labels["split"]
        if not person:
            self._unknown += 1
            return
        self._people.add(person)
        match = FACE_MASK.search(sample.key)
        face = sample.key[: match.start(2)] if match else sample.key
        stem = _stem(sample)
        more = match[0] if match and match[0] != "-f0-m0" else ""
        content, suffix = sample.member("masked")
        yield PersonImage(person, split, f"{stem}{more}", suffix, content)
        bare = worn(sample.labels)["family"] == BARE.family
        if self._also_original and not bare and face != self._bare:
            content, suffix = sample.member("gt")
            more = match[1] if match and match[1] != "-f0" else ""
            yield PersonImage(person, split, f"{stem}{more}-bare", suffix, content)
        if bare or self._also_original:
            self._bare = face

    def facts(self) -> LayoutFacts:
        """Returns the number of people, and a warning about samples of unknown people.

        Raises:
            InputError: all people are unknown.
        """
        if self._unknown and not self._people:
            raise InputError(
                "no sample has a known identity, so there is nobody to recognise; if each folder of the source is one "
                "person, make the data set with gen-data --people folders"
            )
        lines = (f"{self._unknown:,} samples left out: their identity is unknown",) if self._unknown else ()
        return LayoutFacts(people=len(self._people), warnings=lines)


def _stem(sample: Encoded) -> str:
    """Returns the file name of a sample's photo without its suffix, safe on every system."""
    name = PurePosixPath(re.split(r"[/\\]", sample.labels["source"])[-1]).name
    return UNSAFE.sub("_", name.removesuffix(photo_suffix(name))) or sample.key


class PersonFolders:
    """Names of folders for people: the identity itself where a folder can have that name; no two people share one."""

    def __init__(self) -> None:
        self._folders: dict[str, str] = {}
        self._taken: set[str] = set()

    def folder(self, person: str) -> str:
        """Returns the folder of a person."""
        if person not in self._folders:
            name = UNSAFE.sub("_", person).strip(". ")
            name = name if name and len(name.encode()) <= NAME_BYTES else fitting_path(name, _mark(person))
            if name.casefold() in self._taken:
                name = fitting_path(name, _mark(person))
            self._taken.add(name.casefold())
            self._folders[person] = name
        return self._folders[person]


def _mark(person: str) -> str:
    return f"-{hash64(person) & 0xFFFFFFFF:08x}"
