"""Cache of landmarks: one small file per photo, keyed by the photo's bytes and the detector's name.

    magic | crc32 of the rest | length of the header | header (JSON) | points (float32)

A file that is damaged, has another shape, or was made from other pixels of the same photo (another background under
transparency, another decoder), counts as absent. Numbers are stored bit-exactly.
"""

import errno
import hashlib
import json
import math
import os
import stat
import struct
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from maskgen.errors import FACE_REASONS, Skip
from maskgen.faces.landmarks.base import Detector, GuidedDetector
from maskgen.seeds import hash64
from maskgen.types import Face, Photo, RGBImage

MAGIC = b"unmask landmarks 1\n"
PREFIX = struct.Struct("<II")
BINARY = getattr(os, "O_BINARY", 0)  # defined on Windows only
READ = os.O_RDONLY | BINARY | getattr(os, "O_NONBLOCK", 0)  # never waits for the writer of a pipe
CREATE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | BINARY
MOST_BYTES = 64 * 2**20  # thousands of faces; a larger file is not ours
SCHEMES = {"mesh468": 468, "dlib68": 68, "celeba5": 5}  # number of landmarks in each scheme


def cache_folder(setting: str) -> Path | None:
    """Resolves the setting `faces.cache`: `auto`, `off` (None) or a path."""
    if setting == "off":
        return None
    if setting != "auto":
        return Path(setting).expanduser()
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "unmask" / "landmarks"


class CachedDetector:
    """Detector of photos that caches its results in `folder`; with None it caches nothing."""

    def __init__(self, detector: Detector, folder: Path | None) -> None:
        self.name = detector.name
        self._detector = detector
        self._guided = detector if isinstance(detector, GuidedDetector) else None
        key = hashlib.sha256(detector.name.encode()).hexdigest()[:16]
        self._key = key
        self._folder = str(folder / key) if folder else None

    def detect(self, photo: Photo) -> list[Face] | Skip:
        """Detects faces, or reads them from the cache; both give the same bits."""
        if self._folder is None:
            return self._detect(photo)
        path = f"{self._folder}/{photo.digest[:2]}/{photo.digest}"
        mark = fingerprint(photo.pixels)
        if photo.ref.points and self._guided:
            mark += f":{hash64(photo.ref.points):016x}"
        with suppress(OSError, ValueError):
            return unpack(_read(path), mark, self._key)
        found = self._detect(photo)
        with suppress(OSError):  # a cache that cannot be written costs time, but must not end the run
            _write(path, pack(found, mark, self._key))
        return found

    def _detect(self, photo: Photo) -> list[Face] | Skip:
        points = photo.ref.points
        return (
            self._guided.detect_at(photo.pixels, points)
            if points and self._guided
            else self._detector.detect(photo.pixels)
        )


def fingerprint(pixels: RGBImage) -> str:
    """Computes a checksum that tells two decodings of one file apart.

    It does not resist deliberate collisions: the cache's key is the hash of the file's bytes.
    """
    flat = np.ascontiguousarray(pixels).reshape(-1)
    words = flat[: flat.size // 8 * 8].view(np.uint64)
    total = int(np.add.reduce(words, dtype=np.uint64)) ^ zlib.crc32(flat[words.size * 8 :].tobytes())
    return f"{pixels.shape[0]}x{pixels.shape[1]}:{total:016x}"


def pack(found: list[Face] | Skip, mark: str, detector: str = "") -> bytes:
    """Encodes faces, or the reason why there are none, as the bytes of a cache file.

    Args:
        found: the result of a detector.
        mark: fingerprint of the pixels.
        detector: hash of the detector's name.
    """
    header: dict[str, Any] = {"pixels": mark, "detector": detector}
    points: list[bytes] = []
    if isinstance(found, Skip):
        header["skip"] = [found.reason, found.detail]
    else:
        header["faces"] = [[face.box, face.scheme, len(face.landmarks), face.score] for face in found]
        points = [array.astype("<f4").tobytes() for face in found for array in (face.mesh, face.landmarks)]
    text = json.dumps(header).encode()
    body = b"".join([text, *points])
    return MAGIC + PREFIX.pack(zlib.crc32(body), len(text)) + body


def unpack(data: bytes, mark: str, detector: str = "") -> list[Face] | Skip:
    """Decodes the bytes of a cache file: the inverse of `pack`.

    Raises:
        ValueError: the bytes are damaged, of another shape, or belong to other pixels or another detector.
    """
    start = len(MAGIC) + PREFIX.size
    if len(data) < start or not data.startswith(MAGIC):
        raise ValueError("no landmarks")
    crc, length = PREFIX.unpack_from(data, len(MAGIC))
    if zlib.crc32(data[start:]) != crc:
        raise ValueError("damaged landmarks")
    try:
        header = json.loads(data[start : start + length])
        if header["pixels"] != mark or header.get("detector", detector) != detector:
            raise ValueError("landmarks of other pixels or of another detector")
        return _skip(*header["skip"]) if "skip" in header else _faces(header["faces"], data[start + length :])
    except (AttributeError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"landmarks of another shape: {error!r}") from error


def _skip(reason: object, detail: object) -> Skip:
    if not isinstance(reason, str) or not isinstance(detail, str) or reason not in FACE_REASONS:
        raise ValueError("landmarks with a reason that no detector gives")
    return Skip(reason, detail)


def _faces(entries: Any, stored: bytes) -> list[Face]:
    """Builds the faces; what a checksum cannot tell (counts, kinds, finite numbers) is checked here."""
    if not isinstance(entries, list) or not entries or len(stored) % 4:
        raise ValueError("landmarks of no face")
    points = np.frombuffer(stored, "<f4").astype(np.float32)
    if not math.isfinite(float(points.sum(dtype=np.float64))):  # a sum shows every non-finite value
        raise ValueError("landmarks that are not finite")
    faces, at, mesh_size = [], 0, 3 * SCHEMES["mesh468"]
    for box, scheme, count, score in entries:
        if type(count) is not int or count != SCHEMES.get(scheme):
            raise ValueError("landmarks of another scheme")
        end = at + mesh_size + 2 * count
        if end > len(points):
            raise ValueError("landmarks without all their points")
        mesh = points[at : at + mesh_size].reshape(-1, 3)
        faces.append(
            Face(_box(box), points[at + mesh_size : end].reshape(-1, 2), scheme, mesh, _number(score))
        )
        _refuse_line(mesh)
        at = end
    if at != len(points):
        raise ValueError("landmarks with more points than faces")
    return faces


def _box(box: Any) -> tuple[float, float, float, float]:
    x0, y0, x1, y1 = map(_number, box)
    if x0 >= x1 or y0 >= y1:
        raise ValueError("landmarks with a box turned inside out")
    return x0, y0, x1, y1


def _number(value: Any) -> float:
    if type(value) not in (int, float) or not math.isfinite(value):
        raise ValueError("landmarks with a number that is none")
    return float(value)


def _refuse_line(mesh: Float32[ndarray, "468 3"]) -> None:
    width, height = np.ptp(mesh[:, 0]), np.ptp(mesh[:, 1])
    if min(width, height) < 1:
        raise ValueError("landmarks on a line")


# Plain system calls: with `pathlib` and Python's file objects the first lookup of a photo takes twice as long.
def _read(path: str) -> bytes:
    """Reads a file; raises `OSError` if there is none, or something else in its place."""
    file = os.open(path, READ)
    try:
        status = os.fstat(file)
        if not stat.S_ISREG(status.st_mode) or status.st_size > MOST_BYTES:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        return os.read(file, status.st_size)
    finally:
        os.close(file)


def _write(path: str, data: bytes) -> None:
    """Replaces a file atomically, so that another process reads either the old or the new one, never a part."""
    part = f"{path}.{os.getpid()}.part"
    try:
        try:
            file = os.open(part, CREATE)
        except FileNotFoundError:  # nearly all of the 256 folders exist, so this is not checked first
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            file = os.open(part, CREATE)
        try:
            whole = os.write(file, data) == len(data)
        finally:
            os.close(file)
        if not whole:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.replace(part, path)  # noqa: PTH105 (see above)
    except BaseException:
        Path(part).unlink(missing_ok=True)
        raise
