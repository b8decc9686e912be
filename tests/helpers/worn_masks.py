"""Head for tests of rendering: the mean face on a plain skin-coloured image of 256 pixels."""

import numpy as np

from maskgen.faces.canonical_head import canonical_head
from maskgen.faces.landmarks.cache import CachedDetector
from maskgen.masks.selection import open_wardrobe
from maskgen.rendering.lighting import skin_triangles
from maskgen.rendering.triplet import Tools
from maskgen.settings import GenSettings
from maskgen.types import Face, Photo, PhotoRef, RGBImage
from tests.helpers.faces import face_from, mean_face, turned

SIZE = 256
UNIT = 60.0  # pixels per head unit


def turned_mesh(yaw=0.0, pitch=0.0, roll=0.0, at=(128.0, 100.0)) -> np.ndarray:
    """Returns the mean mesh in a pose, with the midpoint of the eyes at `at`."""
    return mean_face(turned(yaw, pitch, roll), eyes=UNIT, centre=at).mesh


def skin_photo(size=SIZE, colour=(200, 150, 125)) -> Photo:
    """Draws a plain image with a little noise, so that neighbouring pixels differ."""
    rng = np.random.default_rng(0)
    pixels = np.clip(np.array(colour) + rng.normal(0, 3, (size, size, 3)), 0, 255).astype(np.uint8)
    return Photo(PhotoRef("plain.png"), pixels, "0" * 64)


class FixedDetector:
    """Face detector that finds the same faces in every photo."""

    name = "fixed"

    def __init__(self, *faces: Face) -> None:
        self.faces = list(faces)

    def detect(self, pixels: RGBImage) -> list[Face]:
        """Returns the given faces."""
        return self.faces


def fixed_tools(settings: GenSettings, *meshes: np.ndarray) -> Tools:
    """Builds the tools of `make_triplets` with a detector that finds the same faces in every photo."""
    head = canonical_head()
    detector = CachedDetector(FixedDetector(*map(face_from, meshes)), None)
    return Tools(settings, detector, head, skin_triangles(head), open_wardrobe(settings.masks))
