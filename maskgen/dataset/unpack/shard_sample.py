"""Sample for layouts of few large files: its encoded images and its labels, the same kinds in every sample."""

from collections import Counter
from dataclasses import dataclass, field

from maskgen.dataset.reader import Encoded, Labels
from maskgen.dataset.shards import format_of
from maskgen.dataset.unpack.base import image_size
from maskgen.errors import InputError
from maskgen.images.codecs import encode_map, encode_parts

ROLES = ("masked", "gt", "map", "parts")


@dataclass(frozen=True)
class ShardSample:
    """Sample with the bytes of its images.

    Attributes:
        key: its key.
        suffix: of `masked` and `gt`: "jpg", "png" or "webp"; the map and the parts are 8-bit grey PNGs.
        width: of all its images in pixels.
        height: of all its images in pixels.
        images: encoded image by role: masked, gt, map, parts.
        labels: content of its json.
        shard: name of its shard.
    """

    key: str
    suffix: str
    width: int
    height: int
    images: dict[str, bytes] = field(repr=False)
    labels: Labels
    shard: str


class ShardSamples:
    """Reader of samples for files whose columns have one type: all images must have one format.

    Attributes:
        counts: number of samples by split, in the order of the samples.
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._first: tuple[str, str] | None = None  # key and suffix of the first sample

    @property
    def suffix(self) -> str:
        """Suffix of the images; "jpg" before the first sample."""
        return self._first[1] if self._first else "jpg"

    def read(self, sample: Encoded) -> ShardSample:
        """Returns a sample; map and parts of format 1, which many readers take for colours, become 8-bit grey.

        Raises:
            InputError: a member is missing, the map is damaged, or the images have another format than earlier ones.
        """
        images = {role: sample.member(role) for role in ROLES}
        suffix = images["masked"][1]
        first, expected = self._first or (sample.key, suffix)
        self._first = first, expected
        if {suffix, images["gt"][1]} != {expected}:
            raise InputError(
                f"{sample.key}: its images are {suffix} and {images['gt'][1]}, those of {first} are {expected}; the "
                "files of this layout hold one format. Unpack the data sets one by one"
            )
        width, height = image_size(sample)
        content = {role: data for role, (data, _) in images.items()}
        if format_of(sample.members) == 1:
            pixels = sample.decode()
            content |= {"map": encode_map(pixels["map"]), "parts": encode_parts(pixels["parts"])}
        self.counts[sample.labels["split"]] += 1
        return ShardSample(sample.key, suffix, width, height, content, sample.labels, sample.shard)
