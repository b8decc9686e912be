"""Reading a data set: finished shards, labels of the samples, and skipped photos.

Shards without a record are ignored, so a data set can be read while a run still extends it.
"""

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from maskgen.dataset import shards
from maskgen.dataset.facts import parse_facts
from maskgen.dataset.labels import odd_labels
from maskgen.dataset.shard_record import ShardReport, read_record, record_names
from maskgen.dataset.shards import Members
from maskgen.errors import InputError
from maskgen.files import FACTS, RECORDS
from maskgen.reading import JSON_BYTES, parse_json, read_regular_file, reason_of
from maskgen.seeds import hash64

Labels = dict[str, Any]


@dataclass(frozen=True)
class Encoded:
    """Sample as stored in its shard.

    Attributes:
        key: its key.
        members: bytes by member name without the key, such as "map.png".
        labels: content of its json.
        shard: name of its shard, such as "train-000000".
    """

    key: str
    members: Members = field(repr=False)
    labels: Labels
    shard: str

    def member(self, role: str) -> tuple[bytes, str]:
        """Returns bytes and suffix (such as "jpg") of the member with a role: masked, gt, map or parts.

        Raises:
            InputError: the sample has no such member.
        """
        for name, data in self.members.items():
            if name.startswith(f"{role}."):
                return data, name.split(".")[-1]
        raise InputError(f"{self.key}: the sample has no {role}; found {', '.join(sorted(self.members))}")

    def decode(self) -> shards.Sample:
        """Decodes images, map and parts.

        Raises:
            InputError: a member is missing or cannot be decoded.
        """
        try:
            return shards.decode(self.members)
        except InputError as error:
            raise InputError(f"{self.key}: {error}. Run unmask verify on the data set") from error


@dataclass(frozen=True)
class Skipped:
    """Photo without a sample.

    Attributes:
        id: id of the photo in its source.
        reason: one of the words in docs/commands.md, such as "no_face".
        detail: more about the reason.
        split: the split to which it was assigned.
    """

    id: str
    reason: str
    detail: str = ""
    split: str = ""


@dataclass(frozen=True)
class DataSet:
    """Data set whose records were read; the shards are read on request.

    Attributes:
        folder: folder of the data set.
        about: content of `dataset.json`; empty until the data set is complete.
        records: the finished shards, sorted by name.
    """

    folder: Path
    about: dict[str, Any]
    records: tuple[ShardReport, ...]

    @property
    def name(self) -> str:
        """Name of the folder."""
        return self.folder.resolve().name

    @property
    def count(self) -> int:
        """Number of samples in all finished shards."""
        return sum(record.count for record in self.records)

    @property
    def skipped(self) -> Counter[str]:
        """Number of skipped photos by reason."""
        return sum((Counter(record.skipped) for record in self.records), Counter())

    def skips(self) -> Iterator[Skipped]:
        """Yields every skipped photo in the records."""
        for record in self.records:
            for photo, reason, detail in record.skips:
                yield Skipped(photo, reason, detail, record.split)

    def samples(self, keys: Collection[str] | None = None, *, split: str = "") -> Iterator[Encoded]:
        """Yields samples, ordered by shard and key.

        Args:
            keys: only samples with these keys; None for all.
            split: only samples of this split; "" for all.

        Raises:
            InputError: a shard or a sample's labels cannot be read.
        """
        for record in self.records:
            if not split or split == record.split:
                for sample in self._read(record):
                    if keys is None or sample.key in keys:
                        yield sample

    def labels(self, limit: int) -> dict[str, Labels]:
        """Returns labels by key, in hash order.

        Args:
            limit: whole shards are read, in hash order, until there are so many labels.

        Raises:
            InputError: a shard or a sample's labels cannot be read.
        """
        found: dict[str, Labels] = {}
        for record in sorted(self.records, key=lambda record: hash64("labels", record.name)):
            if len(found) >= limit:
                break
            found.update((sample.key, sample.labels) for sample in self._read(record))
        return {key: found[key] for key in sorted(found, key=lambda key: hash64("labels", key))}

    def _read(self, record: ShardReport) -> Iterator[Encoded]:
        if record.count:
            for key, members in shards.read_shard(self.folder / f"{record.name}.tar"):
                yield Encoded(key, members, _read_labels(key, members), record.name)


def open_data_set(folder: str | Path) -> DataSet:
    """Finds the finished shards of a folder.

    Args:
        folder: folder of the data set.

    Returns:
        The data set, for reading samples, labels and skipped photos.

    Raises:
        InputError: the folder is missing, or holds no record of a shard.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(
            f"{folder}: no such folder; give the folder of a data set, the one with the .tar files in it"
        )
    found = (read_record(folder, name) for name in record_names(folder))
    records = tuple(record for record in found if record is not None)
    if not records:
        raise InputError(
            f"{folder}: found no finished shard (a .tar with its record in {RECORDS}/); make some with "
            f"unmask gen-data, or copy {RECORDS}/ as well"
        )
    return DataSet(folder, _read_about(folder / FACTS), records)


def _read_about(path: Path) -> dict[str, Any]:
    try:
        return parse_facts(read_regular_file(path, JSON_BYTES))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path}: cannot be read ({reason_of(error)}); make it again with the same unmask gen-data"
        ) from error


def _read_labels(key: str, members: Members) -> Labels:
    try:
        labels = parse_json(members["json"])
    except (KeyError, ValueError) as error:
        raise InputError(
            f"{key}: the sample's labels cannot be read ({error!r}). Run unmask verify on the data set"
        ) from error
    odd = odd_labels(labels)
    if odd:
        raise InputError(
            f"{key}: the sample's labels are not ours, look at {', '.join(odd)}. Run unmask verify on the data set"
        )
    return labels


def worn(labels: Labels) -> dict[str, Any]:
    """Returns the mask labels of the first face: family, texture, colour, strength, wear.

    A face without a mask has the family `bare`. A packed sample, whose faces are unknown, has the family `none`.
    """
    nothing = {"family": "none", "texture": "", "colour": "", "strength": 0.0, "wear": "correct"}
    return labels["faces"][0]["mask"] if labels["faces"] else nothing


def posed(labels: Labels) -> tuple[float, float, float]:
    """Returns yaw, pitch and roll of the first face in degrees."""
    pose = labels["faces"][0]["pose"] if labels["faces"] else {"yaw": 0.0, "pitch": 0.0, "roll": 0.0}
    return pose["yaw"], pose["pitch"], pose["roll"]


def mask_name(mask: dict[str, Any]) -> str:
    """Joins family and texture to one name, without the texture `plain`."""
    return f"{mask['family']} {'' if mask['texture'] == 'plain' else mask['texture']}".strip()
