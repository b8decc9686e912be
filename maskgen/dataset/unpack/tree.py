"""Layout `tree`: masked photos or crops under their original names and folders.

The training of face recognition needs them so. Crops of strangers, which are faces other than the main face of a known
person's photo, are left out.
"""

import os
import re
from pathlib import PurePosixPath

from maskgen.dataset.reader import Encoded
from maskgen.dataset.unpack.base import File, LayoutFacts, LayoutOptions
from maskgen.dataset.unpack.folders import folder_names, image_files
from maskgen.errors import InputError
from maskgen.files import fitting_path
from maskgen.images.formats import SAME_SUFFIXES, photo_suffix

FACE_MASK = re.compile(r"-f\d+-m\d+$")


class Tree:
    """Layout of the source's own tree: of masked images, or with names one each of masked images, originals, maps."""

    accepts = frozenset({"names"})
    strangers = False

    def __init__(self, options: LayoutOptions) -> None:
        self.names = folder_names(options.names) if options.names else []

    def files(self, sample: Encoded) -> list[File]:
        """Returns the masked image under the name of its photo; further faces and masks get a suffix such as `-f0-m1`.

        Raises:
            InputError: the path of the photo leads out of the target.
        """
        if not self.names:
            content, suffix = sample.member("masked")
            return [(path_with(sample, suffix), content)]
        return [
            (f"{name}/{path_with(sample, suffix)}", content)
            for name, (content, suffix) in zip(self.names, image_files(sample), strict=True)
        ]

    def closing(self) -> list[File]:
        """Returns nothing: a tree needs no index."""
        return []

    def facts(self) -> LayoutFacts:
        """Returns no facts: there are no classes."""
        return LayoutFacts()


def path_with(sample: Encoded, suffix: str) -> str:
    """Returns the path of a sample's photo in its source, with the suffix of another format where necessary.

    Raises:
        InputError: the path leads out of the target.
    """
    source = PurePosixPath(sample.labels["source"])
    # A backslash separates folders on Windows. Elsewhere it is part of a name, or escapes a byte that is not UTF-8.
    parts = re.split(r"[/\\]", str(source))
    if source.is_absolute() or not source.name or ".." in parts or "\0" in str(source):
        raise InputError(
            f"{sample.key}: its source '{source}' leads out of the target; do not trust this data set"
        )
    if os.sep == "\\":
        source = PurePosixPath(str(source).replace("\\", "_"))
    suffixes = FACE_MASK.search(sample.key)
    more = suffixes[0] if suffixes and suffixes[0] != "-f0-m0" else ""
    own = photo_suffix(source.name)  # none in `john.smith`, whose name is kept whole
    end = own if own.lower() in SAME_SUFFIXES[suffix] else f".{suffix}"
    return str(source.with_name(fitting_path(source.name.removesuffix(own), more + end)))
