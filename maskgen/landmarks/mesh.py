"""The backend `mesh`: BlazeFace finds the face, a second network lays 468 points in three dimensions over it."""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from maskgen.assets import model_file
from maskgen.errors import Skip
from maskgen.landmarks.blazeface import LEFT_EYE, MOUTH, RIGHT_EYE, SIDE, BlazeFace, Finding
from maskgen.landmarks.runtime import load_network
from maskgen.resample import carry, inverse, warp
from maskgen.types import Affine, Face, Picture

MESH_SIDE = 192
MARGIN = 1.5  # side of what the mesh network is shown, in sides of the face's box; it was trained so
FIND_SCORE = 0.5
PRESENCE = 0.5
EYE_CORNERS = (33, 263)  # outer corners of the subject's right and left eye
LIPS = (13, 14)  # middle of the inner lips


class MeshDetector:
    """Faces with a 468-point mesh."""

    def __init__(self, runtime: str = "auto") -> None:
        file = model_file("face_landmark")
        self._blazeface = BlazeFace(runtime)
        self._network = load_network(file.path, ("conv2d_21", "conv2d_31"), runtime)
        self.name = f"mesh-{self._network.runtime}-{self._blazeface.name}-facemesh-{file.digest[:8]}"

    def detect(self, pixels: Picture) -> list[Face] | Skip:
        """The faces, largest first; see `Detector`."""
        seen = False
        for look in looks(*pixels.shape[:2]):
            findings = self._blazeface.find(pixels, look, FIND_SCORE)
            seen = seen or bool(findings)
            faces = [face for finding in findings if (face := self._mesh(pixels, finding)) is not None]
            if faces:
                return sorted(faces, key=lambda face: face.box[0] - face.box[2])
        return Skip("bad_landmarks") if seen else Skip("no_face")

    def _mesh(self, pixels: Picture, finding: Finding) -> Face | None:
        """Lay the mesh over one finding; None where it does not fit."""
        mesh, presence = self._points(pixels, view_of_finding(finding))
        if presence < 0.1:
            return None
        mesh, presence = self._points(pixels, view_of_mesh(mesh))
        if presence < PRESENCE:
            return None
        low, high = mesh[:, :2].min(0), mesh[:, :2].max(0)
        box = (float(low[0]), float(low[1]), float(high[0]), float(high[1]))
        return Face(box, mesh[:, :2].copy(), "mesh468", mesh, float(presence))

    def _points(self, pixels: Picture, view: Affine) -> tuple[Float32[ndarray, "468 3"], float]:
        """The mesh in pixels of the photo and the network's belief, 0-1, that a face is in the view."""
        blob = warp(pixels, view, MESH_SIDE, "replicate").astype(np.float32) * np.float32(1 / 255)
        points, logit = self._network(blob[None])
        back = inverse(view)
        mesh = points.reshape(468, 3).copy()
        mesh[:, :2] = carry(back, mesh[:, :2] - 0.5)
        mesh[:, 2] *= np.sqrt(abs(np.linalg.det(back[:, :2])))
        return mesh, float(1 / (1 + np.exp(-np.float64(logit[0]))))


def looks(height: int, width: int) -> Iterator[Affine]:
    """What the detector is shown, one after another until a face is found: the photo, the photo with a margin."""
    centre = np.array([width - 1, height - 1]) / 2
    for share in (1.0, 0.6):
        yield similarity(centre, 0.0, SIDE * share / max(height, width), SIDE)


def view_of_finding(finding: Finding) -> Affine:
    """Photo -> what the mesh network is shown, upright by the eyes."""
    right, left = finding.points[RIGHT_EYE], finding.points[LEFT_EYE]
    side = MARGIN * float(finding.box[2:].max())
    return similarity(finding.box[:2], _angle(right, left), MESH_SIDE / side, MESH_SIDE)


def view_of_mesh(mesh: Float32[ndarray, "468 3"]) -> Affine:
    """Photo -> the view that the mesh itself asks for: steadier than the detector's."""
    points = mesh[:, :2]
    angle = _angle(points[EYE_CORNERS[0]], points[EYE_CORNERS[1]])
    turn = similarity(np.zeros(2), angle, 1.0, 1)
    upright = carry(turn, points)
    low, high = upright.min(0), upright.max(0)
    centre = carry(inverse(turn), ((low + high) / 2)[None])[0]
    return similarity(centre, angle, MESH_SIDE / (MARGIN * float((high - low).max())), MESH_SIDE)


def similarity(centre: ndarray, angle: float, scale: float, size: int) -> Affine:
    """Photo -> a square of `size` pixels with `centre` in its middle.

    Args:
        centre: x, y in the photo.
        angle: radians, clockwise as seen, by which the photo is turned; the result turns it back.
        scale: pixels of the result a pixel of the photo.
        size: side of the result.
    """
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    linear = np.array([[cos, sin], [-sin, cos]])
    return np.column_stack([linear, (size - 1) / 2 - linear @ centre]).astype(np.float32)


def _angle(right: ndarray, left: ndarray) -> float:
    """How far the line of the eyes is turned, radians, clockwise as seen; the subject's right eye lies left."""
    across = left - right
    return float(np.arctan2(across[1], across[0]))
