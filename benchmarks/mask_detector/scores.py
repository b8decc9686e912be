"""Average precision on a split of the data set, and on real photos with masks outlined by hand."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import nn

from benchmarks.mask_detector.classes import MASK, NAMES, SIDE
from benchmarks.mask_detector.photos import Photos, as_tensor, fit
from benchmarks.mask_detector.sheet import draw, write_sheet


@torch.inference_mode()
def detect(model: nn.Module, pixels: np.ndarray) -> dict[str, np.ndarray]:
    """Returns boxes in pixels of the image, classes and scores."""
    small, scale = fit(pixels, SIDE)
    found = model([as_tensor(small)])[0]
    return {
        "boxes": found["boxes"].numpy() / scale,
        "labels": found["labels"].numpy(),
        "scores": found["scores"].numpy(),
    }


def score(truth: dict[str, Any], results: list[dict[str, Any]]) -> dict[str, Any]:
    """Returns COCO's average precision of each class and their mean, by pycocotools."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    coco = COCO()
    coco.dataset = truth
    coco.createIndex()
    evaluation = COCOeval(coco, coco.loadRes(results), "bbox")
    evaluation.evaluate()
    evaluation.accumulate()
    # threshold, recall, class; all sizes, 100 detections
    precision = evaluation.eval["precision"][:, :, :, 0, -1]
    table = {}
    for place, number in enumerate(evaluation.params.catIds):
        own = precision[:, :, place]
        if (own > -1).any():
            table[NAMES[number]] = {"AP50": round(float(own[0].mean()), 3), "AP": round(float(own.mean()), 3)}
    means = {kind: round(float(np.mean([row[kind] for row in table.values()])), 3) for kind in ("AP50", "AP")}
    return {"mean": means, **table}


def truth_of(boxes: list[tuple[int, int, np.ndarray]], images: int, classes: list[int]) -> dict[str, Any]:
    """Returns ground truth as pycocotools takes it, of (image, class, x0 y0 x1 y1)."""
    entries = [
        {
            "id": number,
            "image_id": image,
            "category_id": label,
            "bbox": [float(x0), float(y0), float(x1 - x0), float(y1 - y0)],
            "area": float((x1 - x0) * (y1 - y0)),
            "iscrowd": 0,
        }
        for number, (image, label, (x0, y0, x1, y1)) in enumerate(boxes, 1)
    ]
    categories = [{"id": number, "name": NAMES[number]} for number in classes]
    return {
        "info": {},
        "images": [{"id": n} for n in range(images)],
        "annotations": entries,
        "categories": categories,
    }


def results_of(image: int, found: dict[str, np.ndarray], classes: list[int]) -> list[dict[str, Any]]:
    """Returns detections of the given classes as pycocotools takes them."""
    rows = zip(found["boxes"].tolist(), found["labels"].tolist(), found["scores"].tolist(), strict=True)
    return [
        {"image_id": image, "category_id": label, "bbox": [x0, y0, x1 - x0, y1 - y0], "score": value}
        for (x0, y0, x1, y1), label, value in rows
        if label in classes
    ]


def score_split(model: nn.Module, folder: Path, split: str) -> dict[str, Any]:
    """Scores faces and masks on a split of the data set."""
    photos = Photos(folder, split, augment=False)
    truth, results, classes = [], [], list(NAMES)
    for number in range(len(photos)):
        pixels, boxes, labels = photos._read(number)
        truth += [(number, int(label), box) for label, box in zip(labels, boxes, strict=True)]
        results += results_of(number, detect(model, pixels), classes)
    return {"photos": len(photos), **score(truth_of(truth, len(photos), classes), results)}


def outlined(labels: np.ndarray) -> list[np.ndarray]:
    """Returns the box of each outlined mask; pieces that only ignored pixels join are one mask."""
    joined = cv2.connectedComponents((labels > 64).astype(np.uint8), connectivity=8)[1]
    boxes = []
    for number in np.unique(joined[labels == 255]):
        y, x = np.nonzero((joined == number) & (labels == 255))
        if len(x) >= max(0.0005 * labels.size, 16):
            boxes.append(np.array([x.min(), y.min(), x.max() + 1, y.max() + 1], np.float32))
    return boxes


def score_real(model: nn.Module, folder: Path, out: Path) -> dict[str, Any]:
    """Scores the boxes of masks on real photos with outlines, and counts the class of the face around each mask."""
    truth, results, classes, sheet = (
        [],
        [],
        {"with_mask": 0, "without_mask": 0, "mask_weared_incorrect": 0},
        [],
    )
    classes["no face found"] = 0
    files = sorted((folder / "labels").glob("*.png"))
    for number, file in enumerate(files):
        pixels = cv2.cvtColor(cv2.imread(str(folder / f"{file.stem}.jpg")), cv2.COLOR_BGR2RGB)
        boxes = outlined(cv2.imread(str(file), cv2.IMREAD_GRAYSCALE))
        found = detect(model, pixels)
        truth += [(number, MASK, box) for box in boxes]
        results += results_of(number, found, [MASK])
        for box in boxes:
            classes[face_around(box, found)] += 1
        sheet.append(draw(pixels, boxes, found))
    write_sheet(sheet, out / "real.png")
    table = score(truth_of(truth, len(files), [MASK]), results)
    return {"photos": len(files), "masks": len(truth), "mask": table["mask"], "class of the face": classes}


def face_around(mask: np.ndarray, found: dict[str, np.ndarray], least: float = 0.3) -> str:
    """Returns the class of the most certain face whose box holds at least 60 % of a mask's box."""
    low, high = np.maximum(found["boxes"][:, :2], mask[:2]), np.minimum(found["boxes"][:, 2:], mask[2:])
    held = (high - low).clip(0).prod(1) / (mask[2:] - mask[:2]).prod()
    fitting = (held >= 0.6) & (found["labels"] != MASK) & (found["scores"] >= least)
    if not fitting.any():
        return "no face found"
    return NAMES[int(found["labels"][np.where(fitting, found["scores"], 0).argmax()])]
