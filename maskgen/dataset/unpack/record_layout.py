"""Layout `rec`: MXNet's `.rec` and `.idx`, as InsightFace's `RecBuilder` writes and `arcface_torch` reads them.

    train.rec         images in the order of the shards, which is random; ranges of keys by person; record 0
    train.idx         offsets by key; the keys of a person's images follow each other
    train.lst         key, label and file name of each image, with tabs between
    train-labels.csv  label, identity and number of images of each person
    property          number of classes, height and width of `train.rec`

Other splits have files of the same kinds. The labels are the identities themselves if all are whole numbers, as those
of a source that is an `.rec` file; else people are numbered in the order of their names.
"""

from collections import Counter, defaultdict
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from maskgen.dataset.reader import Encoded
from maskgen.dataset.unpack.base import Contents, File, LayoutFacts, LayoutOptions, image_size
from maskgen.dataset.unpack.people import PersonImages
from maskgen.dataset.unpack.record_file import RecordFile
from maskgen.errors import InputError


class RecordFiles:
    """Layout of `.rec` files; samples of unknown people are left out. See `StreamLayout`."""

    accepts = frozenset({"also_original"})
    strangers = False

    def __init__(self, options: LayoutOptions) -> None:
        self._also_original = options.also_original
        self._images = PersonImages(options.also_original)
        self._files: dict[str, RecordFile] = {}
        self._open = ExitStack()

    def prepare(self, folder: Path, contents: Contents) -> None:
        """Counts the images of each person, and opens the files.

        Args:
            folder: the folder to write to.
            contents: the samples that `append` will be called with.

        Raises:
            InputError: the images have several sizes or a format that MXNet does not read, or are too many.
        """
        counter, people = PersonImages(self._also_original), defaultdict[str, Counter[str]](Counter)
        sizes: set[tuple[int, int]] = set()
        for sample in contents.samples:
            for image in counter.images(sample):
                people[image.split][image.person] += 1
                sizes.add(image_size(sample))
                if image.suffix == "webp":
                    raise InputError(
                        f"{sample.key}: MXNet reads no WebP; make the data set with --format jpg or png"
                    )
        counter.facts()
        if len(sizes) > 1:
            (a, b), (c, d) = sorted(sizes)[:2]
            raise InputError(
                f"images of {a} x {b} and of {c} x {d} pixels: a .rec for training holds images of one size; make the "
                "data set with gen-data --align arcface --size 112"
            )
        for split in sorted(people):
            file = RecordFile(folder, split, people[split], next(iter(sizes)))
            self._files[split] = self._open.enter_context(file)

    def append(self, sample: Encoded) -> list[str]:
        """Appends the images of a sample, and returns where they are, such as `train.rec:12`."""
        return [
            self._files[image.split].add(image.person, f"{image.name}.{image.suffix}", image.content)
            for image in self._images.images(sample)
        ]

    def closing(self) -> list[File]:
        """Ends the `.rec` files, and returns the files beside them."""
        return [beside for file in self._files.values() for beside in file.finish()]

    def abandon(self) -> None:
        """Removes unfinished files."""
        self._open.close()

    def facts(self) -> LayoutFacts:
        """Returns the numbers of people and files, and a warning about samples of unknown people."""
        return replace(self._images.facts(), files=len(self._files))
