"""Tar shard, the interface between data generation and training: encoding and decoding.

A sample has five members: KEY.gt.jpg, KEY.json, KEY.map.png, KEY.masked.jpg, KEY.parts.png. Dicts name them by the
part after the first dot, such as "map.png". docs/data-set.md specifies the format.
"""

import hashlib
import re
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, suppress
from io import BufferedReader
from pathlib import Path
from types import TracebackType
from typing import Any, TypedDict

from maskgen.dataset.labels import Kept, Origin, encode_labels, once
from maskgen.errors import InputError, Skip
from maskgen.files import disk_errors, part_path, remove, size_text, sync, sync_folder
from maskgen.images import codecs
from maskgen.reading import PHOTO_BYTES, open_regular_file, parse_json, reason_of
from maskgen.settings import ShardSettings
from maskgen.types import Plane, RGBImage, Triplet

Members = dict[str, bytes]
IMAGES = ("gt", "masked")
# bits per pixel and PNG colour type (0 grey, 3 palette) of map and parts -> version of the format
PACKINGS: Mapping[tuple[tuple[int, ...], ...], int] = {((1, 0), (2, 3)): 1, ((8, 0), (8, 0)): 2}
MAX_PIXELS = 1 << 28  # limit of an image in a shard; `--size 0` keeps the size of the source
KEY = re.compile(r"[a-z0-9_-]+")
_RECORD_SIZE = 20 * 512  # bytes; tar pads files to a multiple of it
_BUFFER = 1 << 20
_BLANK = tarfile.TarInfo("").tobuf(tarfile.USTAR_FORMAT, "ascii", "strict")
_BLANK_SUM = sum(
    _BLANK[:124] + _BLANK[135:148] + b" " * 8 + _BLANK[156:]
)  # a tar checksum counts its own field as blanks


class Sample(TypedDict):
    """Decoded sample: RGB images, `map` of 0 and 1, `parts` of 0 to 3, and the labels (`json`)."""

    masked: RGBImage
    gt: RGBImage
    map: Plane
    parts: Plane
    json: dict[str, Any]


def member_names(suffix: str) -> list[str]:
    """Lists the member names of a sample, sorted; `suffix` is that of the images: jpg, png or webp."""
    return sorted([*(f"{name}.{suffix}" for name in IMAGES), "map.png", "parts.png", "json"])


def encode(triplet: Triplet, origin: Origin, settings: ShardSettings, kept: Kept | None = None) -> Members:
    """Encodes a sample. The bytes depend only on the arguments and on the versions of the encoders.

    Args:
        triplet: the sample.
        origin: the origin of its photo, for the labels.
        settings: format and quality of the images.
        kept: cache of encoded arrays, see `encode_photo`.

    Returns:
        The members, sorted by name.
    """
    kept = {} if kept is None else kept
    gt = once(kept, triplet.gt, lambda: _encode_image(triplet.gt, settings))
    return {
        f"gt.{settings.format}": gt,
        "json": encode_labels(triplet, origin, kept),
        "map.png": codecs.encode_map(triplet.map),
        f"masked.{settings.format}": gt if triplet.is_bare else _encode_image(triplet.masked, settings),
        "parts.png": codecs.encode_parts(triplet.parts),
    }


def encode_photo(
    triplets: Iterable[tuple[str, Triplet]], origin: Origin, settings: ShardSettings
) -> list[tuple[str, Members]]:
    """Encodes the samples of one photo, sorted by key; shared images and landmarks are encoded once."""
    triplets = sorted(
        triplets, key=lambda pair: pair[0]
    )  # keeps the arrays alive, so that their ids stay unique
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
    masked, gt = (decode_image(members, name) for name in ("masked", "gt"))
    try:
        labels = parse_json(members["json"])
        planes = codecs.decode_map(members["map.png"]), codecs.decode_parts(members["parts.png"])
    except (KeyError, ValueError) as error:
        raise InputError(f"a sample has no usable {error}; found {', '.join(sorted(members))}") from error
    return {"masked": masked, "gt": gt, "map": planes[0], "parts": planes[1], "json": labels}


def format_of(members: Mapping[str, bytes]) -> int:
    """Tells the format of a sample by the PNG headers of its map and parts: 1 or 2, or 0 for neither."""
    headers = tuple(tuple(members.get(name, b"")[24:26]) for name in ("map.png", "parts.png"))
    return PACKINGS.get(headers, 0)


def _encode_image(image: RGBImage, settings: ShardSettings) -> bytes:
    if settings.format == "jpg":
        return codecs.encode_jpeg(image, settings.quality)
    return codecs.encode_lossless(image, settings.format)


def decode_image(members: Mapping[str, bytes], name: str) -> RGBImage:
    """Decodes one image of a sample: `masked` or `gt`.

    Raises:
        InputError: it is missing or cannot be decoded.
    """
    for member, data in members.items():
        if member.startswith(f"{name}."):
            image = codecs.decode(data, max_pixels=MAX_PIXELS, background=255)
            if isinstance(image, Skip):
                raise InputError(f"{member} is {image.reason}: {image.detail}")
            return image
    raise InputError(f"a sample has no {name}; found {', '.join(sorted(members))}")


class ShardWriter:
    """Writer of a shard under a temporary name; `finish` renames it. Leaving its context deletes an unfinished file."""

    def __init__(self, folder: Path, work: Path, name: str, photos: int) -> None:
        self.folder, self.name, self.photos = folder, name, max(photos, 1)
        self.part = part_path(work, f"{name}.tar")
        self.filled = 0  # photos with samples, to estimate the final size
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
        """Appends the samples of one photo; keys and members must be sorted."""
        with self._errors():
            for key, members in samples:
                assert KEY.fullmatch(key), key
                for name, data in members.items():
                    self._put(b"".join((_header(f"{key}.{name}", len(data)), data, bytes(-len(data) % 512))))
                self.count += 1
        self.filled += 1

    def finish(self) -> tuple[int, str]:
        """Closes the tar and renames it; an empty shard leaves no file.

        Returns:
            Size in bytes and hex sha256 of the tar; 0 and "" without samples.
        """
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
        with suppress(OSError):  # closing flushes, which may fail again after a failed write
            self.file.close()

    def _errors(self) -> AbstractContextManager[None]:
        expected = self.size * self.photos // max(self.filled, 1)
        return disk_errors(self.folder, f"{self.name}.tar (about {size_text(max(expected, self.size))})")


def _header(name: str, size: int) -> bytes:
    """Builds a USTAR header that does not depend on the machine: without time, owner and mode."""
    text, digits = name.encode("ascii"), b"%011o" % size
    assert len(text) <= 100, name
    assert len(digits) == 11, size
    checksum = b"%06o\0 " % (_BLANK_SUM + sum(text) + sum(digits))
    return b"".join(
        (text.ljust(100, b"\0"), _BLANK[100:124], digits, _BLANK[135:148], checksum, _BLANK[156:])
    )


def read_shard(path: Path) -> Iterator[tuple[str, Members]]:
    """Reads the samples of a shard in order.

    Args:
        path: the tar file.

    Yields:
        Key and members: bytes by member name without the key, such as `map.png`.

    Raises:
        InputError: the file is missing or not a tar. A tar cut between two members may go unnoticed here; `verify`
            finds it.
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
    """Yields name and bytes of every regular file in a tar, in order.

    Raises:
        InputError: the file is missing or not a tar.
    """
    try:
        with (
            BufferedReader(open_regular_file(path)) as opened,
            tarfile.open(fileobj=opened, mode="r:") as tar,
        ):
            for info in tar:
                if info.size > PHOTO_BYTES:
                    raise tarfile.ReadError(f"{info.name} has {size_text(info.size)}")
                file = tar.extractfile(info) if info.isfile() else None
                if file is not None:
                    yield info.name, file.read()
    except (OSError, tarfile.TarError) as error:
        raise InputError(
            f"{path}: cannot be read as a shard ({reason_of(error)}); run unmask verify {path.parent}"
        ) from error
