"""Plan of a data set: its shards and their photos. Made once by `assign`, stored in `.work/plan.json`."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from maskgen.dataset.shard_record import SHARD_NAME, SPLITS
from maskgen.errors import UsageError
from maskgen.files import write_atomic
from maskgen.reading import JSON_BYTES, parse_json, read_regular_file, reason_of
from maskgen.seeds import hash64
from maskgen.settings import GenSettings
from maskgen.types import PhotoRef

FORMAT = (
    2  # version of the samples, of plan.json and of dataset.json; the content of records is as in format 1
)
READABLE = (1, FORMAT)  # of data sets that are read; only those of `FORMAT` are resumed
Entry = tuple[str, str, str]  # id, reason, detail of a skipped photo


@dataclass(frozen=True)
class ShardPlan:
    """Plan of one shard, which is one job.

    Attributes:
        name: such as "train-000000".
        split: "train", "val" or "test".
        refs: its photos, in the order of their keys.
        skips: photos that are skipped without being opened.
        settings: hash of settings and versions, for the record.
    """

    name: str
    split: str
    refs: tuple[PhotoRef, ...]
    skips: tuple[Entry, ...] = ()
    settings: str = ""

    @property
    def photos(self) -> int:
        """Number of photos, including skipped ones."""
        return len(self.refs) + len(self.skips)

    @property
    def ids(self) -> list[str]:
        """Ids of all photos, including skipped ones."""
        return [ref.id for ref in self.refs] + [entry[0] for entry in self.skips]

    def without(self, entry: Entry) -> "ShardPlan":
        """Returns the same shard with one more photo skipped."""
        rest = tuple(ref for ref in self.refs if ref.id != entry[0])
        return replace(self, refs=rest, skips=tuple(sorted((*self.skips, entry))))


@dataclass(frozen=True)
class Plan:
    """Plan of a data set: its shards, and everything that their bytes depend on.

    Attributes:
        source: slug of the source.
        terms: terms of use of the source.
        settings: the resolved settings that affect the bytes, section -> key -> value; without paths of this machine.
        versions: versions of the libraries, the landmark backend and the templates.
        shards: the planned shards.
        format: version of the format in which the samples are written.
    """

    source: str
    terms: str
    settings: Mapping[str, Any]
    versions: Mapping[str, str]
    shards: tuple[ShardPlan, ...] = ()
    format: int = FORMAT

    @property
    def hash(self) -> str:
        """Hash, 16 hex digits, of everything that the bytes of a sample depend on."""
        facts = {
            "format": self.format,
            "source": self.source,
            "settings": self.settings,
            "versions": self.versions,
        }
        return f"{hash64(json.dumps(facts, sort_keys=True)):016x}"

    @property
    def ids(self) -> set[str]:
        """Ids of all planned photos."""
        return {name for shard in self.shards for name in shard.ids}


def data_settings(settings: GenSettings) -> dict[str, Any]:
    """Returns the settings that affect the bytes: no paths, no number of photos, no settings of the run."""
    facts = settings.model_dump(
        mode="json",
        exclude={
            "run": True,
            "source": {"src", "root", "n"},
            "faces": {"cache", "models"},
            "masks": {"templates", "pictures"},
        },
    )
    if settings.source.duplicates == "keep":  # data sets from before this setting have no entry
        del facts["source"]["duplicates"]
    return facts


def differences(old: Plan, new: Plan) -> list[str]:
    """Lists the differences that affect bytes, one line each."""
    before, after = _flat(old), _flat(new)
    return [
        f"{name}: {before.get(name, 'nothing')} there, {after.get(name, 'nothing')} now"
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    ]


def _flat(plan: Plan) -> dict[str, Any]:
    flat: dict[str, Any] = {"format": plan.format, "source": plan.source}
    for name, value in plan.settings.items():
        inner = value.items() if isinstance(value, Mapping) else [("", value)]
        flat.update({f"{name}.{key}".rstrip("."): entry for key, entry in inner})
    return flat | {f"version of {name}": version for name, version in plan.versions.items()}


def save_plan(path: Path, plan: Plan) -> None:
    """Saves a plan, with only the ids of photos; the source has the rest."""
    shards = [
        {
            "name": shard.name,
            "split": shard.split,
            "ids": [ref.id for ref in shard.refs],
            "skips": shard.skips,
        }
        for shard in plan.shards
    ]
    facts = {
        "format": plan.format,
        "source": plan.source,
        "terms": plan.terms,
        "settings": plan.settings,
        "versions": plan.versions,
        "shards": shards,
    }
    write_atomic(path, json.dumps(facts, indent=1, sort_keys=True).encode("ascii") + b"\n")


def load_plan(path: Path) -> Plan | None:
    """Loads a saved plan; None if the file is missing. Its photos have only ids; `with_refs` adds the rest.

    Raises:
        UsageError: the file is damaged, or in an unknown version of the format.
    """
    try:
        facts = parse_json(read_regular_file(path, JSON_BYTES))
        if facts["format"] not in READABLE:
            known = " and ".join(map(str, READABLE))
            raise UsageError(
                f"{path}: is of format {facts['format']}, this version knows {known}; use another --out"
            )
        _check(facts)
        plan = Plan(
            facts["source"], facts["terms"], facts["settings"], facts["versions"], format=facts["format"]
        )
        shards = tuple(
            ShardPlan(
                entry["name"],
                entry["split"],
                tuple(PhotoRef(name) for name in entry["ids"]),
                tuple((i, reason, detail) for i, reason, detail in entry["skips"]),
                plan.hash,
            )
            for entry in facts["shards"]
        )
        return replace(plan, shards=shards)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"{path}: cannot be read ({reason_of(error)}); start anew with --overwrite or another --out"
        ) from error


def _check(facts: Mapping[str, Any]) -> None:
    """Checks the types in a stored plan, and that no name of a shard leads outside the folder.

    Raises:
        ValueError, KeyError, TypeError: a part is missing or of another kind.
    """
    kinds = {"source": str, "terms": str, "settings": dict, "versions": dict, "shards": list}
    wrong = [name for name, kind in kinds.items() if not isinstance(facts[name], kind)]
    if not wrong:
        wrong += ["versions"] * (not _texts(facts["versions"].values()))
        wrong += [f"shard {shard['name']!r}" for shard in facts["shards"] if not _is_shard(shard)]
    names = [str(shard["name"]) for shard in facts["shards"]] if not wrong else []
    if wrong or len(set(names)) < len(names):
        raise ValueError(f"{', '.join(wrong) or 'shards'}: not what this program writes")


def _is_shard(shard: Mapping[str, Any]) -> bool:
    named = SHARD_NAME.fullmatch(str(shard["name"])) and shard["split"] in SPLITS
    return (
        bool(named) and _texts(shard["ids"]) and all(len(one) == 3 and _texts(one) for one in shard["skips"])
    )


def _texts(values: Iterable[object]) -> bool:
    return all(isinstance(value, str) for value in values)


def with_refs(plan: Plan, refs: Sequence[PhotoRef]) -> Plan:
    """Replaces the ids in a plan by the source's references; photos that it no longer lists keep only ids."""
    known = {ref.id: ref for ref in refs}
    shards = (
        replace(shard, refs=tuple(known.get(ref.id, ref) for ref in shard.refs)) for shard in plan.shards
    )
    return replace(plan, shards=tuple(shards))
