"""Different looks at one hole: the generator always answers the same, so what it is asked is varied.

The spread of the answers tells how much they depend on accidents of the crop. It is no probability: where the network
errs the same way every time, all answers agree and are wrong.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from unmasknet.restore.face_window import FaceWindow
from unmasknet.restore.runtimes.base import Crops, Maps

SHIFT, ZOOM, TURN = 0.02, 0.04, 3.0  # sides of the crop, share, degrees: as far as a finder's eyes may be off
LIGHT = 0.12  # share by which brightness and contrast change
GROWTH = 3  # pixels by which the hole is grown at most, at a side of 128


@dataclass(frozen=True)
class Glance:
    """One look.

    Attributes:
        mirror: whether the face is seen in a mirror.
        shift, zoom, turn: of the crop: x and y in its sides, a factor, degrees.
        gain: factor of the pixels' distance from grey.
        growth: pixels by which the hole is grown, at a side of 128.
    """

    mirror: bool = False
    shift: tuple[float, float] = (0.0, 0.0)
    zoom: float = 1.0
    turn: float = 0.0
    gain: float = 1.0
    growth: int = 0

    def of(self, window: FaceWindow) -> FaceWindow:
        """Returns the window as this variation frames it."""
        if self == replace(self, shift=(0.0, 0.0), zoom=1.0, turn=0.0):
            return window
        about = cv2.getRotationMatrix2D((0.5, 0.5), self.turn, self.zoom)
        about[:, 2] += self.shift
        linear = about[:, :2] @ window.place[:, :2]
        offset = about[:, :2] @ window.place[:, 2] + about[:, 2]
        return replace(window, place=np.column_stack([linear, offset]).astype(np.float32))

    def seen(self, crops: Crops, maps: Maps) -> tuple[Crops, Maps]:
        """Returns what the generator is shown of them."""
        radius = round(self.growth * maps.shape[1] / 128)
        if radius:
            disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1,) * 2)
            maps = np.stack([cv2.dilate(map, disc) for map in maps])
        if self.gain != 1:
            crops = np.clip(np.rint((crops - np.float32(127.5)) * self.gain + 127.5), 0, 255).astype(np.uint8)
        if self.mirror:
            crops, maps = crops[:, :, ::-1], maps[:, :, ::-1]
        return np.ascontiguousarray(crops), np.ascontiguousarray(maps)

    def turned_back(self, made: Float32[ndarray, "n side side 3"]) -> Float32[ndarray, "n side side 3"]:
        """Undoes the variation of the generator's answers, except for the frame."""
        if self.mirror:
            made = np.ascontiguousarray(made[:, :, ::-1])
        return (
            (made - np.float32(127.5)) / np.float32(self.gain) + np.float32(127.5) if self.gain != 1 else made
        )


STRAIGHT = Glance()


def glances(count: int, seed: int) -> list[Glance]:
    """Looks that differ; the first is the straight one. `seed` draws the others."""
    rng = np.random.default_rng(seed)
    looks = [STRAIGHT]
    while len(looks) < count:
        looks.append(
            Glance(
                mirror=len(looks) % 2 == 1,
                shift=(float(rng.uniform(-SHIFT, SHIFT)), float(rng.uniform(-SHIFT, SHIFT))),
                zoom=float(1 + rng.uniform(-ZOOM, ZOOM)),
                turn=float(rng.uniform(-TURN, TURN)),
                gain=float(1 + rng.uniform(-LIGHT, LIGHT)),
                growth=int(rng.integers(0, GROWTH + 1)),
            )
        )
    return looks
