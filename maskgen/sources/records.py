"""Store and source of the images in an `.rec` file, as InsightFace passes its data sets on.

    train.rec, train.idx    images with their labels, and their offsets by key
    property                `number of people,height,width` of the images; may be missing

The label of an image is the number of a person. The id of a photo is `PERSON/KEY.jpg`, with leading zeros.
"""

import os
import re
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int64
from numpy import ndarray

from maskgen.errors import InputError, NoPhotosError, Skip
from maskgen.faces.arcface import SIDE, TEMPLATE
from maskgen.images.formats import HEAD_BYTES, picture_format
from maskgen.reading import open_regular_file, read_regular_file, reason_of
from maskgen.recordio import Index, TooLong, end_of_record, read_framed, read_index, unpack_record
from maskgen.sources.keys import slug
from maskgen.sources.record_labels import UNKNOWN, image_labels, promised_images
from maskgen.sources.store import GONE, MAX_FILE_BYTES, SAMPLE_BYTES, Store, too_large
from maskgen.types import PhotoRef

NOBODY = "unknown"  # folder in the ids of images without a label
ID = re.compile(rf"(?P<person>[0-9]+|{NOBODY})/(?P<key>[0-9]{{1,18}})(?:\.[a-z]+)?")
SUFFIXES = {"jpeg": ".jpg", "png": ".png", "webp": ".webp", "bmp": ".bmp"}
PROPERTY = "property"
PROPERTY_BYTES = 4096


class RecordStore:
    """Images of an `.rec` file, by id; read one at a time at the offsets that the `.idx` beside it lists.

    Its methods raise InputError if the index is missing or damaged, or if the file is cut before its record 0.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path}

    def names(self) -> list[str]:
        """Lists the ids of all images, sorted."""
        try:
            with open_regular_file(self.path) as file:
                labels, images = image_labels(file.fileno(), self._index)
        except (OSError, ValueError) as error:
            raise InputError(
                f"{self.path}: record 0 {reason_of(error)}. It is written last, so the file may be cut; copy it again"
            ) from error
        places = np.flatnonzero(images)
        suffix = self._suffix(places[:9].tolist())
        pairs = zip(labels[places].tolist(), self._index.keys[places].tolist(), strict=True)
        return sorted(
            f"{NOBODY if label == UNKNOWN else f'{label:07d}'}/{key:08d}{suffix}" for label, key in pairs
        )

    def head(self, name: str) -> bytes:
        """Reads the first bytes of an image; b"" if it cannot be read."""
        data = self.read(name)
        return b"" if isinstance(data, Skip) else data[:HEAD_BYTES]

    def read(self, name: str) -> bytes | Skip:
        """Reads an image's bytes, or returns Skip: vanished, too_large, unreadable (cut, damaged, another person's)."""
        place, folder = self._place(name), name.partition("/")[0]
        return GONE if place is None else self._read(place, None if folder == NOBODY else int(folder))

    def size(self, name: str) -> int | None:
        """Returns the bytes from an image's record to the next one, without reading: equal images have equal ones."""
        place = self._place(name)
        return None if place is None else int(self._lengths[place])

    def sample(self, name: str) -> bytes:
        """Reads some bytes from the middle of an image's record, without the image; b"" if it cannot be read."""
        place = self._place(name)
        if place is None:
            return b""
        middle = int(self._index.offsets[place]) + int(self._lengths[place]) // 2
        try:
            with open_regular_file(self.path) as file:
                return os.pread(file.fileno(), SAMPLE_BYTES, middle)
        except OSError:
            return b""

    def gaps(self) -> tuple[str, ...]:
        """Returns a warning if the index does not list all records of the file."""
        try:
            with open_regular_file(self.path) as file:
                size, keys = os.fstat(file.fileno()).st_size, self._index.keys
                promised = promised_images(file.fileno(), self._index)
                end = self._end(file.fileno())
        except (OSError, ValueError):  # a damaged record is counted where it is read
            return ()
        listed = int(np.count_nonzero((keys > 0) & (keys <= promised)))
        if promised > listed:
            what = f"lists {listed:,} of the {promised:,} images that record 0 promises"
        elif end is not None and end < size:
            what = f"lists no record behind byte {end:,} of {self.path.name}, which has {size:,} bytes"
        else:
            return ()
        return (f"{self.path.with_suffix('.idx')}: {what}; if it is not meant to, copy it again",)

    @property
    def image_side(self) -> int | None:
        """Side of the square images, as the file `property` beside them states it; None if it does not."""
        try:
            text = read_regular_file(self.path.with_name(PROPERTY), PROPERTY_BYTES).decode("ascii")
        except (OSError, UnicodeDecodeError):
            return None
        match = re.fullmatch(r"\s*[0-9]+\s*,\s*([0-9]{1,4})\s*,\s*([0-9]{1,4})\s*", text)
        return int(match[1]) if match and match[1] == match[2] and int(match[1]) else None

    def _place(self, name: str) -> int | None:
        match = ID.fullmatch(name)
        return self._index.place(int(match["key"])) if match else None

    def _read(self, place: int, person: int | None = None) -> bytes | Skip:
        try:
            with open_regular_file(self.path) as file:
                data = read_framed(file.fileno(), int(self._index.offsets[place]), MAX_FILE_BYTES)
            record = unpack_record(data)
            if person is not None and record.labels[:1] != (person,):
                raise ValueError(
                    f"it has the label {record.labels[0]:g}, the other images of its person {person}"
                )
            return record.content
        except TooLong as error:
            return too_large(error.size)
        except ValueError as error:
            return Skip("unreadable", f"record {self._index.keys[place]} of {self.path.name}: {error}")
        except OSError as error:
            raise InputError(f"{self.path}: cannot be read: {reason_of(error)}") from error

    def _end(self, descriptor: int) -> int | None:
        """Returns where the last record of the index ends; None if it is damaged, but where the one before ends."""
        *_, before, last = [0, *sorted(self._index.offsets.tolist())]
        try:
            return end_of_record(descriptor, last)
        except ValueError:
            end = end_of_record(descriptor, before)
            return None if end == last else end

    def _suffix(self, places: list[int]) -> str:
        """Returns the suffix of the first image that can be read."""
        for place in places:
            data = self._read(place)
            if not isinstance(data, Skip):
                return SUFFIXES.get(picture_format(data[:HEAD_BYTES]), "")
        return ""

    @cached_property
    def _index(self) -> Index:
        path = self.path.with_suffix(".idx")
        try:
            index = read_index(path)
        except FileNotFoundError as error:
            raise InputError(
                f"{self.path}: its index {path.name} is not beside it. Copy it too, or make it with MXNet's rec2idx"
            ) from error
        except (OSError, ValueError) as error:
            raise InputError(
                f"{path}: cannot be read as an index: {reason_of(error)}. Copy it again"
            ) from error
        if not len(index.keys):
            raise NoPhotosError(f"{path}: lists no record")
        return index

    @cached_property
    def _lengths(self) -> Int64[ndarray, " n"]:
        order = np.argsort(self._index.offsets, kind="stable")
        starts = self._index.offsets[order]
        lengths = np.empty_like(starts)
        lengths[order] = np.append(starts[1:], self.path.stat().st_size) - starts
        return lengths


class RecordSource:
    """Source of the images of an `.rec` file; each label is a person."""

    terms = ""

    def __init__(self, store: RecordStore, beside: Sequence[str] = ()) -> None:
        """Opens the images of a file.

        Args:
            store: the file.
            beside: names of other `.rec` files in its folder, which are not read, and so named in a note.
        """
        self.name = source_name(store.path)
        others = f"{', '.join(beside)} in {store.path.parent}"
        self._unread = (
            (f"only {store.path.name} is read, and not {others}; give each by its own --src",)
            if beside
            else ()
        )
        self.notes: tuple[str, ...] = self._unread
        self._store = store

    def refs(self) -> list[PhotoRef]:
        """Lists every photo, ordered by id. Images of a stated size have the points that they are aligned by."""
        side = self._store.image_side
        points = tuple(map(tuple, ((TEMPLATE + 0.5) * (side / SIDE) - 0.5).tolist())) if side else ()
        refs = [PhotoRef(name, _person(name), "", points) for name in self._store.names()]
        if not refs:
            raise NoPhotosError(f"{self._store.path}: holds no image")
        self.notes = (*self._unread, *self._store.gaps())
        return refs

    def read(self, ref: PhotoRef) -> bytes | Skip:
        """Reads the bytes of a photo, or returns a Skip with the reason."""
        return self._store.read(ref.id)

    def place(self, ref: PhotoRef) -> tuple[Store, str]:
        """Returns the store that holds a photo, and the photo's id there."""
        return self._store, ref.id


def source_name(path: Path) -> str:
    """Derives the name of a source from its file: that of the folder, as most files are named `train.rec`."""
    path = path.resolve()
    folder = slug(path.parent.name)
    return folder if path.stem == "train" else slug(f"{path.parent.name}-{path.stem}")


def _person(name: str) -> str:
    """Returns the number of a photo's person without leading zeros; "" if it is unknown."""
    folder = name.partition("/")[0]
    return "" if folder == NOBODY else str(int(folder))
