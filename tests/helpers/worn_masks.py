"""A head to put masks on: the mean face on a plain skin-coloured picture of 256 pixels."""

import numpy as np

from maskgen.types import Face, Photo, PhotoRef, RGBImage
from tests.helpers.faces import mean_face, turned

SIZE = 256
UNIT = 60.0  # pixels a head unit


def turned_mesh(yaw=0.0, pitch=0.0, roll=0.0, at=(128.0, 100.0)) -> np.ndarray:
    """The mean mesh in a pose, the middle of its eyes at a place."""
    return mean_face(turned(yaw, pitch, roll), eyes=UNIT, centre=at).mesh


def skin_photo(size=SIZE, colour=(200, 150, 125)) -> Photo:
    """A plain picture with a little noise, so that no pixel is like the next."""
    rng = np.random.default_rng(0)
    pixels = np.clip(np.array(colour) + rng.normal(0, 3, (size, size, 3)), 0, 255).astype(np.uint8)
    return Photo(PhotoRef("plain.png"), pixels, "0" * 64)


class FixedDetector:
    """Finds the same faces in every photo."""

    name = "fixed"

    def __init__(self, *faces: Face) -> None:
        self.faces = list(faces)

    def detect(self, pixels: RGBImage) -> list[Face]:
        """The faces it was made with."""
        return self.faces
