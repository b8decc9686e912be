"""Networks and faces with known answers for tests of restoring, without weights or a face detector."""

from dataclasses import dataclass, field

import numpy as np

from unmasknet.restore.faces import DetectedFace
from unmasknet.restore.runtimes.base import Cleaning

MASK = (0, 0, 255)  # colour that the toy segmenter finds
FILL = (200, 150, 120)  # colour that the toy generator paints


@dataclass
class ToyNetworks:
    """Segmenter that finds pure blue, and generator that paints one skin colour."""

    name: str = "toy"
    segmenter_side: int | None = 64
    generator_side: int | None = 64
    cleaning: Cleaning = field(default_factory=lambda: Cleaning(0.5, 4))

    def hidden(self, crops):
        away = np.abs(crops.astype(np.float32) - MASK).sum(-1)
        return np.clip(1 - away / 200, 0, 1).astype(np.float32)

    def fill(self, crops, maps):
        assert maps.any(), "the generator must only be called for non-empty maps"
        return np.broadcast_to(np.float32(FILL), crops.shape).copy()


def place(x: float, y: float, side: float):
    """Returns the crop matrix of a face centred at (x, y), whose crop has `side` pixels in the photo."""
    return np.array([[1 / side, 0, 0.5 - x / side], [0, 1 / side, 0.5 - y / side]], np.float32)


def face_at(x: float, y: float, side: float) -> DetectedFace:
    half = side / 4
    return DetectedFace((x - half, y - half, x + half, y + half), place(x, y, side), 0.9)


def fixed_detector(*faces: DetectedFace):
    """Returns a face detector that always finds `faces`."""
    return lambda photo: list(faces)


def draw_photo(height: int, width: int, *masks: tuple[float, float, float], grain: float = 3.0):
    """Draws a photo of grainy stripes; each (x, y, side) is a face whose lower half is blue."""
    rng = np.random.default_rng(1)
    colours = np.where(np.arange(width)[:, None] // 16 % 2, (136, 128, 120), (120, 128, 136))
    photo = np.clip(rng.normal(colours, grain, (height, width, 3)), 0, 255).astype(np.uint8)
    for x, y, side in masks:
        top, bottom, left, right = y, y + 0.32 * side, x - 0.2 * side, x + 0.2 * side
        photo[int(max(top, 0)) : int(bottom), int(max(left, 0)) : int(right)] = MASK
    return photo


MARK = (0, 255, 0)  # colour that marks the centre of a face for `mark_detector`


def mark_face(photo, x: int, y: int):
    """Returns a copy of the photo with the centre of a face marked."""
    photo = photo.copy()
    photo[y - 6 : y + 6, x - 6 : x + 6] = MARK
    return photo


def mark_detector(side: float):
    """Returns a face detector that finds the marked face, with a crop of `side` pixels."""

    def find(photo):
        rows, columns = np.nonzero((photo[..., 1] > 180) & (photo[..., 0] < 110) & (photo[..., 2] < 110))
        return [face_at(float(columns.mean()), float(rows.mean()) + 18, side)] if len(rows) > 20 else []

    return find
