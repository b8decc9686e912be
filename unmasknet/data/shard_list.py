"""Lists and opens the shards of data sets, on disk or behind a URL."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from io import BufferedIOBase, BufferedReader
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit
from urllib.request import urlopen

from maskgen.dataset.facts import parse_facts
from maskgen.dataset.reader import open_data_set
from maskgen.dataset.shard_record import ShardReport, report_of
from maskgen.errors import InputError, MissingError
from maskgen.reading import open_regular_file, reason_of

REMOTE_BYTES = 1 << 28  # largest dataset.json that is read from a URL
BLOCK = 1 << 20  # bytes read ahead
TIMEOUT = 60  # seconds without data after which a connection fails

Readable = IO[bytes] | BufferedIOBase


@dataclass(frozen=True)
class Shard:
    """Tar file of samples.

    Attributes:
        url: path or URL.
        count: number of samples; None without a record of the shard.
        digest: sha256 of the file; "" without a record.
    """

    url: str
    count: int | None = None
    digest: str = ""


def list_shards(data: Sequence[str], split: str) -> list[Shard]:
    """Lists all shards of a split, in the order of `data`, then by name.

    Args:
        data: folders or URLs of data sets, or names of tars with {000000..000009}.
        split: "train", "val" or "test"; tars given by name are used whatever their split.

    Raises:
        InputError: a data set cannot be used, or there is no sample of this split.
        MissingError: the package for the URL's protocol is not installed.
    """
    if not data:
        raise InputError("no data set was named; give --data DIR, the folder with the .tar files in it")
    shards = [shard for entry in data for shard in _shards_of(entry, split)]
    if not shards:
        raise InputError(
            f"{', '.join(data)}: holds no samples of the split {split}; make more, or choose another split"
        )
    return shards


def _shards_of(entry: str, split: str) -> list[Shard]:
    if urlsplit(entry).scheme == "pipe":
        raise InputError(f"{entry}: commands are not run; give a folder or a URL")
    if entry.endswith(".tar"):
        from braceexpand import braceexpand

        return [Shard(url) for url in braceexpand(entry)]
    records = _remote_records(entry) if "://" in entry else open_data_set(Path(entry)).records
    wanted = [record for record in records if record.split == split and record.count]
    return [_checked(entry, record) for record in wanted]


def _remote_records(url: str) -> list[ShardReport]:
    """Reads the records from `dataset.json`, because HTTP has no listing of folders."""
    with open_url(f"{url.rstrip('/')}/dataset.json") as file:
        try:
            return [report_of(shard) for shard in parse_facts(file.read(REMOTE_BYTES))["shards"]]
        except (ValueError, KeyError) as error:
            raise InputError(
                f"{url}: its dataset.json was not written by unmask: {reason_of(error)}"
            ) from error


def _checked(entry: str, record: ShardReport) -> Shard:
    """Checks that the shard of a record has the recorded size on disk, before hours of training start."""
    if "://" in entry:
        return Shard(f"{entry.rstrip('/')}/{record.name}.tar", record.count, record.sha256)
    path = Path(entry) / f"{record.name}.tar"
    size = path.stat().st_size if path.is_file() else None
    if size != record.bytes:
        found = "is missing" if size is None else f"has {size} bytes"
        raise InputError(
            f"{path}: {found}, its record says {record.bytes}; the same unmask gen-data makes it again"
        )
    return Shard(str(path), record.count, record.sha256)


def open_url(url: str) -> Readable:
    """Opens a path or a URL for sequential reading.

    Raises:
        InputError: it cannot be opened.
        MissingError: the package for the URL's protocol is not installed.
    """
    scheme = urlsplit(url).scheme if "://" in url else ""
    try:
        if not scheme:
            return BufferedReader(open_regular_file(url))
        if scheme in ("http", "https"):  # in the standard library; fsspec would need eight packages for it
            response: BufferedIOBase = urlopen(url, timeout=TIMEOUT)  # noqa: S310 (the scheme is one of two)
            return response
        return _open_by_fsspec(url)
    except ImportError as error:
        raise MissingError(f"{url}: {error}; pip install 'fsspec[{scheme}]'") from error
    except Exception as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise InputError(f"{url}: cannot be opened: {reason}") from error


def _open_by_fsspec(url: str) -> IO[bytes]:
    import fsspec  # type: ignore[import-untyped]

    file: IO[bytes] = fsspec.open(url, "rb", block_size=BLOCK).open()
    return file


def count_samples(data: Sequence[str], split: str) -> int | None:
    """Counts the samples of a split, which is the length of an epoch; None if a shard has no record."""
    counts = [shard.count for shard in list_shards(data, split)]
    return None if None in counts else sum(count for count in counts if count is not None)


def data_digest(data: Sequence[str], split: str) -> str:
    """Computes a short hash of the content of a split; for tars without a record, of their names."""
    lines = "\n".join(sorted(shard.digest or shard.url for shard in list_shards(data, split)))
    return hashlib.sha256(lines.encode("utf-8")).hexdigest()[:16]


def short_digest(digest: str) -> str:
    """Shortens the sha256 of a shard for the metadata of weights."""
    return digest[:16]


def training_data(data: Sequence[str], split: str) -> dict[str, Any]:
    """Describes what is trained on, for the metadata of weights.

    Returns:
        `split`; `shards`, the short digests of those that have a record; `sources`, the names of the sources of the
        photos, of data sets on disk, and empty if one of them does not say it.
    """
    known = [_source_of(entry) for entry in data]
    return {
        "split": split,
        "shards": sorted({short_digest(shard.digest) for shard in list_shards(data, split) if shard.digest}),
        "sources": sorted(set(known)) if all(known) else [],
    }


def _source_of(entry: str) -> str:
    """Returns the name of a data set's source; "" if it is unknown."""
    if "://" in entry or entry.endswith(".tar"):
        return ""
    return str(open_data_set(Path(entry)).about.get("source", ""))


def data_settings(data: Sequence[str]) -> dict[str, Any]:
    """Returns the settings by which the first data set on disk was made, from its dataset.json; empty if unknown."""
    for entry in data:
        if "://" not in entry and not entry.endswith(".tar"):
            found = open_data_set(Path(entry)).about.get("settings", {})
            return found if isinstance(found, dict) else {}
    return {}
