"""Attributes of the people in the samples of a data set: as their source states them, and the measured skin tone."""

from collections.abc import Sequence

from maskgen.dataset.attributes import TONE, Attributes, AttributesOf, read_attributes
from maskgen.dataset.reader import DataSet, Encoded
from maskgen.dataset.skin_tone import mask_lightness, tone_class, tone_of

__all__ = [
    "SKIN_AND_MASK",
    "Attributes",
    "AttributesOf",
    "attributes_by_key",
    "read_attributes",
    "skins_and_masks",
]

SKIN_AND_MASK = (
    "skin and mask"  # attribute: whether a dark mask on dark skin fares otherwise than a light one
)
SKINS = (
    (41.0, "light skin"),
    (10.0, "medium skin"),
    (-90.0, "dark skin"),
)  # ITA in degrees above which each begins
MASKS = ((65.0, "light mask"), (35.0, "medium mask"), (-1.0, "dark mask"))  # the same in L* of the mask


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
        if TONE in by:
            found[sample.key] = {**found[sample.key], **_measured(sample)}
    names = {name for one in found.values() for name in one}
    warnings = []
    if found and not names - {TONE, SKIN_AND_MASK} and (tables := [name for name in by if name != TONE]):
        warnings.append(
            f"--by {', '.join(tables)}: states nothing about the {len(found):,} samples scored here"
        )
    if found and TONE in by and TONE not in names:
        warnings.append("--by tone: no skin tone could be measured in these samples")
    return found, tuple(warnings)


def skins_and_masks() -> list[str]:
    """Lists the groups of the attribute `SKIN_AND_MASK`, light before dark."""
    return [f"{skin}, {mask}" for _, skin in SKINS for _, mask in MASKS]


def _measured(sample: Encoded) -> Attributes:
    """Measures the skin tone of a sample, and the mask's lightness on it; empty where they cannot be measured."""
    tone = tone_of(sample)
    if tone is None:
        return {}
    found = {TONE: tone_class(tone.ita)}
    lightness = mask_lightness(sample)
    if lightness is not None:
        skin, mask = (
            next(name for above, name in classes if value > above)
            for classes, value in ((SKINS, tone.ita), (MASKS, lightness))
        )
        found[SKIN_AND_MASK] = f"{skin}, {mask}"
    return found
