"""Writer of Mosaic data shards (MDS), version 2 of the format of MosaicML Streaming 0.13.

A shard is the number of its samples, the offset of each and of the end (uint32, little-endian), a description of the
columns in JSON, then the samples. A sample is the sizes of the columns that have no fixed one (uint32), then the
columns, sorted by name.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from struct import Struct
from typing import Any

from maskgen.dataset.unpack.shard_files import AGAIN, PartFile
from maskgen.files import PART, disk_errors, remove

INDEX = "index.json"
# Bytes of a shard, as of Streaming's own writer; a sample that is larger has a shard of its own.
LIMIT = 1 << 26
_HASH = "sha256"
_UINT32, _INT64, _FLOAT64 = Struct("<I"), Struct("<q"), Struct("<d")
# encoding -> size in bytes if it is fixed, and how a value becomes bytes
_ENCODINGS: Mapping[str, tuple[int | None, Callable[[Any], bytes]]] = {
    "bytes": (None, bytes),
    "jpeg": (None, bytes),
    "png": (None, bytes),
    "str": (None, str.encode),
    "json": (None, lambda value: json.dumps(value, separators=(",", ":")).encode("ascii")),
    "int": (8, _INT64.pack),
    "float64": (8, _FLOAT64.pack),
}


class MdsWriter:
    """Writer of the shards of a split, one at a time in memory. Its context deletes an unfinished shard.

    Args:
        folder: their folder; shards of an earlier writer are deleted, so that its index does not name new ones.
        columns: name -> encoding, a key of `_ENCODINGS`.
        limit: bytes of a shard.
    """

    def __init__(self, folder: Path, columns: Mapping[str, str], limit: int) -> None:
        self._folder, self._limit = folder, limit
        self._columns = sorted(columns.items())
        self._about = {
            "version": 2,
            "format": "mds",
            "compression": None,
            "hashes": [_HASH],
            "size_limit": limit,
            "column_names": [name for name, _ in self._columns],
            "column_encodings": [encoding for _, encoding in self._columns],
            "column_sizes": [_ENCODINGS[encoding][0] for _, encoding in self._columns],
        }
        self._head = json.dumps(self._about, sort_keys=True).encode("ascii")
        self._samples: list[bytes] = []
        self._size = self._empty = 2 * _UINT32.size + len(self._head)
        self._shards: list[dict[str, Any]] = []
        self._count = 0
        self._part: PartFile | None = None

    @property
    def files(self) -> int:
        """Number of shards that were written."""
        return len(self._shards)

    def __enter__(self) -> "MdsWriter":
        with disk_errors(self._folder, INDEX, AGAIN):
            self._folder.mkdir(parents=True, exist_ok=True)
            for pattern in (INDEX, "shard.*.mds", f"shard.*.mds.*{PART}"):
                for left in self._folder.glob(pattern):
                    remove(left)
        return self

    def __exit__(self, *_: object) -> None:
        if self._part is not None:
            self._part.abandon()

    def add(self, values: Mapping[str, Any]) -> int:
        """Appends a sample, and returns its number in the split.

        Args:
            values: value of each column; those of `bytes`, `jpeg` and `png` are encoded already.
        """
        data = self._encode(values)
        if self._samples and self._size + _UINT32.size + len(data) > self._limit:
            self._write_shard()
        self._samples.append(data)
        self._size += _UINT32.size + len(data)
        self._count += 1
        return self._count - 1

    def finish(self) -> bytes:
        """Writes the last shard, and returns the index, to be written when all shards are there."""
        if self._samples:
            self._write_shard()
        return json.dumps({"version": 2, "shards": self._shards}, sort_keys=True).encode("ascii")

    def _encode(self, values: Mapping[str, Any]) -> bytes:
        sizes, data = [], []
        for name, encoding in self._columns:
            fixed, encode = _ENCODINGS[encoding]
            data.append(encode(values[name]))
            if fixed is None:
                sizes.append(_UINT32.pack(len(data[-1])))
        return b"".join([*sizes, *data])

    def _write_shard(self) -> None:
        name, digest, size = f"shard.{len(self._shards):05d}.mds", hashlib.new(_HASH), 0
        self._part = PartFile(self._folder / name)
        for block in (self._offsets(), self._head, *self._samples):
            with self._part.errors():
                self._part.file.write(block)
            digest.update(block)
            size += len(block)
        self._part.finish()
        self._part = None
        raw = {"basename": name, "bytes": size, "hashes": {_HASH: digest.hexdigest()}}
        self._shards.append({**self._about, "samples": len(self._samples), "raw_data": raw, "zip_data": None})
        self._samples, self._size = [], self._empty

    def _offsets(self) -> bytes:
        """Returns the number of samples, and the offset of each and of the end."""
        at = _UINT32.size * (len(self._samples) + 2) + len(self._head)
        offsets = [at]
        for sample in self._samples:
            offsets.append(offsets[-1] + len(sample))
        return b"".join(map(_UINT32.pack, (len(self._samples), *offsets)))
