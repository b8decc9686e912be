"""Layout `yolo`: images and labels per split, and `data.yaml`, as Ultralytics' YOLO and its relatives read them."""

import json
from collections import Counter
from dataclasses import replace

import numpy as np

from maskgen.dataset.reader import Encoded
from maskgen.dataset.unpack.base import File, LayoutFacts, LayoutOptions
from maskgen.dataset.unpack.labelled import LabelledFace, LabelledImage, Labeller
from maskgen.dataset.unpack.segments import Polygon, polygons
from maskgen.errors import UsageError

DATA = "data.yaml"


class Yolo:
    """Layout of YOLO: a text file per image, with a line `class x y width height` per face in fractions of the image.

    With polygons, a line is `class x0 y0 x1 y1 ...` and stands for a mask instead of a face, for `yolo segment`.
    """

    accepts = frozenset({"classes", "class_by", "segments", "also_original", "min_face"})
    strangers = True

    def __init__(self, options: LayoutOptions) -> None:
        if options.segments == "rle":
            raise UsageError("--segments rle: YOLO's labels have no run lengths; give polygon or none")
        self._outlines = options.segments == "polygon"
        self._labeller = Labeller(options, self._outlines)
        self._ids = {name: number for number, name in enumerate(self._labeller.classes.ordered)}
        self._masks = Counter(dict.fromkeys(self._ids, 0))  # number of polygons per class

    def files(self, sample: Encoded) -> list[File]:
        """Returns the image and its label file; with `also_original` also those of the image without masks."""
        files: list[File] = []
        for image in self._labeller.images(sample):
            lines = [line for face in image.faces for line in self._lines(face, image)]
            text = "".join(f"{line}\n" for line in lines)
            files.append((f"images/{image.split}/{image.name}.{image.suffix}", image.content))
            files.append((f"labels/{image.split}/{image.name}.txt", text.encode("ascii")))
        return files

    def _lines(self, face: LabelledFace, image: LabelledImage) -> list[str]:
        """Returns the line of a face, or the line of the largest part of its mask."""
        number, (width, height) = self._ids[face.name], (image.width, image.height)
        if not self._outlines:
            x0, y0, x1, y1 = face.box
            centred = ((x0 + x1) / 2 / width, (y0 + y1) / 2 / height, (x1 - x0) / width, (y1 - y0) / height)
            return [_line(number, centred)]
        parts = [] if face.pixels is None else polygons(face.pixels)
        self._masks[face.name] += bool(parts)
        return [_line(number, _fractions(parts[0], width, height))] if parts else []

    def closing(self) -> list[File]:
        """Returns `data.yaml`."""
        return [(DATA, data_yaml(self._labeller.splits, list(self._ids)).encode("utf-8"))]

    def facts(self) -> LayoutFacts:
        """Returns the number of lines per class: of faces, or of masks."""
        splits = self._labeller.splits
        warnings: tuple[str, ...] = ()
        if splits and "val" not in splits:
            warnings = (f"no photo is in the split val, which YOLO needs; {DATA} names {splits[0]} twice",)
        facts = self._labeller.facts(warnings)
        if self._outlines:  # bare faces have no line, so none is missing
            return replace(facts, boxes=dict(self._masks), warnings=warnings)
        return facts


def data_yaml(splits: list[str], names: list[str]) -> str:
    """Returns the text of `data.yaml`.

    It has no `path`: Ultralytics then takes the folder of the file itself, wherever that is moved. A relative `path`
    would count from the working directory.

    Args:
        splits: the splits that have images.
        names: the classes, in the order of their ids.
    """
    some = splits[0] if splits else "train"
    lines = ["# Faces by the mask that they wear, written by unmask unpack --layout yolo."]
    lines += [f"{split}: images/{split if split in splits else some}" for split in ("train", "val")]
    lines += ["test: images/test"] if "test" in splits else []
    lines += [f"nc: {len(names)}", "names:"]
    lines += [f"  {number}: {json.dumps(name, ensure_ascii=False)}" for number, name in enumerate(names)]
    return "\n".join(lines) + "\n"


def _fractions(polygon: Polygon, width: int, height: int) -> list[float]:
    points = np.clip(np.reshape(polygon, (-1, 2)) / (width, height), 0, 1)
    return points.ravel().tolist()


def _line(number: int, values: "tuple[float, ...] | list[float]") -> str:
    return " ".join([str(number), *(f"{value:.6f}" for value in values)])
