"""Cropped face on which masks are drawn, with everything that does not depend on the mask."""

from dataclasses import dataclass

from maskgen.rendering.lighting import Light
from maskgen.rendering.projection import Fit
from maskgen.types import Face, Plane, Pose, RGBImage


@dataclass(frozen=True)
class Stage:
    """Cropped face with its pose, its fitted head and its light: all that does not depend on the mask.

    Attributes:
        image: the crop, uint8 RGB of shape (h, w, 3).
        inside: 1 where the crop shows the photo, 0 where it is border; uint8 of shape (h, w).
        face: landmarks in pixels of the crop.
        pose: head pose in degrees.
        fit: the canonical head fitted to the landmarks, in pixels of the crop.
        light: the photo's light on this face.
        softness: sigma, in pixels, of the blur that an edge in the crop has.
    """

    image: RGBImage
    inside: Plane
    face: Face
    pose: Pose
    fit: Fit
    light: Light
    softness: float
