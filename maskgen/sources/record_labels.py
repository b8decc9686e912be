"""Labels of the images in an `.rec` file: from the ranges of keys that it lists by person, or from every record.

If record 0 holds two labels (a, b) and no image, the images have the keys 1 to a - 1, and the records a to b - 1 hold
the range of keys of one person each. So only two records per person are read. Otherwise every record is an image.
"""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Bool, Int64
from numpy import ndarray

from maskgen.recordio import EXACT, Index, Record, peek_record

UNKNOWN = -1  # label of an image whose record cannot be read, or whose label is no whole number
Labels = tuple[Int64[ndarray, " n"], Bool[ndarray, " n"]]


def image_labels(descriptor: int, index: Index) -> Labels:
    """Finds the images among the records of a file, and their labels.

    Args:
        descriptor: of the open `.rec` file.
        index: its index.

    Returns:
        The label of each record of the index, or `UNKNOWN`; and whether the record is an image.

    Raises:
        ValueError: record 0 cannot be read; as it is written last, the file is probably cut.
    """
    labels = np.full(len(index.keys), UNKNOWN, np.int64)
    images = np.ones(len(index.keys), bool)
    first = index.place(0)
    head = None if first is None else _read(descriptor, index, first)
    if head and not head.content and len(head.labels) >= 2 and max(head.labels[:2]) < EXACT:
        start, end = int(head.labels[0]), int(head.labels[1])
        images = (index.keys > 0) & (index.keys < start)
        for low, high in _ranges(descriptor, index, start, end):
            labels[low:high] = _label(descriptor, index, low)
    elif head and not head.content and len(head.labels) >= 2:  # rounded numbers: look at each record
        images = np.array([_is_image(descriptor, index, place) for place in range(len(index.keys))])
    for place in np.flatnonzero(images & (labels == UNKNOWN)).tolist():
        labels[place] = _label(descriptor, index, place)
    return labels, images


def _ranges(descriptor: int, index: Index, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yields the images of each person, as a range of places in the index."""
    low, high = np.searchsorted(index.keys, (start, end)).tolist()
    for place in range(low, high):
        try:
            labels = _read(descriptor, index, place).labels
        except ValueError:
            continue
        if len(labels) >= 2 and 1 <= labels[0] < labels[1] <= start:
            first, last = np.searchsorted(index.keys, (int(labels[0]), int(labels[1]))).tolist()
            if first < last:
                yield first, last


def _read(descriptor: int, index: Index, place: int) -> Record:
    return peek_record(descriptor, int(index.offsets[place]))


def _label(descriptor: int, index: Index, place: int) -> int:
    try:
        label = _read(descriptor, index, place).labels[0]
    except (ValueError, IndexError):
        return UNKNOWN
    return int(label) if label >= 0 and label.is_integer() else UNKNOWN


def _is_image(descriptor: int, index: Index, place: int) -> bool:
    try:
        return bool(_read(descriptor, index, place).content)
    except ValueError:
        return True
