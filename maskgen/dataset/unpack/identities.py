"""Layout `identities`: a folder per split and person, as torchvision's `ImageFolder` and `arcface_torch` read them."""

from maskgen.dataset.reader import Encoded
from maskgen.dataset.unpack.base import File, LayoutFacts, LayoutOptions
from maskgen.dataset.unpack.people import PersonFolders, PersonImages
from maskgen.files import fitting_path


class Identities:
    """Layout of recognisers: SPLIT/PERSON/PHOTO.jpg; samples of unknown people are left out."""

    accepts = frozenset({"also_original"})
    strangers = False

    def __init__(self, options: LayoutOptions) -> None:
        self._images = PersonImages(options.also_original)
        self._folders = PersonFolders()

    def files(self, sample: Encoded) -> list[File]:
        """Returns the masked image, and with `also_original` the one without a mask; none of an unknown person."""
        return [
            (
                f"{image.split}/{self._folders.folder(image.person)}/{fitting_path(image.name, f'.{image.suffix}')}",
                image.content,
            )
            for image in self._images.images(sample)
        ]

    def closing(self) -> list[File]:
        """Returns nothing: the folders need no index."""
        return []

    def facts(self) -> LayoutFacts:
        """Returns a warning about samples of unknown people.

        Raises:
            InputError: all people are unknown.
        """
        return self._images.facts()
