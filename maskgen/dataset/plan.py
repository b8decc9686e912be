"""Assignment of photos to shards: made once, stored in `.work/plan.json`, and read by every run that resumes.

The photos are ordered by a seeded hash of their ids, split by identity, and divided into shards. No photo is opened.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from maskgen.dataset.shard_record import SPLITS
from maskgen.errors import InputError, UsageError
from maskgen.files import write_atomic
from maskgen.seeds import hash64
from maskgen.settings import GenSettings, SourceSettings
from maskgen.sources import key_base
from maskgen.types import PhotoRef

FORMAT = 1  # version of plan.json, dataset.json and the records
SHARD_NAME = re.compile(r"(train|val|test)-[0-9]{6,}")
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
    """

    source: str
    terms: str
    settings: Mapping[str, Any]
    versions: Mapping[str, str]
    shards: tuple[ShardPlan, ...] = ()

    @property
    def hash(self) -> str:
        """Hash, 16 hex digits, of everything that the bytes of a sample depend on."""
        facts = {
            "format": FORMAT,
            "source": self.source,
            "settings": self.settings,
            "versions": self.versions,
        }
        return f"{hash64(json.dumps(facts, sort_keys=True)):016x}"

    @property
    def ids(self) -> set[str]:
        """Ids of all planned photos."""
        return {name for shard in self.shards for name in _ids(shard)}


def data_settings(settings: GenSettings) -> dict[str, Any]:
    """Returns the settings that affect the bytes: no paths, no number of photos, no settings of the run."""
    return settings.model_dump(
        mode="json",
        exclude={
            "run": True,
            "source": {"src", "root", "n"},
            "faces": {"cache", "models"},
            "masks": {"templates", "pictures"},
        },
    )


def extend_plan(plan: Plan, refs: Sequence[PhotoRef], settings: GenSettings) -> Plan:
    """Adds shards until `n` photos are planned; existing shards stay as they are.

    People stay in their split, even if the source has gained or lost its official split since.

    Args:
        plan: the plan to extend; without shards for a new data set.
        refs: all photos of the source.
        settings: number of photos, split, shard size, seed.

    Returns:
        The extended plan.

    Raises:
        InputError: the official split is asked for, but the source has none, or a person is in two of its splits.
    """
    taken = plan.ids
    rest = sorted(
        (ref for ref in refs if ref.id not in taken), key=lambda ref: (hash64(settings.seed, ref.id), ref.id)
    )
    limit = len(rest) if settings.source.n is None else max(settings.source.n - len(taken), 0)
    chosen = rest[:limit]
    official = use_official(refs, settings.source)
    bases = {key_base(PhotoRef(name)) for name in taken}
    shards = list(plan.shards)
    known_splits = {ref.identity: shard.split for shard in shards for ref in shard.refs if ref.identity}

    def split_of(ref: PhotoRef) -> str:
        return known_splits.get(ref.identity) or (ref.split if official else hash_split(ref, settings.source))

    for split in SPLITS:
        members = [ref for ref in chosen if split_of(ref) == split]
        first = sum(shard.split == split for shard in shards)
        for i, start in enumerate(range(0, len(members), settings.shards.shard_size), first):
            photos = members[start : start + settings.shards.shard_size]
            shards.append(_shard(f"{split}-{i:06d}", split, photos, bases))
    return replace(plan, shards=tuple(replace(shard, settings=plan.hash) for shard in shards))


def _shard(name: str, split: str, photos: Iterable[PhotoRef], bases: set[str]) -> ShardPlan:
    """Plans a shard; skips photos whose key is taken, and adds the keys of the others to `bases`."""
    refs, skips = [], list[Entry]()
    for base, ref in sorted(((key_base(ref), ref) for ref in photos), key=lambda pair: (pair[0], pair[1].id)):
        if base in bases:
            skips.append((ref.id, "key_collision", f"{base} is another photo's"))
        else:
            bases.add(base)
            refs.append(ref)
    return ShardPlan(name, split, tuple(refs), tuple(sorted(skips)))


def use_official(refs: Sequence[PhotoRef], settings: SourceSettings) -> bool:
    """Tells whether the source's official split is used.

    Raises:
        InputError: it is asked for, but a photo has no split; or a person is in two splits.
    """
    unsplit = next((ref for ref in refs if ref.split not in SPLITS), None)
    if settings.split == "hash" or (settings.split == "auto" and unsplit):
        return False
    if unsplit:
        raise InputError(f"{unsplit.id}: the source gives it no official split; use --split hash")
    splits: dict[str, str] = {}
    for ref in refs:
        if ref.identity and splits.setdefault(ref.identity, ref.split) != ref.split:
            raise InputError(
                f"{ref.identity} is in {splits[ref.identity]} and in {ref.split} of the source's official split; "
                "use --split hash"
            )
    return True


def hash_split(ref: PhotoRef, settings: SourceSettings) -> Literal["train", "val", "test"]:
    """Computes the split of a person, or of a photo without an identity, by hash.

    It does not depend on the seed, so no data set of a source trains on the test photos of another one.
    """
    place = hash64("split", ref.identity or ref.id) / 2**64
    if place < settings.test:
        return "test"
    return "val" if place < settings.test + settings.val else "train"


def differences(old: Plan, new: Plan) -> list[str]:
    """Lists the differences that affect bytes, one line each."""
    before, after = _flat(old), _flat(new)
    return [
        f"{name}: {before.get(name, 'nothing')} there, {after.get(name, 'nothing')} now"
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    ]


def _flat(plan: Plan) -> dict[str, Any]:
    flat: dict[str, Any] = {"source": plan.source}
    for name, value in plan.settings.items():
        inner = value.items() if isinstance(value, Mapping) else [("", value)]
        flat.update({f"{name}.{key}".rstrip("."): entry for key, entry in inner})
    return flat | {f"version of {name}": version for name, version in plan.versions.items()}


def _ids(shard: ShardPlan) -> list[str]:
    return [ref.id for ref in shard.refs] + [entry[0] for entry in shard.skips]


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
        "format": FORMAT,
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
        UsageError: the file is damaged, or in another version of the format.
    """
    try:
        facts = json.loads(path.read_bytes())
        if facts["format"] != FORMAT:
            raise UsageError(
                f"{path}: is of format {facts['format']}, this version knows {FORMAT}; use another --out"
            )
        _check(facts)
        plan = Plan(facts["source"], facts["terms"], facts["settings"], facts["versions"])
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
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise UsageError(
            f"{path}: cannot be read ({error}); start anew with --overwrite or another --out"
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
