"""Warnings about the splits of a data set: people and photos in two of them, nothing to train on."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from maskgen.dataset.plan import Plan
from maskgen.dataset.shard_record import ShardReport
from maskgen.settings import GenSettings
from maskgen.types import PhotoRef

# What `CopyCount` gives for a data set without copies; for a data set that is not complete, too.
NO_COPIES: Mapping[str, Any] = {
    "identical": {"photos": 0, "across_splits": 0},
    "near": {"pairs": 0, "across_splits": 0, "examples": []},
    "unknown": 0,
}


def warn_of_people(refs: Sequence[PhotoRef], settings: GenSettings, copies: Mapping[str, Any]) -> list[str]:
    """Warns if identities of some photos are unknown, so that splits may share people."""
    unknown = [ref.id for ref in refs if not ref.identity]
    if len(refs) < 2 or not unknown:
        return []
    shared = copies["identical"]["across_splits"]
    effect = f"train, val and test {'' if shared else 'share no photo, but '}may share people"
    whose = "its photos" if len(unknown) == len(refs) else f"{len(unknown):,} of its {len(refs):,} photos"
    if settings.source.people == "folders":
        names = ", ".join(unknown[:3]) + (", ..." if len(unknown) > 3 else "")
        why = "" if any("/" in name for name in unknown) else ", in no folder"
        return [f"--people folders does not say who is on {whose} ({names}{why}): {effect}"]
    hint = (
        "; if each person has a folder, --people folders says so"
        if any("/" in ref.id for ref in refs)
        else ""
    )
    return [f"the source does not say who is on {whose}: {effect}{hint}"]


def warn_of_splits(plan: Plan, reports: Sequence[ShardReport]) -> list[str]:
    """Warns if there is nothing to train on.

    Args:
        plan: the whole data set.
        reports: records of this run's shards.
    """
    photos: Counter[str] = Counter()
    for shard in plan.shards:
        photos[shard.split] += shard.photos
    if photos and "train" not in photos:
        people = sorted({ref.identity for shard in plan.shards for ref in shard.refs})
        who = f": they are of one person, {people[0]}" if len(people) == 1 and people[0] else ""
        shares = " ".join(f"--set source.{split}=0" for split in sorted(photos))
        return [
            f"all {sum(photos.values()):,} photos are in the split {' or '.join(sorted(photos))}, none in train{who}. "
            f"Nothing can be trained on this. With {shares} (for `unmask pack` without `source.`) and another --out, "
            "they go to train"
        ]
    made: Counter[str] = Counter()
    for report in reports:
        made[report.split] += report.count
    others = made["val"] + made["test"]
    if len(reports) == len(plan.shards) and others and not made["train"]:
        return [
            f"no photo of the split train gave a triplet, {others:,} came from the other splits: nothing can be "
            "trained on this. The report lists the reasons under skipped"
        ]
    return []


def warn_of_copies(copies: Mapping[str, Any]) -> list[str]:
    """Warns of copies of one photo in two splits."""
    lines = []
    if shared := copies["identical"]["across_splits"]:
        lines.append(
            f"{shared:,} photos are in two splits, under other names with the same bytes: the source's official split "
            "has them there, or an older version began this data set. --duplicates drop, in another --out, leaves one "
            "of each"
        )
    if shared := copies["near"]["across_splits"]:
        one, other = copies["near"]["examples"][0]
        lines.append(
            f"in two splits: {shared:,} pair{'s'[: shared != 1]} of photos that look alike, such as {one} and {other}: "
            "re-encoded or resized copies, or shots of one moment. The card README.md lists them"
        )
    return lines
