"""Photos of a split with boxes and classes, augmented for training."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from benchmarks.mask_detector.classes import MASK, SIDE

KEPT = 0.4  # least fraction of a box that augmentation leaves inside
GREY = 114


class Photos(torch.utils.data.Dataset):
    """Photos of a split with boxes and classes; torchvision's `CocoDetection` reads them."""

    def __init__(self, folder: Path, split: str, augment: bool, seed: int = 0) -> None:
        from torchvision.datasets import CocoDetection

        index = folder / "annotations" / f"instances_{split}.json"
        self.photos = CocoDetection(str(folder / split), str(index))
        self.augment, self.seed = augment, seed

    def __len__(self) -> int:
        return len(self.photos)

    def __getitem__(self, number: int) -> tuple[Tensor, dict[str, Tensor]]:
        rng = np.random.default_rng((self.seed, number))
        if not self.augment:
            pixels, boxes, labels = self._read(number)
            pixels, scale = fit(pixels, SIDE)
            return as_tensor(pixels), {"boxes": torch.tensor(boxes * scale), "labels": torch.tensor(labels)}
        if rng.random() < 0.3:
            numbers = [number, *rng.integers(len(self), size=3).tolist()]
            pixels, boxes, labels = mosaic([self._read(one) for one in numbers])
        else:
            pixels, boxes, labels = zoom(*self._read(number), rng)
        if rng.random() < 0.5:
            pixels = pixels[:, ::-1]
            boxes[:, [0, 2]] = SIDE - boxes[:, [2, 0]]
        pixels = shade(pixels, rng)
        return as_tensor(pixels), {"boxes": torch.tensor(boxes), "labels": torch.tensor(labels)}

    def _read(self, number: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        image, entries = self.photos[number]
        boxes, labels = [], []
        for entry in entries:
            x, y, width, height = entry["bbox"]
            boxes.append([x, y, x + width, y + height])
            labels.append(entry["category_id"])
            if isinstance(entry["segmentation"], list):  # a bare face has empty run lengths
                points = np.concatenate([np.reshape(part, (-1, 2)) for part in entry["segmentation"]])
                boxes.append([*points.min(0), *points.max(0)])
                labels.append(MASK)
        return np.asarray(image), np.array(boxes, np.float32).reshape(-1, 4), np.array(labels, np.int64)


def fit(pixels: np.ndarray, side: int) -> tuple[np.ndarray, float]:
    """Scales an image to a longer side, and pads it to a square at the right or bottom; returns it and the scale."""
    height, width = pixels.shape[:2]
    scale = side / max(height, width)
    size = max(round(width * scale), 1), max(round(height * scale), 1)
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    out = np.full((side, side, 3), GREY, np.uint8)
    out[: size[1], : size[0]] = small
    return out, scale


def zoom(pixels: np.ndarray, boxes: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> Any:
    """Places an image at a random size, aspect and position on a square."""
    scale = SIDE / max(pixels.shape[:2]) * float(np.exp(rng.uniform(np.log(0.4), np.log(1.6))))
    stretch = float(np.exp(rng.normal(0, 0.08)))
    across, down = scale * stretch, scale / stretch
    width, height = pixels.shape[1] * across, pixels.shape[0] * down
    x = rng.uniform(min(0, SIDE - width), max(0, SIDE - width))
    y = rng.uniform(min(0, SIDE - height), max(0, SIDE - height))
    matrix = np.array([[across, 0, x], [0, down, y]])
    flags = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    moved = cv2.warpAffine(pixels, matrix, (SIDE, SIDE), flags=flags, borderValue=(GREY,) * 3)
    return moved, *clipped(boxes * ([across, down] * 2) + [x, y] * 2, labels)


def mosaic(photos: list[Any]) -> Any:
    """Puts four images into the quarters of a square."""
    out, boxes, labels = np.full((SIDE, SIDE, 3), GREY, np.uint8), [], []
    half = SIDE // 2
    for number, (pixels, own, classes) in enumerate(photos):
        x, y = number % 2 * half, number // 2 * half
        small, scale = fit(pixels, half)
        out[y : y + half, x : x + half] = small
        boxes.append(own * scale + [x, y] * 2)
        labels.append(classes)
    return out, *clipped(np.concatenate(boxes), np.concatenate(labels))


def clipped(boxes: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Clips boxes to the square, and leaves out those of which less than `KEPT` remains."""
    inside = boxes.clip(0, SIDE)
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    left = (inside[:, 2] - inside[:, 0]) * (inside[:, 3] - inside[:, 1])
    kept = (left >= KEPT * area) & (left >= 16)
    return inside[kept].astype(np.float32), labels[kept]


def shade(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Changes contrast, brightness and colour at random."""
    gain = rng.uniform(0.7, 1.3) * rng.uniform(0.9, 1.1, 3)
    return (pixels * gain + rng.uniform(-25, 25)).clip(0, 255).astype(np.uint8)


def as_tensor(pixels: np.ndarray) -> Tensor:
    """Converts an image to a tensor `3 h w` in [0, 1]."""
    return torch.from_numpy(np.ascontiguousarray(pixels)).permute(2, 0, 1).float() / 255
