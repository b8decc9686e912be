"""InsightFace's `.bin` files: the encoded images of pairs, which `arcface_torch` scores while it trains.

Such a file is a pickle of (images, whether each pair is of one person); the images of a pair follow each other. Writing
it is harmless; reading it is not, because a pickle can run any program, so these files are not read here.
"""

import pickle
from collections.abc import Sequence
from typing import Literal

from maskgen.dataset.pairs import Pair
from maskgen.dataset.reader import DataSet
from maskgen.errors import InputError

Sides = Literal["plain-plain", "plain-masked", "masked-masked"]
MEMBERS = {"plain": "gt", "masked": "masked"}
PROTOCOL = 4  # known to every Python since 3.4


def pairs_bin(data: DataSet, pairs: Sequence[Pair], sides: Sides) -> bytes:
    """Builds the content of a `.bin` file.

    Args:
        data: the data set that the pairs were drawn from.
        pairs: ordered by fold: InsightFace cuts them into ten consecutive parts.
        sides: which image of the first and of the second photo.

    Returns:
        The file's content. The images have the bytes of the shards.

    Raises:
        InputError: a photo has no sample, or its images are WebP, which MXNet does not read.
    """
    first, second = (MEMBERS[side] for side in sides.split("-"))
    wanted = {(pair.first, first) for pair in pairs} | {(pair.second, second) for pair in pairs}
    images: dict[tuple[str, str], bytes] = {}
    for sample in data.samples():
        photo = sample.labels["source"]
        if not sample.labels["identity"]:  # another face of the photo
            continue
        for role in (first, second):
            if (photo, role) in wanted and (photo, role) not in images:
                content, suffix = sample.member(role)
                if suffix == "webp":
                    raise InputError(
                        f"{sample.key}: MXNet reads no WebP; make the data set with --format jpg or png"
                    )
                images[photo, role] = content
    missing = sorted(photo for photo, role in wanted - images.keys())
    if missing:
        raise InputError(f"{data.folder}: has no sample of {missing[0]}, which is in a pair")
    listed = [
        images[photo, role] for pair in pairs for photo, role in ((pair.first, first), (pair.second, second))
    ]
    return pickle.dumps((listed, [pair.same for pair in pairs]), protocol=PROTOCOL)
