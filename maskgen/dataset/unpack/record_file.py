"""Writer of a `.rec` file, with its index and lists, as InsightFace's `RecBuilder` writes it.

Images follow in the order in which they are added; the keys of a person's images follow each other. Then come the
ranges of keys by person, and record 0 with the range of the ranges.
"""

from array import array
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO

from maskgen.csv_text import csv_bytes
from maskgen.dataset.unpack.base import File
from maskgen.errors import InputError
from maskgen.files import PART, disk_errors, part_path, remove, sync
from maskgen.recordio import EXACT, Record, frame_record, index_text, pack_record

AGAIN = "and give the same command again with --overwrite"


class RecordFile:
    """Writer of a `.rec` file, under a temporary name until it is finished.

    Args:
        folder: folder of the file.
        stem: its name without suffix.
        people: identity -> number of its images; at least one.
        size: width and height of the images.

    Raises:
        InputError: there are too many images: keys beyond 16,777,215 have no exact label.
    """

    def __init__(self, folder: Path, stem: str, people: Mapping[str, int], size: tuple[int, int]) -> None:
        self._folder, self._stem, self._size = folder, stem, size
        self._labels = label_people(people)
        self._order = sorted(people, key=self._labels.__getitem__)
        self._first: dict[str, int] = {}
        self._next: dict[str, int] = {}
        key = 1
        for person in self._order:
            self._first[person] = self._next[person] = key
            key += people[person]
        self._end = key  # key of the first record of a range
        if max(self._end + len(people), max(self._labels.values())) >= EXACT:
            raise InputError(
                f"{stem}.rec: {self._end - 1:,} images, or labels up to {max(self._labels.values()):,}; the format "
                f"holds whole numbers up to {EXACT:,} exactly; unpack fewer, or use --layout identities"
            )
        self._offsets = array("q", bytes(8 * (self._end + len(people))))
        self._names: list[str] = [""] * self._end
        self._at = 0
        self._part = part_path(folder, f"{stem}.rec")
        self._file: IO[bytes] | None = None

    def __enter__(self) -> "RecordFile":
        with disk_errors(self._folder, f"{self._stem}.rec", AGAIN):
            self._folder.mkdir(parents=True, exist_ok=True)
            for left in self._folder.glob(f"{self._stem}.rec.*{PART}"):  # of a run that was killed
                remove(left)
            self._file = self._part.open("wb", buffering=1 << 20)
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            with suppress(OSError):  # on a full disk the buffer cannot be written; that was reported
                self._file.close()
            self._file = None
            remove(self._part)

    def add(self, person: str, name: str, content: bytes) -> str:
        """Appends an image, and returns where it is."""
        key = self._next[person]
        self._next[person] += 1
        self._names[key] = name
        self._append(key, Record((float(self._labels[person]),), content, key))
        return f"{self._stem}.rec:{key}"

    def finish(self) -> list[File]:
        """Appends the ranges and record 0, renames the file, and returns the files beside it."""
        assert self._file is not None
        assert all(self._names[1:]), "prepare counted the images"
        for key, person in enumerate(self._order, self._end):
            span = float(self._first[person]), float(self._next[person])
            self._append(key, Record(span, b"", key))
        self._append(0, Record((float(self._end), float(self._end + len(self._order))), b"", 0))
        with disk_errors(self._folder, f"{self._stem}.rec", AGAIN):
            self._file.flush()
            sync(self._file.fileno())
            self._file.close()
            self._file = None
            for suffix in (".idx", ".lst"):  # a kill must not leave those of an older file beside this one
                remove(self._folder / f"{self._stem}{suffix}")
            self._part.replace(self._folder / f"{self._stem}.rec")
        entries = [*enumerate(self._offsets.tolist())][1:]
        files = [
            (f"{self._stem}.idx", index_text([*entries, (0, self._offsets[0])]).encode()),
            (f"{self._stem}.lst", self._list()),
            (f"{self._stem}-labels.csv", self._table()),
        ]
        if self._stem == "train":
            classes = max(self._labels.values()) + 1
            files.append(("property", f"{classes},{self._size[1]},{self._size[0]}\n".encode()))
        return files

    def _append(self, key: int, record: Record) -> None:
        assert self._file is not None
        data = frame_record(pack_record(record))
        with disk_errors(self._folder, f"{self._stem}.rec", AGAIN):
            self._file.write(data)
        self._offsets[key] = self._at
        self._at += len(data)

    def _list(self) -> bytes:
        lines = (
            f"{key}\t{self._labels[person]}\t{self._names[key]}\n"
            for person in self._order
            for key in range(self._first[person], self._next[person])
        )
        return "".join(lines).encode("utf-8")

    def _table(self) -> bytes:
        rows = (
            [self._labels[person], person, self._next[person] - self._first[person]] for person in self._order
        )
        return csv_bytes(["label", "identity", "images"], rows)


def label_people(people: Iterable[str]) -> dict[str, int]:
    """Numbers people: identity -> label, which is the identity itself where all are whole numbers."""
    names = sorted(people)
    numbers = [int(name) for name in names if name.isascii() and name.isdigit() and len(name) < 9]
    if len(set(numbers)) == len(names):
        return dict(zip(names, numbers, strict=True))
    return {name: label for label, name in enumerate(names)}
