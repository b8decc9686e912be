"""Contact sheet of detections."""

from pathlib import Path

import cv2
import numpy as np

from benchmarks.mask_detector.classes import MASK
from benchmarks.mask_detector.photos import fit


def draw(pixels: np.ndarray, boxes: list[np.ndarray], found: dict[str, np.ndarray]) -> np.ndarray:
    """Draws outlined masks (white) and detections with a score of .3 and more, in a square of 240 pixels."""
    small, scale = fit(pixels, 240)
    colours = {1: (0, 220, 0), 2: (255, 60, 60), 3: (255, 180, 0), MASK: (60, 120, 255)}
    for box in boxes:
        x0, y0, x1, y1 = (round(float(value) * scale) for value in box)
        cv2.rectangle(small, (x0, y0), (x1, y1), (255, 255, 255), 1)
    for box, label, value in zip(found["boxes"], found["labels"], found["scores"], strict=True):
        if value >= 0.3:
            x0, y0, x1, y1 = (round(float(side) * scale) for side in box)
            cv2.rectangle(small, (x0, y0), (x1, y1), colours[int(label)], 2)
    return small


def write_sheet(tiles: list[np.ndarray], path: Path, across: int = 8) -> None:
    """Writes images of one size side by side."""
    tiles = [*tiles, *[np.zeros_like(tiles[0])] * (-len(tiles) % across)]
    rows = [np.hstack(tiles[start : start + across]) for start in range(0, len(tiles), across)]
    cv2.imwrite(str(path), cv2.cvtColor(np.vstack(rows), cv2.COLOR_RGB2BGR))
