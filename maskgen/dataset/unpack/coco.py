"""Layout `coco`: images per split and `annotations/instances_SPLIT.json`, as pycocotools reads them."""

import json
from typing import Any

from maskgen.dataset.reader import Encoded
from maskgen.dataset.unpack.base import File, LayoutFacts, LayoutOptions
from maskgen.dataset.unpack.labelled import LabelledFace, LabelledImage, Labeller
from maskgen.dataset.unpack.segments import Pixels, polygons, run_lengths

SUPER = "face"  # supercategory of all classes


class Coco:
    """Layout of COCO: an annotation per face, with the box of the face and the segment of the mask on it."""

    accepts = frozenset({"classes", "class_by", "segments", "also_original", "min_face"})
    strangers = True

    def __init__(self, options: LayoutOptions) -> None:
        self._segments = options.segments or "polygon"
        self._labeller = Labeller(options, self._segments != "none")
        names = self._labeller.classes.ordered
        self._ids = {
            name: number for number, name in enumerate(names, 1)
        }  # 0 is the background in many programs
        self._images: dict[str, list[dict[str, Any]]] = {}
        self._annotations: dict[str, list[dict[str, Any]]] = {}

    def files(self, sample: Encoded) -> list[File]:
        """Returns the image; with `also_original` also the one without masks."""
        files: list[File] = []
        for image in self._labeller.images(sample):
            self._add(image)
            files.append((f"{image.split}/{image.name}.{image.suffix}", image.content))
        return files

    def _add(self, image: LabelledImage) -> None:
        images = self._images.setdefault(image.split, [])
        annotations = self._annotations.setdefault(image.split, [])
        number = len(images) + 1  # from 1: pycocotools takes an annotation with id 0 for no match
        file = f"{image.name}.{image.suffix}"
        images.append({"id": number, "file_name": file, "width": image.width, "height": image.height})
        for face in image.faces:
            annotations.append(self._annotation(face, image, number, len(annotations) + 1))

    def _annotation(self, face: LabelledFace, image: LabelledImage, number: int, own: int) -> dict[str, Any]:
        x0, y0, x1, y1 = (round(value, 2) for value in face.box)
        box = [x0, y0, round(x1 - x0, 2), round(y1 - y0, 2)]
        annotation = {
            "id": own,
            "image_id": number,
            "category_id": self._ids[face.name],
            "bbox": box,
            "area": round(box[2] * box[3], 2),
            "iscrowd": 0,
        }
        if self._segments != "none":
            annotation["segmentation"] = segmentation(face.pixels, self._segments, image)
        return annotation

    def closing(self) -> list[File]:
        """Returns `annotations/instances_SPLIT.json` of each split."""
        categories = [
            {"id": number, "name": name, "supercategory": SUPER} for name, number in self._ids.items()
        ]
        return [
            (f"annotations/instances_{split}.json", self._index(split, categories))
            for split in self._labeller.splits
        ]

    def _index(self, split: str, categories: list[dict[str, Any]]) -> bytes:
        index = {
            "info": {"description": f"Faces by the mask that they wear, {split}", "version": "1.0"},
            "licenses": [],
            "images": self._images[split],
            "annotations": self._annotations[split],
            "categories": categories,
        }
        return json.dumps(index, ensure_ascii=False, separators=(",", ":")).encode("utf-8")

    def facts(self) -> LayoutFacts:
        """Returns the number of boxes per class."""
        return self._labeller.facts()


def segmentation(
    pixels: Pixels | None, kind: str, image: LabelledImage
) -> "list[list[float]] | dict[str, Any]":
    """Returns the segment of a mask as polygons or run lengths; of a bare face, run lengths without a pixel.

    pycocotools fails at an empty list of polygons, but reads empty run lengths.
    """
    if pixels is not None and pixels.any():
        if kind == "rle":
            return run_lengths(pixels)
        parts = polygons(pixels)
        if parts:
            return parts
    return {"size": [image.height, image.width], "counts": [image.height * image.width]}
