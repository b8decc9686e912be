"""Assignment of photos to splits and shards.

The photos are ordered by a seeded hash of their ids, split by person, and divided into shards. Byte-identical photos
count as one photo: they are in one split, or all but one of them are left out (`source.duplicates`).

Loader workers need a shard each, so a split gets at least `shards.readers` shards where it has photos enough.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

from maskgen.dataset.plan import Entry, Plan, ShardPlan
from maskgen.dataset.shard_record import SPLITS
from maskgen.errors import InputError
from maskgen.seeds import hash64
from maskgen.settings import GenSettings, ShardSettings, SourceSettings
from maskgen.sources import key_base
from maskgen.types import PhotoRef

FEWEST = 4  # photos of a shard that `readers` asks for: if one in three gives no sample, 1 such shard in 80 stays empty
Copies = Mapping[str, str]  # id of a photo that has the same bytes as another one -> hash of these bytes


class Wanted:
    """Request of a run: photos and settings. What needs a look at all photos is computed when it is first needed.

    Attributes:
        blank: source, settings and versions of the data set, without shards.
    """

    def __init__(
        self,
        blank: Plan,
        refs: Sequence[PhotoRef],
        settings: GenSettings,
        find_copies: Callable[[], Copies] = dict,
    ) -> None:
        """Holds the photos.

        Args:
            blank: the plan without shards.
            refs: all photos of the source.
            settings: number of photos, split, shard size, seed.
            find_copies: finds the photos with the same bytes; called at most once, and only to assign photos.
        """
        self.blank = blank
        self._refs, self._settings, self._find_copies = refs, settings, find_copies

    @cached_property
    def copies(self) -> Copies:
        """Hashes of the photos that have the same bytes as another one."""
        return self._find_copies()

    @cached_property
    def ids(self) -> set[str]:
        """Ids of the photos of a new data set."""
        return {ref.id for ref in choose(self.blank, self._refs, self._settings)}

    @cached_property
    def plan(self) -> Plan:
        """Plan of a new data set."""
        return self.extend(self.blank)

    def extend(self, plan: Plan) -> Plan:
        """Adds the photos that a plan does not have yet."""
        return extend_plan(plan, self._refs, self._settings, self.copies)


def extend_plan(
    plan: Plan, refs: Sequence[PhotoRef], settings: GenSettings, copies: Copies | None = None
) -> Plan:
    """Adds shards until `n` photos are planned; existing shards stay as they are.

    People stay in their split, even if the source has gained or lost its official split since.

    Args:
        plan: the plan to extend; without shards for a new data set.
        refs: all photos of the source.
        settings: number of photos, split, shard size, seed, what becomes of copies.
        copies: the photos that have the same bytes as another one.

    Returns:
        The extended plan.

    Raises:
        InputError: the official split is asked for, but the source has none, or a person is in two of its splits.
    """
    chosen = choose(plan, refs, settings)
    if not chosen:
        return replace(plan, shards=tuple(replace(shard, settings=plan.hash) for shard in plan.shards))
    official = use_official(refs, settings.source)
    split_of = _split_rule(plan, settings.source, official)
    groups = _group(plan, refs, copies or {}, split_of)
    splits = {ref.id: split_of(ref) for ref in chosen}
    if not official:
        splits |= {ref.id: groups[ref.id].split for ref in chosen if ref.id in groups and not ref.identity}
    drop = settings.source.duplicates == "drop"
    surplus = _surplus(
        [ref for ref in chosen if ref.id in groups], groups, splits, drop=drop, official=official
    )
    bases = {key_base(PhotoRef(name)) for name in plan.ids}
    shards = list(plan.shards)
    for split in SPLITS:
        members = [ref for ref in chosen if splits[ref.id] == split]
        first = sum(shard.split == split for shard in shards)
        for i, photos in enumerate(_divide(members, first, settings.shards, surplus), first):
            shards.append(_shard(f"{split}-{i:06d}", split, photos, bases, surplus))
    return replace(plan, shards=tuple(replace(shard, settings=plan.hash) for shard in shards))


def _divide(
    photos: Sequence[PhotoRef], there: int, settings: ShardSettings, surplus: Collection[str]
) -> list[list[PhotoRef]]:
    """Divides the photos of a split evenly into new shards.

    There are as many shards as `shard_size` needs, or as are wanted for `readers`, if each gets `FEWEST` photos.

    Args:
        photos: the photos to add to the split.
        there: number of shards that the split has already.
        settings: number of photos per shard, number of readers.
        surplus: ids of copies that are left out. They are dealt last, and do not count: else a shard of them alone
            could stay empty.
    """
    kept = [ref for ref in photos if ref.id not in surplus]
    wanted = min(settings.readers - there, len(kept) // FEWEST)
    count = max(-(-len(kept) // settings.shard_size), wanted, min(len(photos), 1))
    dealt = kept + [ref for ref in photos if ref.id in surplus]
    return [dealt[i::count] for i in range(count)]


def choose(plan: Plan, refs: Sequence[PhotoRef], settings: GenSettings) -> list[PhotoRef]:
    """Chooses the photos to add to a plan, in the seeded order, until it has `n`."""
    taken = plan.ids
    rest = sorted(
        (ref for ref in refs if ref.id not in taken), key=lambda ref: (hash64(settings.seed, ref.id), ref.id)
    )
    limit = len(rest) if settings.source.n is None else max(settings.source.n - len(taken), 0)
    return rest[:limit]


def _split_rule(plan: Plan, settings: SourceSettings, official: bool) -> Callable[[PhotoRef], str]:
    """Returns the function that computes a photo's split, without regard to copies."""
    known = {ref.identity: shard.split for shard in plan.shards for ref in shard.refs if ref.identity}

    def split_of(ref: PhotoRef) -> str:
        return known.get(ref.identity) or (ref.split if official else hash_split(ref, settings))

    return split_of


@dataclass(frozen=True)
class _Group:
    """Photos with the same bytes.

    Attributes:
        digest: hash of the bytes.
        split: the split of those whose person is unknown.
        planned: id of one of them that is planned already; "" if there is none.
    """

    digest: str
    split: str
    planned: str


def _group(
    plan: Plan, refs: Sequence[PhotoRef], copies: Copies, split_of: Callable[[PhotoRef], str]
) -> dict[str, _Group]:
    """Groups the photos with the same bytes: id of a photo -> its group.

    A group is where one of its photos is already; else where its person is, the first by name if it has several; else
    where its first photo by id would be. All photos of the source decide, not only those taken: so the groups of all
    data sets of a source are in the same splits.
    """
    members = defaultdict[str, list[PhotoRef]](list)
    for ref in refs:
        if ref.id in copies:
            members[copies[ref.id]].append(ref)
    planned: dict[str, tuple[str, str]] = {}
    for shard in plan.shards:
        for ref in shard.refs:
            if ref.id in copies:
                planned.setdefault(copies[ref.id], (ref.id, shard.split))
    groups: dict[str, _Group] = {}
    for digest, alike in members.items():
        first = min(alike, key=lambda ref: (not ref.identity, ref.identity, ref.id))
        there, split = planned.get(digest, ("", split_of(first)))
        groups.update(dict.fromkeys((ref.id for ref in alike), _Group(digest, split, there)))
    return groups


def _surplus(
    chosen: Sequence[PhotoRef],
    groups: Mapping[str, _Group],
    splits: Mapping[str, str],
    *,
    drop: bool,
    official: bool,
) -> dict[str, Entry]:
    """Finds the copies to leave out: id -> entry of the skipped photo.

    These are all copies but one, if copies are dropped. If they are kept, these are copies under the name of another
    person whose photos are in another split: otherwise the photo or the person would be in two splits.
    """
    surplus: dict[str, Entry] = {}
    kept: dict[str, str] = {}
    # The one to keep of dropped copies is in the group's split, and its person is known if any is.
    for ref in sorted(chosen, key=lambda ref: (splits[ref.id] != groups[ref.id].split, not ref.identity)):
        group = groups[ref.id]
        other = group.planned or kept.get(group.digest, "")
        if drop and other:
            surplus[ref.id] = (ref.id, "duplicate", f"the same bytes as {other}")
        elif splits[ref.id] != group.split and not official:
            surplus[ref.id] = (
                ref.id,
                "duplicate",
                f"the same bytes as {other or 'a photo'} of another person, in {group.split}",
            )
        else:
            kept.setdefault(group.digest, ref.id)
    return surplus


def _shard(
    name: str, split: str, photos: Iterable[PhotoRef], bases: set[str], surplus: Mapping[str, Entry]
) -> ShardPlan:
    """Plans a shard; skips surplus copies and photos whose key is taken, and adds the keys of the others to `bases`."""
    refs, skips = [], list[Entry]()
    for base, ref in sorted(((key_base(ref), ref) for ref in photos), key=lambda pair: (pair[0], pair[1].id)):
        if ref.id in surplus:
            skips.append(surplus[ref.id])
        elif base in bases:
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
