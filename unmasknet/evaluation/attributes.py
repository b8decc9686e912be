"""Attributes of the people in the samples of a data set: as their source states them, and the measured skin tone."""

from collections.abc import Sequence

from maskgen.dataset.attributes import TONE, Attributes, AttributesOf, read_attributes
from maskgen.dataset.reader import DataSet
from maskgen.dataset.skin_tone import tone_class, tone_of

__all__ = ["Attributes", "AttributesOf", "attributes_by_key", "read_attributes"]


def attributes_by_key(
    data: DataSet, split: str, keys: Sequence[str], by: Sequence[str]
) -> tuple[dict[str, Attributes], tuple[str, ...]]:
    """Reads or measures the attributes of samples.

    Args:
        data: the data set.
        split: split of the samples; "" for all.
        keys: keys of the samples.
        by: "utkface", paths of tables, and "tone", as `--by` names them.

    Returns:
        key -> attributes, without those that are unknown; and warnings, one line each.

    Raises:
        InputError: a table, a shard or a sample cannot be read.
        UsageError: two tables state the same attribute.
    """
    if not by:
        return {}, ()
    of_photo = read_attributes(by)
    found: dict[str, Attributes] = {}
    for sample in data.samples(set(keys), split=split):
        found[sample.key] = dict(of_photo(str(sample.labels["source"])))
        if TONE in by and (tone := tone_of(sample)) is not None:
            found[sample.key] = {**found[sample.key], TONE: tone_class(tone.ita)}
    names = {name for one in found.values() for name in one}
    warnings = []
    if found and not names - {TONE} and (tables := [name for name in by if name != TONE]):
        warnings.append(
            f"--by {', '.join(tables)}: states nothing about the {len(found):,} samples scored here"
        )
    if found and TONE in by and TONE not in names:
        warnings.append("--by tone: no skin tone could be measured in these samples")
    return found, tuple(warnings)
