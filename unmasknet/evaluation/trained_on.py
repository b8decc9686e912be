"""Answer to whether the scored samples were trained on, by what the weights record about their training data."""

from collections.abc import Iterable, Mapping
from typing import Literal

from maskgen.dataset.reader import DataSet
from maskgen.reading import parse_json
from unmasknet.data.shard_list import short_digest
from unmasknet.models.released import LEARNT_FROM

# yes: some of the shards; maybe: photos of a source that was trained on, with other masks; unknown: not recorded.
Answer = Literal["yes", "maybe", "unknown", "no"]
ORDER: tuple[Answer, ...] = ("yes", "maybe", "unknown", "no")


def trained_on(data: DataSet, split: str, networks: Iterable[Mapping[str, str]]) -> Answer | None:
    """Tells whether networks were trained on the samples of a split.

    Sources are compared by name: the same photos in a folder of another name are taken for another source.

    Args:
        data: the data set that is scored.
        split: its split.
        networks: the metadata of each network's weights.

    Returns:
        The least favourable answer of all networks; None without networks.
    """
    shards = {short_digest(record.sha256) for record in data.records if record.split == split}
    source = str(data.about.get("source", ""))
    answers = {_answer(shards, source, split, facts) for facts in networks}
    return next((answer for answer in ORDER if answer in answers), None)


def _answer(shards: set[str], source: str, split: str, facts: Mapping[str, str]) -> Answer:
    recorded = _recorded(facts)
    if shards & set(recorded["shards"]):
        return "yes"
    if split != recorded["split"]:
        return "no"
    if source and source in recorded["sources"]:
        return "maybe"
    return "no" if recorded["sources"] and source else "unknown"


def _recorded(facts: Mapping[str, str]) -> dict[str, list[str] | str]:
    """Reads what weights record: digests of shards, their split, the names of their sources; empty if not recorded."""
    try:
        found = parse_json(facts.get("trained_on", ""))
    except ValueError:
        found = None
    found = found if isinstance(found, dict) else {}
    texts = {name: _texts(found.get(name)) for name in ("shards", "sources")}
    texts["sources"] = texts["sources"] or list(LEARNT_FROM.get(facts.get("data", ""), ()))
    return {**texts, "split": str(found.get("split") or "train")}


def _texts(value: object) -> list[str]:
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []


def warning_of(answer: Answer | None, split: str) -> list[str]:
    """Warns of scores on samples that were trained on, or may have been.

    Args:
        answer: of `trained_on`.
        split: the split that is scored.

    Returns:
        One line, or none.
    """
    if answer == "yes":
        return ["the networks were trained on these samples: the scores do not hold for unseen people"]
    if split != "train":
        return []
    if answer == "maybe":
        return [
            "the networks were trained on photos of the same source, perhaps on these with other masks: the scores do "
            "not hold for unseen people"
        ]
    if answer == "unknown":
        return [
            f"it is unknown whether the networks were trained on these samples (split {split}): the weights or the "
            "data set do not say from which photos they come"
        ]
    return []
