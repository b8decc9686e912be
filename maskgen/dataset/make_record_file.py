"""Writes the photos of sources as one `.rec` file: what MXNet's `im2rec` does, without MXNet.

Each photo keeps its bytes. Several sources give their photos to the same people: so masked copies stand beside the
originals, under one label.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from maskgen.dataset.unpack.record_file import RecordFile
from maskgen.dataset.unpack.target import refuse_filled
from maskgen.errors import InputError, Skip
from maskgen.files import disk_errors
from maskgen.images.codecs import decode
from maskgen.images.formats import HEAD_BYTES, picture_format
from maskgen.progress import OnProgress, Progress, no_progress
from maskgen.seeds import hash64
from maskgen.settings import MAX_PHOTO_PIXELS, PHOTO_BACKGROUND
from maskgen.sources import Source, list_photos
from maskgen.types import PhotoRef

STEM = "train"
KINDS = ("jpeg", "png")  # what MXNet reads
PADDED = 7  # digits of a label in the ids of an `.rec` file, and so in the folders of its masked copies

Entry = tuple[Source, PhotoRef]


@dataclass(frozen=True)
class RecReport:
    """Result of `make_record_file`.

    Attributes:
        to: the target folder.
        images: number of images in the file.
        people: number of people.
        skipped: reason -> number of photos left out.
        unknown: number of photos left out because their person is unknown.
    """

    to: str
    images: int
    people: int
    skipped: dict[str, int] = field(default_factory=dict)
    unknown: int = 0


def make_record_file(
    sources: Sequence[Source], to: Path, *, overwrite: bool = False, on_progress: OnProgress = no_progress
) -> RecReport:
    """Writes `train.rec` with its `.idx`, `.lst`, labels and `property`.

    Every photo is decoded once, so that a damaged one is counted here and does not end a training.

    Args:
        sources: the photos; photos of people of one name get one label.
        to: the target folder; new or empty unless `overwrite`.
        overwrite: write into a folder that holds files; files of the same name are replaced.
        on_progress: called for each photo, when it is checked and when it is written.

    Raises:
        UsageError: the target is a file, or not empty.
        InputError: a source cannot be read, no person is known, or the photos have several sizes.
        MissingError: the disk is full.
    """
    refuse_filled(to, overwrite=overwrite)
    photos = [(source, ref) for source in sources for ref in list_photos(source)]
    known = [(source, ref) for source, ref in photos if ref.identity]
    if not known:
        raise InputError(
            "no person is known, so there is nobody to recognise; if each folder is one person, give --people folders"
        )
    # Mixed, since programs that read the file in order do not shuffle it.
    known.sort(key=lambda entry: (hash64("rec", entry[1].id), entry[0].name))
    good, skipped, size = _checked(known, on_progress)
    people = Counter(_person(ref) for _, ref in good)
    names = _source_names(sources)
    with RecordFile(to, STEM, people, size) as file:
        for done, (source, ref) in enumerate(good, 1):
            data = source.read(ref)
            if isinstance(data, Skip):
                raise InputError(
                    f"{ref.id}: has changed while it was read ({data.reason}); give the command again"
                )
            file.add(_person(ref), names[id(source)] + ref.id, data)
            on_progress(Progress(len(known) + done, 2 * len(known), note="writing"))
        for name, content in file.finish():
            with disk_errors(to, name):
                (to / name).write_bytes(content)
    return RecReport(str(to), len(good), len(people), dict(sorted(skipped.items())), len(photos) - len(known))


def _source_names(sources: Sequence[Source]) -> dict[int, str]:
    """Returns what stands before the ids of each source's photos: nothing if there is one source, else its name.

    Two sources may have photos of one id, such as originals and masked copies. Sources of one name get a number.
    """
    if len(sources) == 1:
        return {id(sources[0]): ""}
    taken: set[str] = set()
    names = {}
    for source in sources:
        name = next(name for name in _numbered(source.name) if name not in taken)
        taken.add(name)
        names[id(source)] = f"{name}/"
    return names


def _numbered(name: str) -> Iterator[str]:
    yield name
    yield from (f"{name}-{number}" for number in count(2))


def _checked(
    photos: Sequence[Entry], on_progress: OnProgress
) -> tuple[list[Entry], Counter[str], tuple[int, int]]:
    """Decodes each photo; returns the good ones, the others by reason, and the width and height of all.

    Raises:
        InputError: there is no good one, or they have several sizes.
    """
    good: list[Entry] = []
    skipped = Counter[str]()
    first: tuple[tuple[int, int], str] | None = None
    for done, (source, ref) in enumerate(photos, 1):
        found = _size(source, ref)
        if isinstance(found, Skip):
            skipped[found.reason] += 1
        else:
            first = first or (found, ref.id)
            if found != first[0]:
                (a, b), (c, d) = first[0], found
                raise InputError(
                    f"{first[1]} has {a} x {b} pixels, {ref.id} has {c} x {d}: a .rec for training holds images of one "
                    "size; make crops with gen-data --align arcface --size 112 and unpack --layout rec"
                )
            good.append((source, ref))
        on_progress(Progress(done, 2 * len(photos), note="checking"))
    if first is None:
        raise InputError(f"none of the {len(photos)} photos can be used: {dict(skipped)}")
    return good, skipped, first[0]


def _size(source: Source, ref: PhotoRef) -> tuple[int, int] | Skip:
    data = source.read(ref)
    if isinstance(data, Skip):
        return data
    if picture_format(data[:HEAD_BYTES]) not in KINDS:
        return Skip("unreadable", "neither JPEG nor PNG, which is what MXNet reads")
    pixels = decode(data, max_pixels=MAX_PHOTO_PIXELS, background=PHOTO_BACKGROUND)
    return pixels if isinstance(pixels, Skip) else (pixels.shape[1], pixels.shape[0])


def _person(ref: PhotoRef) -> str:
    """Returns the identity; folders of what was an `.rec` file get the numbers that they had as labels."""
    name = ref.identity
    return str(int(name)) if name.isascii() and name.isdigit() and len(name) == PADDED else name
