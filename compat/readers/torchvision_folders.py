# /// script
# requires-python = ">=3.11"
# dependencies = ["torch==2.13.0", "torchvision==0.28.0", "pycocotools==2.0.11", "pillow==13.0.0", "numpy==2.4.6"]
# [tool.compat]
# reader = "torchvision, DataLoader"
# kind = "detection"
# ///
"""torchvision's data sets and PyTorch's DataLoader, on the folders that `unmask unpack` writes."""

import csv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torchvision_import  # noqa: F401 - before torchvision
from PIL import Image
from reader_tools import Data, Sample, Way, run
from torch.utils.data import DataLoader, Dataset
from torchvision.datasets import CocoDetection, ImageFolder, VOCDetection

NAMES = ["with_mask", "without_mask", "mask_weared_incorrect"]


def key_of(path: str | Path) -> str:
    """Returns the key of a sample, by which a file is named."""
    return Path(path).name.split(".")[0]


class Folders(Dataset):
    """The plain files of `--layout folders`, as a loop in PyTorch reads them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.keys = folder, sorted(path.stem for path in (folder / "inputs").iterdir())

    def __len__(self) -> int:
        return len(self.keys)

    def __getitem__(self, number: int) -> dict[str, Any]:
        """Returns the arrays of a sample."""
        key = self.keys[number]
        files = {"masked": f"inputs/{key}.jpg", "gt": f"outputs/{key}.jpg", "map": f"binary_mask/{key}.png"}
        return {"key": key} | {name: np.array(Image.open(self.folder / file)) for name, file in files.items()}


def load_folders(data: Data) -> Iterator[Sample]:
    for batch in DataLoader(Folders(data.export("folders")), batch_size=4, num_workers=2):
        for number, key in enumerate(batch["key"]):
            yield {"key": key} | {name: batch[name][number] for name in ("masked", "gt", "map")}


def classes(data: Data) -> Iterator[Sample]:
    found = ImageFolder(data.export("classes") / "train")
    for (path, number), (image, _) in zip(found.samples, found, strict=True):
        name = found.classes[number]  # numbered by the alphabet
        yield {"key": key_of(path), "masked": image, "boxes": np.array([[NAMES.index(name)]])}


def people(data: Data) -> Iterator[Sample]:
    folder = data.export("identities")
    with (folder / "samples.csv").open(encoding="utf-8", newline="") as table:
        keys = {row["file"]: row["key"] for row in csv.DictReader(table)}
    found = ImageFolder(folder / "train")
    for (path, number), (image, _) in zip(found.samples, found, strict=True):
        assert found.classes[number] == Path(path).parent.name, path
        yield {"key": keys[Path(path).relative_to(folder).as_posix()], "masked": image}


def coco(data: Data) -> Iterator[Sample]:
    folder = data.export("coco-rle")
    found = CocoDetection(folder / "train", folder / "annotations/instances_train.json")
    for number, (image, faces) in zip(found.ids, found, strict=True):
        corners = [(x, y, x + w, y + h) for x, y, w, h in (face["bbox"] for face in faces)]
        boxes = [(*corner, face["category_id"] - 1) for corner, face in zip(corners, faces, strict=True)]
        yield {
            "key": key_of(found.coco.loadImgs(number)[0]["file_name"]),
            "masked": image,
            "boxes": np.array(boxes, np.float64).reshape(-1, 5),
            "mask": np.max([found.coco.annToMask(face) for face in faces], axis=0),
        }


def voc(data: Data) -> Iterator[Sample]:
    Path("VOCdevkit").mkdir(exist_ok=True)
    Path("VOCdevkit/VOC2012").symlink_to(data.export("voc"))
    for image, target in VOCDetection(".", year="2012", image_set="train"):
        faces = target["annotation"]["object"]
        boxes = [
            (
                *(float(face["bndbox"][side]) for side in ("xmin", "ymin", "xmax", "ymax")),
                NAMES.index(face["name"]),
            )
            for face in faces
        ]
        first = np.array([1, 1, 0, 0, 0])  # VOC counts pixels from 1, and the last one is inside
        yield {
            "key": key_of(target["annotation"]["filename"]),
            "masked": image,
            "boxes": np.array(boxes).reshape(-1, 5) - first,
        }


def way(
    code: str, read: Callable[[Data], Iterator[Sample]], expect: dict[str, str], split: str = "train"
) -> Way:
    """Returns a way whose samples and images are right."""
    return Way(code, read, {"samples": "right", "images": "right, uint8 h w 3"} | expect, split=split)


WAYS = [
    way(
        'DataLoader(Folders("EXPORT"), num_workers=2)',
        load_folders,
        {"map": "right, uint8 h w"},
        split="all",
    ),
    way('ImageFolder("CLASSES/train")', classes, {"boxes": "right, classes"}),
    way('ImageFolder("IDENTITIES/train")', people, {}),
    way(
        'CocoDetection("EXPORT/train", "EXPORT/annotations/instances_train.json")',
        coco,
        {"boxes": "right", "mask": "right"},
    ),
    way('VOCDetection("data", year="2012", image_set="train")', voc, {"boxes": "right"}),
]

if __name__ == "__main__":
    run(WAYS, "torchvision")
