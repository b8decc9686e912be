"""Content of `dataset.json`: writing it, and the types in a given one, which other programs and people write too."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from maskgen.dataset.plan import Plan
from maskgen.dataset.shard_record import SPLITS, ShardReport
from maskgen.dataset.yields import GROUP_KINDS
from maskgen.reading import JSON_BYTES, parse_json, read_regular_file

_KINDS = {
    "source": str,
    "terms": str,
    "hash": str,
    "photos": int,
    "triplets": int,
    "skipped": dict,
    "splits": dict,
    "settings": dict,
    "versions": dict,
    "shards": list,
    "by_group": dict,
    "tones": dict,
}
_SHARD = {"name": str, "split": str, "photos": int, "count": int, "bytes": int, "sha256": str}
_SECTIONS = ("source", "faces", "crop", "masks", "shards")


def parse_facts(data: bytes) -> dict[str, Any]:
    """Parses the bytes of a `dataset.json`.

    Args:
        data: its bytes.

    Returns:
        Its content. Keys can be missing or unknown, as another version writes others; the known ones have the types
        that this program writes.

    Raises:
        ValueError: it is not JSON, or not such an object.
    """
    facts = parse_json(data)
    if not isinstance(facts, dict):
        raise ValueError(f"expected a JSON object, found {type(facts).__name__}")
    odd = [name for name, kind in _KINDS.items() if name in facts and type(facts[name]) is not kind]
    if not odd:
        odd = [*_odd_inside(facts)]
    if odd:
        raise ValueError(f"not what this program writes, look at {', '.join(odd)}")
    return facts


def _odd_inside(facts: dict[str, Any]) -> list[str]:
    """Lists the parts of a `dataset.json` whose values are of another type than they must be."""
    settings, splits, counts = (
        facts.get("settings", {}),
        facts.get("splits", {}),
        ("shards", "photos", "triplets"),
    )
    tables: dict[str, list[tuple[Any, type]]] = {
        "settings": [(settings.get(name, {}), dict) for name in _SECTIONS],
        "versions": [(version, str) for version in facts.get("versions", {}).values()],
        "skipped": [(count, int) for count in facts.get("skipped", {}).values()],
        "splits": [(split, dict) for split in splits.values()],
        "shards": [(shard, dict) for shard in facts.get("shards", [])],
        "by_group": [(groups, dict) for groups in facts.get("by_group", {}).values()],
        "tones": [(count, int) for count in facts.get("tones", {}).values()],
    }
    odd = [name for name, pairs in tables.items() if any(type(value) is not kind for value, kind in pairs)]
    if odd:
        return odd
    groups = [group for groups in facts.get("by_group", {}).values() for group in groups.values()]
    inside: dict[str, list[tuple[Any, type]]] = {
        "by_group": [
            (group.get(name) if isinstance(group, dict) else None, kind)
            for group in groups
            for name, kind in GROUP_KINDS.items()
        ],
        "splits": [(split.get(name), int) for split in splits.values() for name in counts],
        "shards": [
            (shard[name], kind) for shard in facts.get("shards", []) for name, kind in _SHARD.items() if name in shard
        ],
    }  # fmt: skip
    return [name for name, pairs in inside.items() if any(type(value) is not kind for value, kind in pairs)]


def is_facts(path: Path) -> bool:
    """Tells whether a `dataset.json` was written by unmask: other programs use that name too."""
    try:
        facts = parse_json(read_regular_file(path, JSON_BYTES))
    except (OSError, ValueError):
        return False
    return isinstance(facts, dict) and {"format", "hash", "settings", "versions", "shards"} <= facts.keys()


def facts_bytes(
    plan: Plan,
    reports: Sequence[ShardReport],
    copies: Mapping[str, Any] | None,
    groups: Mapping[str, Any] | None = None,
) -> bytes:
    """Encodes `dataset.json`. The bytes do not depend on the time, the machine or the number of processes.

    Args:
        plan: source, settings and versions.
        reports: the records of all shards.
        copies: what `CopyCount` finds in them.
        groups: what `GroupFacts` finds: `by_group` and `tones`, where they are known.
    """
    facts = _facts(plan, reports) | ({"copies": copies} if copies else {}) | dict(groups or {})
    return json.dumps(facts, indent=1).encode("ascii") + b"\n"


def _facts(plan: Plan, reports: Sequence[ShardReport]) -> dict[str, Any]:
    skipped: Counter[str] = Counter()
    splits = {split: {"shards": 0, "photos": 0, "triplets": 0} for split in SPLITS}
    for report in reports:
        skipped.update(report.skipped)
        splits[report.split]["shards"] += 1
        splits[report.split]["photos"] += report.photos
        splits[report.split]["triplets"] += report.count
    return {
        "format": plan.format,
        "source": plan.source,
        "terms": plan.terms,
        "hash": plan.hash,
        "photos": sum(report.photos for report in reports),
        "triplets": sum(report.count for report in reports),
        "skipped": dict(sorted(skipped.items())),
        "splits": {split: counts for split, counts in splits.items() if counts["shards"]},
        "settings": dict(plan.settings),
        "versions": dict(plan.versions),
        "shards": [
            {name: value for name, value in asdict(report).items() if name != "prints"} for report in reports
        ],
    }
