"""Layout `strip`: original, masked image and map side by side in one image."""

import numpy as np

from maskgen.dataset.reader import Encoded
from maskgen.dataset.unpack.base import File, LayoutFacts, LayoutOptions
from maskgen.errors import UsageError
from maskgen.images import codecs

QUALITY = 95  # JPEG quality of strips


class Strip:
    """Layout of one image per sample."""

    accepts: frozenset[str] = frozenset()
    strangers = True

    def __init__(self, options: LayoutOptions) -> None:
        if options.names:
            raise UsageError(
                "--names: strips lie in no folders; leave it out, or give --layout folders or tree"
            )

    def files(self, sample: Encoded) -> list[File]:
        """Returns original, masked image and map side by side, as JPEG, or as PNG if the data set is lossless."""
        pixels, suffix = sample.decode(), sample.member("masked")[1]
        strip = np.hstack([pixels["gt"], pixels["masked"], np.dstack([pixels["map"] * np.uint8(255)] * 3)])
        if suffix == "jpg":
            return [(f"{sample.key}.jpg", codecs.encode_jpeg(strip, QUALITY))]
        return [(f"{sample.key}.png", codecs.encode_lossless(strip, "png"))]

    def closing(self) -> list[File]:
        """Returns nothing: strips need no index."""
        return []

    def facts(self) -> LayoutFacts:
        """Returns no facts: there are no classes."""
        return LayoutFacts()
