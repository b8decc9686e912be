"""Images of samples with their labelled faces, as all layouts for detectors take them."""

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from maskgen.dataset.reader import Encoded
from maskgen.dataset.shard_record import SPLITS
from maskgen.dataset.unpack.base import LayoutFacts, LayoutOptions, image_size
from maskgen.dataset.unpack.classes import FaceClasses, read_classes
from maskgen.dataset.unpack.face_boxes import Box, face_boxes
from maskgen.dataset.unpack.segments import Pixels, mask_pixels
from maskgen.errors import InputError
from maskgen.images import codecs
from maskgen.types import BARE

MASK_NUMBER = re.compile(r"-m\d+$")


@dataclass(frozen=True)
class LabelledFace:
    """Face in an image of a data set for detectors.

    Attributes:
        box: x0, y0, x1, y1 in pixels, clipped; the image's top-left corner is (0, 0).
        name: its class.
        truncated: whether a part of its box lies outside of the image.
        pixels: its mask's pixels; None if it wears none, or if outlines are not asked for.
    """

    box: Box
    name: str
    truncated: bool
    pixels: Pixels | None = field(default=None, repr=False)


@dataclass(frozen=True)
class LabelledImage:
    """Image of a data set for detectors.

    Attributes:
        name: unique file name without suffix: the sample's key, or with `-bare` in place of the mask's number.
        split: "train", "val" or "test".
        suffix: "jpg", "png" or "webp".
        content: the encoded image.
        width: width in pixels.
        height: height in pixels.
        faces: its faces, the one that it was cut for first.
    """

    name: str
    split: str
    suffix: str
    content: bytes = field(repr=False)
    width: int
    height: int
    faces: tuple[LabelledFace, ...]


class Labeller:
    """Labeller of the faces in the images of samples; counts what it sees.

    Args:
        options: options of the layout.
        outlines: whether the pixels of each mask are needed.
        first: label only the face that the image was cut for.
    """

    def __init__(self, options: LayoutOptions, outlines: bool, first: bool = False) -> None:
        self.classes: FaceClasses = read_classes(options.classes, options.class_by)
        self._options, self._outlines, self._first = options, outlines, first
        self._boxes = Counter(dict.fromkeys(self.classes.ordered, 0))
        self._splits: Counter[str] = Counter()
        self._left_out = self._unlabelled = 0
        self._bare: set[str] = set()  # keys without the mask's number whose bare image is written

    @property
    def splits(self) -> list[str]:
        """Splits of the images so far, in the usual order."""
        return [split for split in SPLITS if self._splits[split]]

    def images(self, sample: Encoded) -> list[LabelledImage]:
        """Returns the sample's image, and with `also_original` the one without masks; none if its labels list no face.

        Raises:
            InputError: a member is missing or damaged, or a state of wear is unknown.
        """
        faces = sample.labels["faces"][: 1 if self._first else None]
        if not faces:
            self._unlabelled += 1
            return []
        bare = all(face["mask"]["family"] == BARE.family for face in faces)
        stem = MASK_NUMBER.sub("", sample.key)
        images = [self._image(sample, sample.key, "masked", faces)]
        if self._options.also_original and not bare and stem not in self._bare:
            plain = [
                {**face, "mask": {**face["mask"], "family": BARE.family, "wear": BARE.wear}} for face in faces
            ]
            images.append(self._image(sample, f"{stem}-bare", "gt", plain))
        if bare or self._options.also_original:
            self._bare.add(stem)
        return images

    def _image(self, sample: Encoded, name: str, role: str, faces: list[dict[str, Any]]) -> LabelledImage:
        width, height = image_size(sample)
        boxes, left_out = face_boxes(faces, width, height, self._options.min_face)
        pixels = self._pixels(sample, faces)
        labelled = tuple(
            LabelledFace(
                each.box, self.classes.of(faces[each.nth]["mask"]), each.truncated, pixels.get(each.nth)
            )
            for each in boxes
        )
        self._boxes.update(face.name for face in labelled)
        self._left_out += left_out
        self._splits[sample.labels["split"]] += 1
        content, suffix = sample.member(role)
        return LabelledImage(name, sample.labels["split"], suffix, content, width, height, labelled)

    def _pixels(self, sample: Encoded, faces: list[dict[str, Any]]) -> dict[int, Pixels]:
        masked = [nth for nth, face in enumerate(faces) if face["mask"]["family"] != BARE.family]
        if not self._outlines or not masked:
            return {}
        try:
            parts = codecs.decode_parts(sample.member("parts")[0])
        except InputError as error:
            raise InputError(f"{sample.key}: {error}. Run unmask verify on the data set") from error
        return mask_pixels(parts, faces, masked)

    def facts(self, warnings: tuple[str, ...] = ()) -> LayoutFacts:
        """Returns the numbers so far, with warnings of a layout and of classes without a face."""
        lacking = [name for name, count in self._boxes.items() if not count]
        advice = {self.classes.bare: "give --also-original, or make the data set with --share .5"}
        if sum(self._boxes.values()):
            warnings += tuple(
                f"no face has the class {name}; {advice.get(name, 'give gen-data another --wear, or merge classes')}"
                for name in lacking
            )
        return LayoutFacts(dict(self._boxes), self._left_out, self._unlabelled, warnings)
