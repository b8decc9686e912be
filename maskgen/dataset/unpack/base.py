"""Interface of a layout: the files that a sample becomes, and the files that describe them all."""

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from maskgen.dataset.reader import Encoded
from maskgen.errors import InputError

File = tuple[str, bytes]  # path below the target, content

_PNG_SIZE = struct.Struct(">II")  # width and height, at byte 16


@dataclass(frozen=True)
class LayoutOptions:
    """Options of all layouts; a layout refuses those that have no meaning for it.

    Attributes:
        names: folders of masked image, original and map, separated by commas; "" for the layout's own.
        classes: names of the classes of faces, separated by commas; "" for the usual ones.
        class_by: "state" or "wear": which classes there are.
        segments: "polygon", "rle" or "none": outlines of masks; "" for the layout's own.
        also_original: whether the images without masks are written too.
        min_face: least shorter side of a face's box in pixels.
    """

    names: str = ""
    classes: str = ""
    class_by: str = "state"
    segments: str = ""
    also_original: bool = False
    min_face: float = 8.0


@dataclass(frozen=True)
class Contents:
    """Part of a data set that will be unpacked.

    Attributes:
        about: content of `dataset.json`; empty if there is none.
        shards: names of the shards with samples, in order.
        samples: the samples that `append` will be called with, to be read once at most.
    """

    about: dict[str, Any]
    shards: tuple[str, ...]
    samples: Iterable[Encoded] = field(repr=False)


@dataclass(frozen=True)
class LayoutFacts:
    """Facts about what a layout wrote.

    Attributes:
        boxes: number of boxes, or of images, of each class; empty for layouts without classes.
        faces_left_out: number of faces without a box: too small, or mostly outside of the image.
        unlabelled: number of samples left out because their labels list no face.
        warnings: one line each.
        people: number of people, in layouts by person.
        files: number of files that hold all samples, in layouts that do not write files per sample.
    """

    boxes: Mapping[str, int] = field(default_factory=dict)
    faces_left_out: int = 0
    unlabelled: int = 0
    warnings: tuple[str, ...] = ()
    people: int = 0
    files: int = 0


@runtime_checkable
class UnpackLayout(Protocol):
    """Layout of what is written; built once per run.

    Attributes:
        strangers: whether it has a place for crops of faces other than the main face of a known person's photo.
        accepts: names of the `LayoutOptions` that have a meaning for it.
    """

    strangers: bool
    accepts: frozenset[str]

    def closing(self) -> Iterable[File]:
        """Returns files about all samples, such as an index; called once, after the last sample."""
        ...

    def facts(self) -> LayoutFacts:
        """Returns facts about what was written; called once, after `closing`."""
        ...


@runtime_checkable
class FileLayout(UnpackLayout, Protocol):
    """Layout in which a sample becomes files of its own."""

    def files(self, sample: Encoded) -> list[File]:
        """Returns the files of a sample, the most important one first: `samples.csv` names it; none leaves it out."""
        ...


@runtime_checkable
class StreamLayout(UnpackLayout, Protocol):
    """Layout in which samples are appended to few large files."""

    def prepare(self, folder: Path, contents: Contents) -> None:
        """Looks at what `append` will be called with and at the target folder; it may open files there."""
        ...

    def append(self, sample: Encoded) -> list[str]:
        """Appends a sample, and returns where its images are, the most important one first; none leaves it out."""
        ...

    def abandon(self) -> None:
        """Removes the files that `closing` has not ended."""
        ...


def image_size(sample: Encoded) -> tuple[int, int]:
    """Returns width and height of a sample's images, from the header of its map: a tenth of the time of decoding.

    Raises:
        InputError: the map is missing or damaged.
    """
    data, _ = sample.member("map")
    width, height = _PNG_SIZE.unpack_from(data, 16) if data[12:16] == b"IHDR" and len(data) >= 24 else (0, 0)
    if not width or not height:
        raise InputError(f"{sample.key}: its map is damaged. Run unmask verify on the data set")
    return width, height
