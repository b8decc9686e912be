"""Test-time augmentation: several results from a deterministic generator, by varying its input.

The spread of the results shows how much they depend on accidents of the crop. It is not a probability: where the
network makes the same error each time, all results agree and are wrong.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from unmasknet.restore.face_window import FaceWindow
from unmasknet.restore.runtimes.base import Crops, Maps

# Largest changes of the crop, about the errors of the face detector: sides of the crop, fraction, degrees.
SHIFT, ZOOM, ROTATION = 0.02, 0.04, 3.0
LIGHT = 0.12  # largest fraction by which brightness and contrast change
GROWTH = 3  # largest dilation of the hole, in pixels at a side of 128


@dataclass(frozen=True)
class Variation:
    """Variation of the generator's input.

    Attributes:
        mirror: whether the crop is mirrored.
        shift, zoom, rotation: of the crop: x and y in sides of the crop, a factor, degrees.
        gain: factor of the pixels' difference from grey, 127.5.
        growth: dilation of the hole, in pixels at a side of 128.
    """

    mirror: bool = False
    shift: tuple[float, float] = (0.0, 0.0)
    zoom: float = 1.0
    rotation: float = 0.0
    gain: float = 1.0
    growth: int = 0

    def framed(self, window: FaceWindow) -> FaceWindow:
        """Returns the window with the shift, zoom and rotation applied to its crop."""
        if self == replace(self, shift=(0.0, 0.0), zoom=1.0, rotation=0.0):
            return window
        about = cv2.getRotationMatrix2D((0.5, 0.5), self.rotation, self.zoom)
        about[:, 2] += self.shift
        linear = about[:, :2] @ window.place[:, :2]
        offset = about[:, :2] @ window.place[:, 2] + about[:, 2]
        return replace(window, place=np.column_stack([linear, offset]).astype(np.float32))

    def applied(self, crops: Crops, maps: Maps) -> tuple[Crops, Maps]:
        """Applies growth, gain and mirroring to the generator's input."""
        radius = round(self.growth * maps.shape[1] / 128)
        if radius:
            disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1,) * 2)
            maps = np.stack([cv2.dilate(map, disc) for map in maps])
        if self.gain != 1:
            crops = np.clip(np.rint((crops - np.float32(127.5)) * self.gain + 127.5), 0, 255).astype(np.uint8)
        if self.mirror:
            crops, maps = crops[:, :, ::-1], maps[:, :, ::-1]
        return np.ascontiguousarray(crops), np.ascontiguousarray(maps)

    def undone(self, made: Float32[ndarray, "n side side 3"]) -> Float32[ndarray, "n side side 3"]:
        """Undoes mirroring and gain in the generator's images."""
        if self.mirror:
            made = np.ascontiguousarray(made[:, :, ::-1])
        return (
            (made - np.float32(127.5)) / np.float32(self.gain) + np.float32(127.5) if self.gain != 1 else made
        )


UNVARIED = Variation()


def draw_variations(count: int, seed: int) -> list[Variation]:
    """Draws different variations from `seed`; the first one is `UNVARIED`."""
    rng = np.random.default_rng(seed)
    variations = [UNVARIED]
    while len(variations) < count:
        variations.append(
            Variation(
                mirror=len(variations) % 2 == 1,
                shift=(float(rng.uniform(-SHIFT, SHIFT)), float(rng.uniform(-SHIFT, SHIFT))),
                zoom=float(1 + rng.uniform(-ZOOM, ZOOM)),
                rotation=float(rng.uniform(-ROTATION, ROTATION)),
                gain=float(1 + rng.uniform(-LIGHT, LIGHT)),
                growth=int(rng.integers(0, GROWTH + 1)),
            )
        )
    return variations
