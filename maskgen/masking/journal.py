"""Journal of a target folder: a hidden file that says how the folder was made and what became of each photo.

    .unmask-mask.jsonl    first line: source, settings and versions; then one line for each photo; last line: the end

Lines are only appended, after the files that they name are written. A line that a kill or a full disk cut is ignored,
and its photo is done again, as is a photo of which a file has another size than its line says. The file is locked while
a run is at work. It is a hidden file and not a hidden folder, because readers such as torchvision's `ImageFolder` take
every folder for a class.
"""

import json
import os
import socket
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from io import FileIO
from pathlib import Path
from typing import IO, Any

from maskgen.errors import UnmaskError, UsageError
from maskgen.files import disk_errors, open_own, sync, write_all
from maskgen.reading import parse_json
from maskgen.sources import PlacedSource, Source
from maskgen.types import PhotoRef

with suppress(ImportError):  # Windows has none; `mask_folder` refuses to start there
    import fcntl

NAME = ".unmask-mask.jsonl"
FORMAT = 1
END = {"end": True}


@dataclass(frozen=True)
class PhotoResult:
    """Outcome of one photo.

    Attributes:
        photo: its id in the source.
        bytes: size of its file.
        sample: a few bytes of its file, as hex digits; see `Store.sample`.
        files: paths in the target folder -> sizes in bytes.
        maps: the same of the folder of maps.
        masked: number of faces that wear a mask, in the first masked photo.
        faces: one mapping for each face of each masked photo: `file`, `box`, `pose`, and the mask.
        reason: why no face is masked; "" if one is, or if all were left bare by --share.
        detail: further information.
    """

    photo: str
    bytes: int = 0
    files: Mapping[str, int] = field(default_factory=dict)
    maps: Mapping[str, int] = field(default_factory=dict)
    masked: int = 0
    faces: tuple[Mapping[str, Any], ...] = ()
    reason: str = ""
    detail: str = ""
    sample: str = ""


class Journal:
    """Journal of the folder `out`, locked from `open` to `close`.

    Attributes:
        header: the first line; None in a new journal.
        ended: whether the run that wrote it came to its end.
    """

    def __init__(self, out: Path) -> None:
        self.path = out / NAME
        self.header: dict[str, Any] | None = None
        self.ended = False
        self._places: dict[str, int] = {}  # of the last line of each photo
        self._file: IO[bytes] | None = None  # for reading
        self._end: FileIO | None = None  # for appending; holds the lock

    def open(self) -> None:
        """Opens and locks the journal; makes it if there is none.

        Raises:
            UsageError: another run writes into the folder, or the file is no journal.
            UnmaskError: the folder cannot be written to.
        """
        with disk_errors(self.path.parent, self.path.name):
            # unbuffered: on a full disk a buffer could not be closed
            self._end = open(self.path, "ab", buffering=0, opener=open_own)  # noqa: SIM115 (closed by `close`)
            self._file = self.path.open("rb")
        try:
            self._lock()
            self.read(self._file)
        except BaseException:
            self.close()
            raise

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Opens the journal without a lock, only to read it; closes it at the end of the `with` block."""
        with disk_errors(self.path.parent, self.path.name):
            self._file = open(self.path, "rb", opener=open_own)  # noqa: SIM115 (closed below)
        try:
            self.read(self._file)
            yield
        finally:
            self.close()

    def read(self, file: IO[bytes]) -> None:
        """Reads the header, and where the line of each photo is.

        Raises:
            UsageError: the file is no journal of this format.
        """
        file.seek(0)
        place = 0
        for line in file:
            entry = _parsed(line)
            if place == 0 and line:
                if line.endswith(b"\n") and entry.get("format") != FORMAT:
                    raise UsageError(
                        f"{self.path}: is no journal of unmask mask that this version reads; choose another --out"
                    )
                self.header = entry or None
            elif result := _result(entry):
                self._places[result.photo] = place
            self.ended = entry == END
            place += len(line)
        if self.header is None:
            self._places = {}

    def results(self, photos: Iterable[str] | None = None) -> Iterator[PhotoResult]:
        """Yields the results of some photos in their order, or of all that the journal holds; reads one at a time."""
        assert self._file is not None, "open first"
        for photo in list(self._places) if photos is None else photos:
            if photo in self._places:
                self._file.seek(self._places[photo])
                result = _result(_parsed(self._file.readline()))
                assert result is not None, photo
                yield result

    def __contains__(self, photo: str) -> bool:
        return photo in self._places

    def __len__(self) -> int:
        return len(self._places)

    def begin(self, header: Mapping[str, Any]) -> None:
        """Empties the journal and writes its header."""
        assert self._file is not None, "open first"
        assert self._end is not None, "open first"
        with disk_errors(self.path.parent, self.path.name):
            self._end.truncate(0)
            self._file.close()
            self._file = self.path.open("rb")
        self._places, self.ended = {}, False
        self.header = {"format": FORMAT, **header}
        self._append([self.header])

    def add(self, results: Iterable[PhotoResult]) -> None:
        """Appends the results of some photos, whose files are written."""
        self._append([_short(asdict(result)) for result in results])

    def end(self) -> None:
        """Notes that the run came to its end."""
        if not self.ended:
            self._append([END])
        assert self._end is not None, "open first"
        sync(self._end.fileno())
        self.ended = True

    def close(self) -> None:
        """Releases the lock."""
        for file in (self._file, self._end):
            if file is not None:
                file.close()
        self._file = self._end = None

    def _append(self, entries: Iterable[Mapping[str, Any]]) -> None:
        assert self._end is not None, "open first"
        place = os.fstat(self._end.fileno()).st_size
        lines = []
        if place and self._is_cut(place):
            lines.append(b"\n")
            place += 1
        for entry in entries:
            lines.append(json.dumps(entry).encode("ascii") + b"\n")
            if "photo" in entry:
                self._places[entry["photo"]] = place
            place += len(lines[-1])
        with disk_errors(self.path.parent, self.path.name):
            write_all(self._end, b"".join(lines))
        self.ended = False

    def _is_cut(self, end: int) -> bool:
        """Tells whether the last line was cut, so that another one must not follow it at once."""
        assert self._file is not None
        self._file.seek(end - 1)
        return self._file.read(1) != b"\n"

    def _lock(self) -> None:
        assert self._end is not None
        holder = self.path.parent
        try:
            fcntl.flock(self._end, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UsageError(
                f"{holder}: another run writes there; wait for it, stop it, or choose another --out"
            ) from None
        except OSError as error:
            raise UnmaskError(
                f"{holder}: cannot be locked here on {socket.gethostname()} ({error.strerror}); choose an --out on "
                "another disk"
            ) from error


def _parsed(line: bytes) -> dict[str, Any]:
    """Parses a line; a cut or damaged one is empty."""
    try:
        entry = parse_json(line)
    except ValueError:
        return {}
    return entry if isinstance(entry, dict) and line.endswith(b"\n") else {}


def _result(entry: Mapping[str, Any]) -> PhotoResult | None:
    """Builds a result from a line; None if it is no such line, or if a path in it leads out of the folder."""
    kinds = {"photo": str, "bytes": int, "files": dict, "maps": dict, "masked": int, "faces": list}
    kinds |= {"reason": str, "detail": str, "sample": str}
    if "photo" not in entry or any(type(value) is not kinds.get(name) for name, value in entry.items()):
        return None
    paths = {**entry.get("files", {}), **entry.get("maps", {})}
    if any(type(size) is not int or not is_inner(path) for path, size in paths.items()):
        return None
    return PhotoResult(**{**entry, "faces": tuple(entry.get("faces", ()))})


def sample_of(source: Source, ref: PhotoRef) -> str:
    """Returns a few bytes of a photo's file as hex digits; "" if they are unknown."""
    place = source.place(ref) if isinstance(source, PlacedSource) else None
    return place[0].sample(place[1]).hex() if place else ""


def is_inner(path: str) -> bool:
    """Tells whether a relative path stays in its folder."""
    return bool(path) and "\0" not in path and not path.startswith("/") and ".." not in path.split("/")


def _short(entry: dict[str, Any]) -> dict[str, Any]:
    """Leaves out what is empty."""
    return {name: value for name, value in entry.items() if value}
