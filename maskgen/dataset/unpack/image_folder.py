"""Layout `classes`: crops of faces in a folder per split and class, as torchvision's `ImageFolder` reads them."""

from maskgen.dataset.reader import Encoded
from maskgen.dataset.unpack.base import File, LayoutFacts, LayoutOptions
from maskgen.dataset.unpack.labelled import Labeller


class Classes:
    """Layout of classifiers: SPLIT/CLASS/KEY.jpg, by the face that the crop was cut for."""

    accepts = frozenset({"classes", "class_by", "also_original"})
    strangers = True

    def __init__(self, options: LayoutOptions) -> None:
        self._labeller = Labeller(options, outlines=False, first=True)

    def files(self, sample: Encoded) -> list[File]:
        """Returns the image in the folder of its class; with `also_original` also the one without masks."""
        return [
            (f"{image.split}/{image.faces[0].name}/{image.name}.{image.suffix}", image.content)
            for image in self._labeller.images(sample)
            if image.faces
        ]

    def closing(self) -> list[File]:
        """Returns nothing: the folders need no index."""
        return []

    def facts(self) -> LayoutFacts:
        """Returns the number of images per class."""
        return self._labeller.facts()
