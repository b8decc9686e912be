"""Layout `voc`: `JPEGImages`, `Annotations` and `ImageSets/Main`, as in PASCAL VOC."""

from xml.etree import ElementTree

from maskgen.dataset.reader import Encoded
from maskgen.dataset.shards import MAX_PIXELS
from maskgen.dataset.unpack.base import File, LayoutFacts, LayoutOptions
from maskgen.dataset.unpack.labelled import LabelledFace, LabelledImage, Labeller
from maskgen.errors import InputError, Skip, UsageError
from maskgen.images import codecs

QUALITY = 95  # JPEG quality of images that are not stored as JPEG


class Voc:
    """Layout of PASCAL VOC: an XML file per image, with an object per face."""

    accepts = frozenset({"classes", "class_by", "segments", "also_original", "min_face"})
    strangers = True

    def __init__(self, options: LayoutOptions) -> None:
        if options.segments not in ("", "none"):
            raise UsageError(
                f"--segments {options.segments}: VOC's XML files hold boxes only; give none, or --layout coco"
            )
        self._labeller = Labeller(options, outlines=False)
        self._names: dict[str, list[str]] = {}

    def files(self, sample: Encoded) -> list[File]:
        """Returns the image and its XML file; with `also_original` also those of the image without masks."""
        files: list[File] = []
        for image in self._labeller.images(sample):
            self._names.setdefault(image.split, []).append(image.name)
            files.append((f"JPEGImages/{image.name}.jpg", _jpeg(image)))
            files.append((f"Annotations/{image.name}.xml", annotation(image)))
        return files

    def closing(self) -> list[File]:
        """Returns the lists of the images in each split, and in train and val together."""
        lists = {split: self._names.get(split, []) for split in self._labeller.splits}
        both = [*self._names.get("train", []), *self._names.get("val", [])]
        if both:
            lists["trainval"] = both
        return [
            (f"ImageSets/Main/{split}.txt", "".join(f"{name}\n" for name in sorted(names)).encode("ascii"))
            for split, names in lists.items()
        ]

    def facts(self) -> LayoutFacts:
        """Returns the number of boxes per class."""
        return self._labeller.facts()


def annotation(image: LabelledImage) -> bytes:
    """Returns the XML file of an image.

    As in PASCAL VOC, coordinates are whole pixels, the first pixel has the number 1, and `xmax` and `ymax` are those of
    the last pixels in the box.
    """
    root = ElementTree.Element("annotation")
    _add(root, "folder", "JPEGImages")
    _add(root, "filename", f"{image.name}.jpg")
    _add(ElementTree.SubElement(root, "source"), "database", "unmask")
    size = ElementTree.SubElement(root, "size")
    for name, value in (("width", image.width), ("height", image.height), ("depth", 3)):
        _add(size, name, str(value))
    _add(root, "segmented", "0")
    for face in image.faces:
        _add_object(root, face)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="utf-8") + b"\n"


def _add_object(root: ElementTree.Element, face: LabelledFace) -> None:
    entry = ElementTree.SubElement(root, "object")
    _add(entry, "name", face.name)
    _add(entry, "pose", "Unspecified")
    _add(entry, "truncated", str(int(face.truncated)))
    _add(entry, "difficult", "0")
    box = ElementTree.SubElement(entry, "bndbox")
    x0, y0, x1, y1 = (round(value) for value in face.box)  # edges, 0 is the left edge of the image
    for name, value in (
        ("xmin", x0 + 1),
        ("ymin", y0 + 1),
        ("xmax", max(x1, x0 + 1)),
        ("ymax", max(y1, y0 + 1)),
    ):
        _add(box, name, str(value))


def _add(parent: ElementTree.Element, name: str, text: str) -> None:
    ElementTree.SubElement(parent, name).text = text


def _jpeg(image: LabelledImage) -> bytes:
    """Returns the image as a JPEG: the name `JPEGImages` and most readers allow no other format."""
    if image.suffix == "jpg":
        return image.content
    pixels = codecs.decode(image.content, max_pixels=MAX_PIXELS, background=255)
    if isinstance(pixels, Skip):
        raise InputError(f"{image.name}: the image is {pixels.reason}. Run unmask verify on the data set")
    return codecs.encode_jpeg(pixels, QUALITY)
