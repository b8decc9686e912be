"""Layout `folders`: masked image, original and map in one folder each, named after the sample's key."""

import re
from collections.abc import Sequence

from maskgen.dataset.reader import Encoded
from maskgen.dataset.unpack.base import File, LayoutFacts, LayoutOptions
from maskgen.errors import UsageError
from maskgen.images.codecs import encode_map

NAMES = "inputs,outputs,binary_mask"


class Folders:
    """Layout of a folder each for masked images, originals and maps."""

    accepts = frozenset({"names"})
    strangers = True

    def __init__(self, options: LayoutOptions) -> None:
        self.names = folder_names(options.names or NAMES)

    def files(self, sample: Encoded) -> list[File]:
        """Returns masked image and original as stored in the shard, and the map as an 8-bit PNG of 0 and 255."""
        return [
            (f"{name}/{sample.key}.{end}", content)
            for name, (content, end) in zip(self.names, image_files(sample), strict=True)
        ]

    def closing(self) -> list[File]:
        """Returns nothing: the folders need no index."""
        return []

    def facts(self) -> LayoutFacts:
        """Returns no facts: there are no classes."""
        return LayoutFacts()


def folder_names(names: str) -> Sequence[str]:
    """Splits the names of three folders.

    Raises:
        UsageError: they are not three different plain names.
    """
    folders = [name.strip() for name in names.split(",")]
    if len(set(folders)) != 3 or any(not re.fullmatch(r"[\w-][\w.-]*", name) for name in folders):
        raise UsageError(f"--names {names}: give three different plain names, such as {NAMES}")
    return folders


def image_files(sample: Encoded) -> tuple[tuple[bytes, str], ...]:
    """Returns bytes and suffix of masked image, original and map."""
    return sample.member("masked"), sample.member("gt"), (encode_map(sample.decode()["map"]), "png")
