"""Cache of landmarks: one small file per photo, keyed by the photo's bytes and the detector's name.

    magic | crc32 of the rest | length of the header | header (JSON) | points (float32)

A file that is damaged, or was made from other pixels of the same photo (another background under transparency,
another decoder), counts as absent. Numbers are stored bit-exactly.
"""

import errno
import hashlib
import json
import os
import struct
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from maskgen.errors import Skip
from maskgen.faces.landmarks.base import Detector, GuidedDetector
from maskgen.seeds import hash64
from maskgen.types import Face, Photo, RGBImage

MAGIC = b"unmask landmarks 1\n"
PREFIX = struct.Struct("<II")
BINARY = getattr(os, "O_BINARY", 0)  # defined on Windows only
CREATE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | BINARY


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
            return unpack(_read(path), mark)
        found = self._detect(photo)
        with suppress(OSError):  # a cache that cannot be written costs time, but must not end the run
            _write(path, pack(found, mark))
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


def pack(found: list[Face] | Skip, mark: str) -> bytes:
    """Encodes faces, or the reason why there are none, as the bytes of a cache file."""
    header: dict[str, Any] = {"pixels": mark}
    points: list[bytes] = []
    if isinstance(found, Skip):
        header["skip"] = [found.reason, found.detail]
    else:
        header["faces"] = [[face.box, face.scheme, len(face.landmarks), face.score] for face in found]
        points = [array.astype("<f4").tobytes() for face in found for array in (face.mesh, face.landmarks)]
    text = json.dumps(header).encode()
    body = b"".join([text, *points])
    return MAGIC + PREFIX.pack(zlib.crc32(body), len(text)) + body


def unpack(data: bytes, mark: str) -> list[Face] | Skip:
    """Decodes the bytes of a cache file: the inverse of `pack`.

    Raises:
        ValueError: the bytes are damaged, or belong to other pixels.
    """
    start = len(MAGIC) + PREFIX.size
    if len(data) < start or not data.startswith(MAGIC):
        raise ValueError("no landmarks")
    crc, length = PREFIX.unpack_from(data, len(MAGIC))
    if zlib.crc32(data[start:]) != crc:
        raise ValueError("damaged landmarks")
    header = json.loads(data[start : start + length])
    if header["pixels"] != mark:
        raise ValueError("landmarks of other pixels")
    if "skip" in header:
        return Skip(*header["skip"])
    points = np.frombuffer(data, "<f4", offset=start + length).astype(np.float32)
    faces, at = [], 0
    for box, scheme, count, score in header["faces"]:
        mesh = points[at : at + 1404].reshape(468, 3)
        landmarks = points[at + 1404 : at + 1404 + 2 * count].reshape(count, 2)
        at += 1404 + 2 * count
        faces.append(Face((box[0], box[1], box[2], box[3]), landmarks, scheme, mesh, score))
    return faces


# Plain system calls: with `pathlib` and Python's file objects the first lookup of a photo takes twice as long.
def _read(path: str) -> bytes:
    """Reads a file; raises `OSError` if there is none."""
    file = os.open(path, os.O_RDONLY | BINARY)
    try:
        return os.read(file, os.fstat(file).st_size)
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
