"""Tables beside the files: `samples.csv` with the labels, `skipped.csv` with the photos that gave no sample."""

from collections.abc import Callable

from maskgen.dataset.reader import DataSet, Encoded, posed, worn

TABLE, MISSING = "samples.csv", "skipped.csv"
COLUMNS = ["file", "key", "source", "identity", "split", "family", "texture", "colour", "strength", "wear"]
COLUMNS += ["yaw", "pitch", "roll", "hole", "valid"]
MISSING_COLUMNS = ["source", "identity", "split", "reason", "detail"]


def sample_row(name: str, sample: Encoded) -> list[object]:
    """Returns the row of `samples.csv` for a sample whose most important file has this name."""
    labels, mask = sample.labels, worn(sample.labels)
    texts = [name, sample.key, labels["source"], labels["identity"], labels["split"]]
    mask_texts = [mask["family"], mask["texture"], mask["colour"], mask["strength"], mask["wear"]]
    return [*texts, *mask_texts, *posed(labels), labels["hole"], labels["valid"]]


def missing_rows(data: DataSet, split: str, who: Callable[[str], str]) -> list[list[object]]:
    """Returns the rows of `skipped.csv`.

    Args:
        data: the data set.
        split: only photos of this split; "" for all.
        who: gives the identity of a photo, by the photo's id.
    """
    return [
        [skip.id, who(skip.id), skip.split, skip.reason, skip.detail]
        for skip in data.skips()
        if split in ("", skip.split)
    ]
