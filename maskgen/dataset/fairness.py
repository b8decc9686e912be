"""Facts about the groups of people in a data set, for `dataset.json`: the yield by group, and the skin tones."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from maskgen.dataset.attributes import TONE, AttributeSource, merged, read_source
from maskgen.dataset.plan import Plan
from maskgen.dataset.reader import DataSet
from maskgen.dataset.shard_record import ShardReport
from maskgen.dataset.skin_tone import CLASSES, tone_class, tone_of
from maskgen.dataset.yields import LEFT_OUT, UNKNOWN, YieldCount, odd_attributes

Facts = dict[str, Any]


@dataclass(frozen=True)
class GroupFacts:
    """Function that describes the groups of people in a complete data set.

    Attributes:
        out: folder of the data set.
        sources: what states the attributes of the photos.
        tones: whether to measure skin tones, which reads all shards.
        notes: warnings about what could not be used.
    """

    out: Path
    sources: tuple[AttributeSource, ...]
    tones: bool = False
    notes: tuple[str, ...] = ()

    def __call__(self, plan: Plan, reports: Sequence[ShardReport]) -> Facts:
        """Counts the groups.

        Args:
            plan: plan of the data set.
            reports: the records of all planned shards, in its order.

        Returns:
            `by_group`: see `YieldCount.result`; `tones`: see `count_tones`. What is not known is left out.

        Raises:
            InputError: a shard cannot be read.
        """
        count = YieldCount(merged(self.sources))
        for shard, report in zip(plan.shards, reports, strict=True):
            count.add(shard.ids, report.skips)
        by_group = count.result()
        facts: Facts = {"by_group": by_group} if by_group else {}
        if self.tones:
            facts["tones"] = count_tones(DataSet(self.out, {}, tuple(reports)))
        return facts


def count_tones(data: DataSet) -> dict[str, int]:
    """Counts the skin tones of the photos, by the first sample of each.

    Photos without a sample are not counted: where no face was found, no skin can be measured.

    Returns:
        class -> number of photos, lightest first; "unknown" where no tone could be measured.

    Raises:
        InputError: a shard cannot be read.
    """
    counts: Counter[str] = Counter()
    seen: set[str] = set()
    for sample in data.samples():
        photo = str(sample.labels["source"])
        if photo not in seen:
            seen.add(photo)
            tone = tone_of(sample)
            counts[UNKNOWN if tone is None else tone_class(tone.ita)] += 1
    return {name: counts[name] for name, _ in (*CLASSES, (UNKNOWN, 0.0))}


def stated_groups(facts: Mapping[str, Any]) -> Facts:
    """Returns the part of `dataset.json` that `GroupFacts` wrote."""
    return {name: facts[name] for name in ("by_group", "tones") if name in facts}


def odd_groups(facts: Mapping[str, Any], reports: Iterable[ShardReport]) -> list[str]:
    """Lists the attributes in `dataset.json` whose numbers do not follow from their counts, or from the records.

    Args:
        facts: content of `dataset.json`.
        reports: the records of all shards.
    """
    photos = made = 0
    for report in reports:
        photos += report.photos - sum(report.skipped.get(reason, 0) for reason in LEFT_OUT)
        made += report.photos - sum(report.skipped.values())
    odd = odd_attributes(facts.get("by_group", {}), photos, made)
    return odd + ["tones"] * ("tones" in facts and sum(facts["tones"].values()) != made)


def choose_sources(by: Sequence[str], stated: Sequence[AttributeSource]) -> tuple[AttributeSource, ...]:
    """Opens the sources of attributes that `by` names; without any, those that the photos' own source states.

    Raises:
        InputError: a file cannot be read, or is malformed.
        UsageError: two sources state the same attribute.
    """
    named = [name for name in by if name != TONE]
    sources = tuple(read_source(name) for name in named) if named else tuple(stated)
    merged(sources)
    return sources
