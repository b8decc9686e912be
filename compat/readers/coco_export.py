# /// script
# requires-python = ">=3.11"
# dependencies = ["pycocotools==2.0.11", "pillow==12.3.0", "numpy==2.4.6"]
# [tool.compat]
# reader = "pycocotools"
# kind = "detection"
# ///
"""pycocotools, on what `unmask unpack --layout coco` writes."""

from collections.abc import Callable, Iterator

import numpy as np
from PIL import Image
from pycocotools.coco import COCO
from reader_tools import RIGHT_FACES, Data, Sample, Way, run


def read(export: str) -> Callable[[Data], Iterator[Sample]]:
    def samples(data: Data) -> Iterator[Sample]:
        folder = data.export(export)
        coco = COCO(folder / "annotations/instances_train.json")
        for number, image in coco.imgs.items():
            faces = coco.loadAnns(coco.getAnnIds(imgIds=number))
            corners = [(x, y, x + w, y + h) for x, y, w, h in (face["bbox"] for face in faces)]
            boxes = [(*corner, face["category_id"] - 1) for corner, face in zip(corners, faces, strict=True)]
            yield {
                "key": image["file_name"].split(".")[0],
                "boxes": np.array(boxes, np.float64).reshape(-1, 5),
                "mask": np.max([coco.annToMask(face) for face in faces], axis=0),
                "masked": Image.open(folder / "train" / image["file_name"]),
            }

    return samples


WAYS = [
    Way(
        'COCO("EXPORT/annotations/instances_train.json")',
        read("coco"),
        RIGHT_FACES | {"mask": "right"},
        split="train",
    ),
    Way(
        'COCO("RLE/annotations/instances_train.json")',
        read("coco-rle"),
        RIGHT_FACES | {"mask": "right"},
        split="train",
    ),
]

if __name__ == "__main__":
    run(WAYS, "pycocotools")
