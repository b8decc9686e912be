"""Source photos missing from a data set: missing shards, photos without a sample, and their identities."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

from maskgen.dataset.folder import DataSetFolder
from maskgen.dataset.reader import DataSet, Encoded
from maskgen.errors import UsageError
from maskgen.sources import person_name
from maskgen.sources.layouts import person

NAMED = 3  # number of shards that a warning lists by name


@dataclass(frozen=True)
class Design:
    """Intended content of a data set, from `dataset.json` or, before that is written, from the plan of its runs.

    Attributes:
        settings: section -> key -> value; empty if there is neither file.
        shards: name, split and number of photos of each shard; None if there is neither file.
    """

    settings: dict[str, Any]
    shards: tuple[tuple[str, str, int], ...] | None

    @property
    def people(self) -> Literal["auto", "folders"]:
        """How identities were inferred from the source: `source.people`."""
        return "folders" if self.settings.get("source", {}).get("people") == "folders" else "auto"

    @property
    def strangers(self) -> bool:
        """Whether the data set can hold crops of faces other than a photo's main face."""
        every = self.settings.get("faces", {}).get("choose", "all") == "all"
        return every and self.settings.get("crop", {}).get("size") != 0


def read_design(data: DataSet) -> Design:
    """Reads the intended content of a data set; an unreadable plan counts as missing."""
    if data.about:
        shards = data.about.get("shards", [])
        planned = tuple(
            (shard["name"], shard["split"], shard["photos"])
            for shard in shards
            if {"name", "split", "photos"} <= shard.keys()
        )
        return Design(data.about.get("settings", {}), planned)
    try:
        plan = DataSetFolder(data.folder).read_plan()
    except UsageError:
        plan = None
    if plan is None:
        return Design({}, None)
    return Design(
        dict(plan.settings), tuple((shard.name, shard.split, shard.photos) for shard in plan.shards)
    )


def warn_of_absent(data: DataSet, design: Design, split: str) -> tuple[str, ...]:
    """Warns if shards of a split ("" for all) are missing, or if that cannot be known."""
    if design.shards is None:
        return (
            f"{data.folder}: has neither dataset.json nor a plan, so it is a part of a data set, or unfinished; "
            "what is missing is in no table here",
        )
    there = {record.name for record in data.records}
    absent = [(name, photos) for name, of, photos in design.shards if name not in there and split in ("", of)]
    if not absent:
        return ()
    count, planned = len(absent), sum(split in ("", of) for _, of, _ in design.shards)
    names = ", ".join(name for name, _ in absent[:NAMED])
    more = f" and {count - NAMED} more" if count > NAMED else ""
    return (
        f"{data.folder}: is not finished: {count:,} of {planned:,} shards are not there ({names}{more}); "
        f"their {sum(photos for _, photos in absent):,} photos are neither among the files nor in skipped.csv. "
        "Finish it with the same unmask gen-data, without --shards",
    )


def who_by_path(known: Iterable[tuple[str, str]], people: Literal["auto", "folders"]) -> Callable[[str], str]:
    """Infers the identities of photos without a sample by the rule that gave the others' identities; "" if unknown.

    Args:
        known: (photo, identity) pairs of the photos with a sample. If the identities do not follow from the paths, they
            came from a list (CelebA's or a clip's), and a photo that is in no list has no known identity. Crops of
            strangers carry no identity, so named pairs decide where there are any.
        people: the data set's `source.people`.
    """
    pairs = set(known)
    named = {pair for pair in pairs if pair[1]} or pairs
    by_path = all(person(photo, people) == person_name(identity) for photo, identity in named)
    return lambda photo: person(photo, people) if by_path else ""


def find_strangers(samples: Iterable[Encoded], design: Design) -> set[str]:
    """Finds the samples that show another face than the photo's main one: no identity, though the photo has one.

    A photo's identity comes from another sample of the photo, or else from its path: the main face may have no sample.
    """
    people = {
        (sample.key, str(sample.labels["source"]), str(sample.labels["identity"])) for sample in samples
    }
    identified = {photo for _, photo, who in people if who}
    by_path = who_by_path(((photo, who) for _, photo, who in people), design.people)
    return {key for key, photo, who in people if not who and (photo in identified or by_path(photo))}
