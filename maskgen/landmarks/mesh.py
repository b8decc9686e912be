"""The backend `mesh`: BlazeFace finds the face, a second network lays 468 points in three dimensions over it."""

from collections.abc import Iterable

import numpy as np

from maskgen.assets import model_file
from maskgen.errors import Skip
from maskgen.landmarks.blazeface import SIDE, BlazeFace, Finding
from maskgen.landmarks.check import fault_of
from maskgen.landmarks.runtime import load_network
from maskgen.landmarks.topology import Mesh
from maskgen.landmarks.views import alike, tilt, turned_looks, upright_looks, view_of_box, view_of_mesh
from maskgen.resample import carry, inverse, scale_of, warp
from maskgen.types import Affine, Face, Picture

MESH_SIDE = 192
# BlazeFace fires on hands, folds and texture at every threshold; what keeps those out is PRESENCE. On 596 crops
# without a face it fired on 11 %, and the mesh network believed in none of them.
FIND_SCORE = 0.5
PRESENCE = 0.7
SURE = 0.99  # a belief below it is asked for again from the mesh's own view
HOPELESS = 0.05  # of 900 faces none that a second view saved was believed in less at first
SAME_FACE = 0.5  # share of the smaller box from which two meshes mean one face


class MeshDetector:
    """Faces with a 468-point mesh. Holds two networks: one detector a thread.

    Args:
        every_look: look for small faces beside large ones too; otherwise the search ends with the first look
            that finds a face.
        runtime: as in `load_network`.
    """

    def __init__(self, every_look: bool = False, runtime: str = "auto") -> None:
        file = model_file("face_landmark")
        self._every_look = every_look
        self._blazeface = BlazeFace(runtime)
        self._network = load_network(file.path, ("conv2d_21", "conv2d_31"), runtime)
        search = "every-look" if every_look else "first-look"
        self.name = f"mesh-{search}-{self._network.runtime}-{self._blazeface.name}-facemesh-{file.digest[:8]}"

    def detect(self, pixels: Picture) -> list[Face] | Skip:
        """The faces, largest visible first; see `Detector`."""
        height, width = pixels.shape[:2]
        faces, fault = self._search(pixels, upright_looks(height, width, SIDE), self._every_look)
        if not faces:
            faces, turned_fault = self._search(pixels, turned_looks(height, width, SIDE), False)
            fault = fault or turned_fault
        if not faces:
            return Skip("bad_landmarks", fault) if fault else Skip("no_face")
        return sorted(faces, key=lambda face: -_visible(face, height, width))

    def _search(self, pixels: Picture, looks: Iterable[Affine], every: bool) -> tuple[list[Face], str]:
        """Faces of the first look that has any, or of every look; and why one that was found was refused."""
        faces: list[Face] = []
        fault = ""
        for look in looks:
            for finding in self._blazeface.find(pixels, look, FIND_SCORE):
                face = self._face(pixels, finding)
                if face is None:
                    continue
                problem = fault_of(face, *pixels.shape[:2])
                fault = fault or problem
                if not problem and not any(_same(face, other) for other in faces):
                    faces.append(face)
            if faces and not every:
                break
        return faces, fault

    def _face(self, pixels: Picture, finding: Finding) -> Face | None:
        """Lay the mesh over one finding; None where the mesh network sees no face there."""
        view = view_of_box(finding.box[:2], float(finding.box[2:].max()), tilt(*finding.eyes), MESH_SIDE)
        mesh, presence = self._mesh(pixels, view)
        if presence < HOPELESS:
            return None
        own_view = view_of_mesh(mesh, MESH_SIDE)
        if presence < SURE or not alike(view, own_view, MESH_SIDE):
            mesh, presence = self._mesh(pixels, own_view)
        if presence < PRESENCE:
            return None
        (left, top), (right, bottom) = mesh[:, :2].min(0), mesh[:, :2].max(0)
        box = (float(left), float(top), float(right), float(bottom))
        return Face(box, mesh[:, :2].copy(), "mesh468", mesh, finding.score * presence)

    def _mesh(self, pixels: Picture, view: Affine) -> tuple[Mesh, float]:
        """The mesh in pixels of the photo, and the network's belief, 0-1, that the view shows a face."""
        blob = warp(pixels, view, MESH_SIDE, "replicate").astype(np.float32) * np.float32(1 / 255)
        points, logit = self._network(blob[None])
        back = inverse(view)
        mesh = points.reshape(468, 3).copy()
        mesh[:, :2] = carry(back, mesh[:, :2] - np.float32(0.5))  # from edges to centres of pixels
        mesh[:, 2] *= scale_of(back)
        return mesh, float(1 / (1 + np.exp(-np.float64(logit[0]))))


def _visible(face: Face, height: int, width: int) -> float:
    """Pixels of a face's box that lie in the photo."""
    x0, y0, x1, y1 = face.box
    return max(0.0, min(x1, width) - max(x0, 0)) * max(0.0, min(y1, height) - max(y0, 0))


def _same(one: Face, other: Face) -> bool:
    """Whether two meshes lie on one face."""
    a, b = np.array(one.box), np.array(other.box)
    shared = np.prod(np.clip(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0, None))
    return bool(shared > SAME_FACE * min(np.prod(a[2:] - a[:2]), np.prod(b[2:] - b[:2])))
