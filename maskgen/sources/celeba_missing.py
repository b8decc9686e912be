"""Effects of CelebA's lists that were not found: the photos alone are a valid source, with fewer labels."""

from collections.abc import Iterator, Sequence

from maskgen.sources.celeba import IDENTITIES, PARTITIONS, CelebaSource


def missing_lists(source: CelebaSource, split: str = "auto", landmarks: str = "auto") -> list[str]:
    """Says of each list that was not found what follows from it.

    Args:
        source: CelebA's photos.
        split: the setting `source.split`.
        landmarks: the setting `faces.landmarks`.

    Returns:
        One line per missing list; none for a list that these settings do not use.
    """
    return list(_lines(source.missing, split, landmarks))


def _lines(missing: Sequence[str], split: str, landmarks: str) -> Iterator[str]:
    no_people, no_partition = f"{IDENTITIES}.txt" in missing, f"{PARTITIONS}.txt" in missing
    by_hash = no_partition or split == "hash"
    if no_people and by_hash:
        yield (
            f"CelebA without {IDENTITIES}.txt: `identity` is empty, and photos go to train, val and test one by one, "
            "so the splits may share people"
        )
    elif no_people:
        yield f"CelebA without {IDENTITIES}.txt: `identity` is empty; the official splits are disjoint in people anyway"
    if no_partition and split != "hash":
        whose = "photo" if no_people else "person"
        yield (
            f"CelebA without {PARTITIONS}.txt: the splits are not the official ones, but follow from a hash of each "
            f"{whose}"
        )
    if landmarks == "auto":
        yield from (
            f"CelebA without {name}: faces are searched for; with the list their places are known, which is faster"
            for name in missing
            if "landmarks" in name
        )
