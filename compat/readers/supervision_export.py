# /// script
# requires-python = ">=3.11"
# dependencies = ["supervision==0.31.2", "pillow==12.3.0", "numpy==2.4.6"]
# [tool.compat]
# reader = "supervision"
# kind = "detection"
# ///
"""supervision's data sets, on what `unmask unpack` writes with `--layout coco`, `yolo` and `voc`."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from reader_tools import RIGHT_FACES, Data, Sample, Way, run
from supervision import DetectionDataset

NAMES = ["with_mask", "without_mask", "mask_weared_incorrect"]


def read(load: Callable[[Data], Any], *, has_masks: bool = False) -> Callable[[Data], Iterator[Sample]]:
    def samples(data: Data) -> Iterator[Sample]:
        found = load(data)
        order = np.array([NAMES.index(name) for name in found.classes])  # VOC has no order of its own
        for path, image, faces in found:
            sample = {
                "key": Path(path).name.split(".")[0],
                "boxes": np.column_stack([faces.xyxy, order[faces.class_id]]),
                "masked": image[..., ::-1],  # OpenCV's BGR
            }
            yield sample | ({"mask": np.any(np.asarray(faces.mask), axis=0)} if has_masks else {})

    return samples


def coco(export: str, *, force_masks: bool) -> Callable[[Data], Any]:
    def load(data: Data) -> Any:
        folder = data.export(export)
        return DetectionDataset.from_coco(
            f"{folder}/train", f"{folder}/annotations/instances_train.json", force_masks=force_masks
        )

    return load


def yolo(data: Data) -> Any:
    folder = data.export("yolo")
    return DetectionDataset.from_yolo(
        f"{folder}/images/train", f"{folder}/labels/train", f"{folder}/data.yaml"
    )


def voc(data: Data) -> Any:
    folder = data.export("voc")
    return DetectionDataset.from_pascal_voc(f"{folder}/JPEGImages", f"{folder}/Annotations")


MASKED = RIGHT_FACES | {"mask": "right"}

WAYS = [
    Way(
        'DetectionDataset.from_coco("EXPORT/train", "EXPORT/annotations/instances_train.json")',
        read(coco("coco", force_masks=False)),
        RIGHT_FACES,
        split="train",
    ),
    Way(
        'DetectionDataset.from_coco("EXPORT/train", ..., force_masks=True)',
        read(coco("coco", force_masks=True), has_masks=True),
        RIGHT_FACES | {"mask": "wrong"},
        split="train",
        note="supervision rounds the corners of polygons to whole pixels: single pixels are two off the edge; "
        "`--segments rle` is exact",
    ),
    Way(
        'DetectionDataset.from_coco("RLE/train", ..., force_masks=True)',
        read(coco("coco-rle", force_masks=True), has_masks=True),
        MASKED,
        split="train",
    ),
    Way(
        'DetectionDataset.from_yolo("EXPORT/images/train", "EXPORT/labels/train", "EXPORT/data.yaml")',
        read(yolo),
        RIGHT_FACES,
        split="train",
    ),
    Way(
        'DetectionDataset.from_pascal_voc("EXPORT/JPEGImages", "EXPORT/Annotations")',
        read(voc),
        RIGHT_FACES,
        split="all",
    ),
]

if __name__ == "__main__":
    run(WAYS, "supervision")
