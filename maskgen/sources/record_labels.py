"""Labels of the images in an `.rec` file: from the ranges of keys that it lists by person, or from every record.

If record 0 holds two labels (a, b) and no image, the images have the keys 1 to a - 1, and the records a to b - 1 hold
the range of keys of one person each. So only three records per person are read. Otherwise every record is an image.

An image carries its label too. Where the first and the last image of a range disagree, the range or a label is damaged.
The images that are in no other range then have their own label, if more than half of them have it, else none.
"""

from collections import Counter
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
    images, known = np.ones(len(index.keys), bool), np.zeros(len(index.keys), bool)
    first = index.place(0)
    head = None if first is None else _read(descriptor, index, first)
    span = head.labels[:2] if head and not head.content and len(head.labels) >= 2 else ()
    if span and all(_is_whole(number) for number in span):
        start, end = int(span[0]), int(span[1])
        images = (index.keys > 0) & (index.keys < start)
        images |= _images_among_ranges(descriptor, index, start, end)
        doubtful = []
        for low, high in _ranges(descriptor, index, start, end):
            label = _label(descriptor, index, low)
            if label == _label(descriptor, index, high - 1):
                labels[low:high], known[low:high] = label, True
            else:
                doubtful.append((low, high))
        for low, high in doubtful:
            places = low + np.flatnonzero(~known[low:high])
            labels[places], known[places] = _usual_labels(descriptor, index, places.tolist()), True
    elif span:  # rounded or damaged numbers: look at each record
        images = np.array([_is_image(descriptor, index, place) for place in range(len(index.keys))])
    for place in np.flatnonzero(images & ~known).tolist():
        labels[place] = _label(descriptor, index, place)
    return labels, images


def promised_images(descriptor: int, index: Index) -> int:
    """Returns the number of images that record 0 promises; 0 if it promises none.

    Raises:
        ValueError: record 0 cannot be read.
    """
    first = index.place(0)
    head = None if first is None else _read(descriptor, index, first)
    is_list = head and not head.content and len(head.labels) >= 2 and all(map(_is_whole, head.labels[:2]))
    return max(int(head.labels[0]) - 1, 0) if head and is_list else 0


def _usual_labels(descriptor: int, index: Index, places: list[int]) -> Int64[ndarray, " n"]:
    """Returns the labels of images as far as more than half of them have that label."""
    own = np.array([_label(descriptor, index, place) for place in places], np.int64)
    for label, count in Counter(own.tolist()).most_common(1):
        own[own != label] = UNKNOWN
        if 2 * count <= len(own):
            own[:] = UNKNOWN
    return own


def _images_among_ranges(descriptor: int, index: Index, start: int, end: int) -> Bool[ndarray, " n"]:
    """Tells which records hold an image though a range is expected there: record 0 states too small a number then."""
    found = np.zeros(len(index.keys), bool)
    low, high = np.searchsorted(index.keys, (start, end)).tolist()
    for place in range(low, high):
        try:
            found[place] = bool(_read(descriptor, index, place).content)
        except ValueError:
            continue
    return found


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
    return int(label) if _is_whole(label) else UNKNOWN


def _is_whole(number: float) -> bool:
    """Tells whether float32 holds a number as an exact whole one; NaN and infinity are none."""
    return 0 <= number < EXACT and number.is_integer()


def _is_image(descriptor: int, index: Index, place: int) -> bool:
    try:
        return bool(_read(descriptor, index, place).content)
    except ValueError:
        return True
