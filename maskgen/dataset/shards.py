"""The tar shard, the one contract between making triplets and learning from them: encode and decode side by side.

A sample is five members, KEY.gt.jpg, KEY.json, KEY.map.png, KEY.masked.jpg, KEY.parts.png; in dicts they go by
what follows the key's dot. docs/data-set.md describes them for readers in other languages.
"""

import hashlib
import json
import re
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, TypedDict

from maskgen.dataset.labels import Kept, Origin, encode_labels, once
from maskgen.errors import InputError, Skip
from maskgen.files import disk_errors, part_path, remove, size_text, sync, sync_folder
from maskgen.images import codecs
from maskgen.settings import ShardSettings
from maskgen.types import Plane, RGBImage, Triplet

Members = dict[str, bytes]
PICTURES = ("gt", "masked")
MAX_PIXELS = 1 << 28  # of a picture in a shard; `--size 0` keeps the source's own grid
KEY = re.compile(r"[a-z0-9_-]+")
_RECORD_SIZE = 20 * 512  # bytes; what tar pads a file to
_BUFFER = 1 << 20
_BLANK = tarfile.TarInfo("").tobuf(tarfile.USTAR_FORMAT, "ascii", "strict")
_BLANK_SUM = sum(_BLANK[:124] + _BLANK[135:148] + b" " * 8 + _BLANK[156:])  # as a checksum counts itself


class Sample(TypedDict):
    """A decoded sample: pictures RGB, `map` 0 or 1, `parts` 0 to 3, and the labels of its json."""

    masked: RGBImage
    gt: RGBImage
    map: Plane
    parts: Plane
    json: dict[str, Any]


def member_names(suffix: str) -> list[str]:
    """Lists the members of each sample, sorted; `suffix` is that of the images: jpg, png or webp."""
    return sorted([*(f"{name}.{suffix}" for name in PICTURES), "map.png", "parts.png", "json"])


def encode(triplet: Triplet, origin: Origin, settings: ShardSettings, kept: Kept | None = None) -> Members:
    """Encodes a sample into its members, sorted: a function of the arguments and the encoders' versions only.

    Args:
        triplet: the sample.
        origin: what its labels tell of the photo.
        settings: how pictures are stored.
        kept: what has been encoded of these very arrays, by their `id`: see `encode_photo`.
    """
    kept = {} if kept is None else kept
    return {
        f"gt.{settings.format}": once(kept, triplet.gt, lambda: _encode_picture(triplet.gt, settings)),
        "json": encode_labels(triplet, origin, kept),
        "map.png": codecs.encode_map(triplet.map),
        f"masked.{settings.format}": _encode_picture(triplet.masked, settings),
        "parts.png": codecs.encode_parts(triplet.parts),
    }


def encode_photo(
    triplets: Iterable[tuple[str, Triplet]], origin: Origin, settings: ShardSettings
) -> list[tuple[str, Members]]:
    """Encodes the samples of one photo, sorted by key. The image and the landmarks that they share are encoded once."""
    triplets = sorted(triplets, key=lambda pair: pair[0])  # holds on to the arrays, so that no id comes twice
    kept: Kept = {}
    return [(key, encode(triplet, origin, settings, kept)) for key, triplet in triplets]


def decode(members: Mapping[str, bytes]) -> Sample:
    """Decodes the members of a sample: the inverse of `encode`.

    Args:
        members: bytes by name, as `read_shard` yields them.

    Returns:
        `masked`, `gt`, `map`, `parts`, and `json`.

    Raises:
        InputError: a member is missing or cannot be decoded.
    """
    masked, gt = (_decode_picture(members, name) for name in ("masked", "gt"))
    try:
        labels = json.loads(members["json"])
        planes = codecs.decode_map(members["map.png"]), codecs.decode_parts(members["parts.png"])
    except (KeyError, ValueError) as error:
        raise InputError(f"a sample has no usable {error}; found {', '.join(sorted(members))}") from error
    return {"masked": masked, "gt": gt, "map": planes[0], "parts": planes[1], "json": labels}


def _encode_picture(picture: RGBImage, settings: ShardSettings) -> bytes:
    if settings.format == "jpg":
        return codecs.encode_jpeg(picture, settings.quality)
    return codecs.encode_lossless(picture, settings.format)


def _decode_picture(members: Mapping[str, bytes], name: str) -> RGBImage:
    for member, data in members.items():
        if member.startswith(f"{name}."):
            picture = codecs.decode(data, max_pixels=MAX_PIXELS, background=255)
            if isinstance(picture, Skip):
                raise InputError(f"{member} is {picture.reason}: {picture.detail}")
            return picture
    raise InputError(f"a sample has no {name}; found {', '.join(sorted(members))}")


class ShardWriter:
    """Writes a shard under a part's name; only `finish` gives it its own. As a context it leaves no part behind."""

    def __init__(self, folder: Path, work: Path, name: str, photos: int) -> None:
        self.folder, self.name, self.photos = folder, name, max(photos, 1)
        self.part = part_path(work, f"{name}.tar")
        self.filled = 0  # photos that gave samples; they tell the size to expect of all
        self.count, self.size, self.digest = 0, 0, hashlib.sha256()
        with self._errors():
            self.file = self.part.open("wb", buffering=_BUFFER)

    def __enter__(self) -> "ShardWriter":
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        if not self.file.closed:
            self._drop()

    def add_photo(self, samples: Iterable[tuple[str, Mapping[str, bytes]]]) -> None:
        """Appends the samples of one photo; keys come in order, members sorted."""
        with self._errors():
            for key, members in samples:
                assert KEY.fullmatch(key), key
                for name, data in members.items():
                    self._put(b"".join((_header(f"{key}.{name}", len(data)), data, bytes(-len(data) % 512))))
                self.count += 1
        self.filled += 1

    def finish(self) -> tuple[int, str]:
        """Closes the tar and move it to its place; its size and sha256. Nothing of it appears if it is empty."""
        if not self.count:
            self._drop()
            remove(self.folder / f"{self.name}.tar")
            return 0, ""
        with self._errors():
            self._put(bytes(1024))
            self._put(bytes(-self.size % _RECORD_SIZE))
            self.file.flush()
            sync(self.file.fileno())
            self.file.close()
            self.part.replace(self.folder / f"{self.name}.tar")
            sync_folder(self.folder)
        return self.size, self.digest.hexdigest()

    def _put(self, data: bytes) -> None:
        self.file.write(data)
        self.digest.update(data)
        self.size += len(data)

    def _drop(self) -> None:
        remove(self.part)
        with suppress(OSError):  # closing flushes, and may fail as the write before it did
            self.file.close()

    def _errors(self) -> AbstractContextManager[None]:
        whole = self.size * self.photos // max(self.filled, 1)
        return disk_errors(self.folder, f"{self.name}.tar (about {size_text(max(whole, self.size))})")


def _header(name: str, size: int) -> bytes:
    """Builds a USTAR header without anything of this machine: no time, owner or mode of a file."""
    text, digits = name.encode("ascii"), b"%011o" % size
    assert len(text) <= 100, name
    assert len(digits) == 11, size
    checksum = b"%06o\0 " % (_BLANK_SUM + sum(text) + sum(digits))
    return b"".join(
        (text.ljust(100, b"\0"), _BLANK[100:124], digits, _BLANK[135:148], checksum, _BLANK[156:])
    )


def read_shard(path: Path) -> Iterator[tuple[str, Members]]:
    """Reads the samples of a shard in its order: key, and members by the part of the name after the key's dot.

    Args:
        path: the shard's tar file.

    Yields:
        Key, and members: bytes by name, such as `map.png`.

    Raises:
        InputError: the file is missing or no tar. A tar cut between two members may pass: `verify` sees it.
    """
    key, members = "", Members()
    for name, data in read_members(path):
        stem, _, member = name.partition(".")
        if stem != key and members:
            yield key, members
            members = {}
        key = stem
        members[member] = data
    if members:
        yield key, members


def read_members(path: Path) -> Iterator[tuple[str, bytes]]:
    """Names and bytes of every plain file in a tar, in its order.

    Raises:
        InputError: the file is missing or no tar.
    """
    try:
        with tarfile.open(path, "r:") as tar:
            for info in tar:
                file = tar.extractfile(info) if info.isfile() else None
                if file is not None:
                    yield info.name, file.read()
    except (OSError, tarfile.TarError) as error:
        raise InputError(
            f"{path}: cannot be read as a shard ({error}); run unmask verify {path.parent}"
        ) from error
