"""Painter of the hidden part of one face, from references: shape, texture, light, and its place in the result."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32
from numpy import ndarray

from maskgen.faces.landmarks.topology import Mesh
from maskgen.types import Plane, RGBImage
from unmasknet.restore.face_window import FaceWindow
from unmasknet.restore.photo import WindowColours, tone_of, toned
from unmasknet.restore.reference.light import Evidence, relit
from unmasknet.restore.reference.references import Reference
from unmasknet.restore.reference.shape import Expression, eye_distance, pose_onto
from unmasknet.restore.reference.texture import lay_texture

TURNED = (
    12.0  # degrees of yaw from which a reference hides a part of a cheek: its mirror image is laid under it
)
SAMPLED = 128  # pixels along the longer side of a window that are looked at, to tell a grey photo


@dataclass(frozen=True)
class Target:
    """Masked face to be painted.

    Attributes:
        filled: the photo with the network's result.
        mesh: of the face, found on `filled`, in its pixels.
        covered: 1 where masks are, the size of the photo.
    """

    filled: RGBImage
    mesh: Mesh
    covered: Plane


def paint(
    target: Target,
    reference: Reference,
    window: FaceWindow,
    result: WindowColours,
    expression: Expression,
) -> WindowColours:
    """Paints a reference over the network's result, where the reference or its mirror image shows the face.

    Args:
        target: the masked face.
        reference: the photo to take the face from.
        window: of the face.
        result: the network's result, RGB, 0-255, in the pixels of the window.
        expression: see `pose_onto`.
    """
    if abs(reference.pose.yaw) > TURNED:
        result = _laid_over(result, reference.mirrored, target, window, expression)
    return _laid_over(result, reference, target, window, expression)


def _laid_over(
    result: WindowColours, reference: Reference, target: Target, window: FaceWindow, expression: Expression
) -> WindowColours:
    """Lays a warped reference in the photo's light over a result."""
    posed = pose_onto(reference.mesh, target.mesh, target.covered, expression)
    corner = int(window.columns.start), int(window.rows.start)
    texture = lay_texture(reference.pixels, posed, corner, result.shape[:2])
    eyes = eye_distance(target.mesh)
    covered = (window.of(target.covered) > 0).astype(np.float32)
    filled = window.of(target.filled).astype(np.float32)
    lit = relit(texture.colours, texture.skin, Evidence(filled, covered, eyes))
    if (tone := _tone(window.of(target.filled), window.of(target.covered) == 0)) is not None:
        lit = toned(lit.mean(axis=2), tone)
    return result + (lit - result) * texture.weight[..., None]


def _tone(pixels: RGBImage, where: Bool[ndarray, "tall wide"]) -> Float32[ndarray, "3 3"] | None:
    """Fits the tone of a grey or toned photo, see `photo.tone_of`, on a part of the pixels `where`."""
    step = max(1, max(where.shape) // SAMPLED)
    return tone_of(np.ascontiguousarray(pixels[::step, ::step]), where[::step, ::step])
