"""The backend `mesh`: BlazeFace finds the face, a second network lays 468 points in three dimensions over it."""

import math
from collections.abc import Iterable
from typing import Literal

import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from maskgen.assets import model_file
from maskgen.errors import Skip
from maskgen.faces.landmarks.base import SourcePoints
from maskgen.faces.landmarks.blazeface import SIDE, BlazeFace, Finding
from maskgen.faces.landmarks.crop_windows import (
    alike,
    extent,
    tile_looks,
    tilt,
    view_of_box,
    view_of_mesh,
    whole_looks,
)
from maskgen.faces.landmarks.five_points import finding_at
from maskgen.faces.landmarks.plausibility import fault_of
from maskgen.faces.landmarks.runtime import Model, load_network
from maskgen.faces.landmarks.topology import LEFT_EYE, RIGHT_EYE, Mesh
from maskgen.images.resample import inverse
from maskgen.native import compiled
from maskgen.types import Affine, Face, RGBImage

MESH_SIDE = 192

Guided = Literal["ignored", "first", "only"]

# A face's score is the finder's, times the mesh network's belief, times how well both agree on where the eyes are.
# Alone none of the three suffices: the finder fires on hands and folds, and on a head that is upside down both
# networks see another, upright face, four times in five; its score is below CLEAR in 199 of 200.
FIND = 0.5  # the finder's least score
BELIEF = (
    0.7  # the mesh network's least belief; of 600 crops without a face the finder fired on 64, it on none
)
SCORE = 0.4  # meshes above it lie on their faces; the one below it in 14,690 photos did not
CLEAR = (
    0.72  # 99 % of LFW's faces score more, 91 % of UTKFace's tight ones; until one does, the search goes on
)

HOPELESS = 0.05  # no face of 14,600 that a second view saved was believed in less at first
CUT_COUNTS = 4  # a face three quarters in the photo counts as a third of its size: few photos are of it
# From the finder's box to the view that the mesh asks for, by how far right of and below the eyes the box's middle
# lies, all in sides of the box: least squares over 160 photos of LFW. On
# 200 others the second network then runs 1.2 times a photo, not 1.5, and ends nearer to where it would settle.
BACK, RAISED, SETTLED = 0.19, -0.13, -0.73
WIDER, NARROWER = 1.09, 0.19
VIEW = 4  # counted up with how views are chosen and shown, so that no earlier mesh is taken from a cache
NESTED = 1.4  # ratio of widths from which one mesh lies in another, not on it
SAME_FACE = 0.5  # share of the smaller box from which two meshes mean one face


class FaceMesh:
    """The network of the mesh. Not to be shared between threads."""

    def __init__(self, runtime: str = "auto") -> None:
        file = model_file("face_landmark")
        model = Model(file.path, ("conv2d_21", "conv2d_31"), MESH_SIDE, "replicate", 1 / 255)
        self._network = load_network(model, runtime)
        self.runtime, self.name = self._network.runtime, f"facemesh-{file.digest[:8]}"

    def __call__(self, pixels: RGBImage, view: Affine) -> tuple[Mesh, float]:
        """The mesh in pixels of the photo, and the network's belief, 0-1, that the view shows a face."""
        points, logit = self._network(pixels, view)
        (cos, sin, x), (_, _, y) = inverse(view).tolist()
        mesh = np.empty((468, 3), np.float32)
        _lay_out(points.reshape(468, 3), cos, sin, x, y, math.hypot(cos, sin), mesh)
        return mesh, _share(float(logit[0]))


def _share(logit: float) -> float:
    """Applies the logistic function: a network's logit to 0-1."""
    return 1 / (1 + math.exp(-max(logit, -700.0)))  # below it, `exp` has no answer


@compiled
def _lay_out(
    points: Float32[ndarray, "n 3"],
    cosine: float,
    sine: float,
    x: float,
    y: float,
    scale: float,
    mesh: Float32[ndarray, "n 3"],
) -> None:
    """Transforms from the network's pixels, counted from edges, to the photo's, counted from centres."""
    cos, sin = np.float32(cosine), np.float32(sine)
    right, below, deep = points.T - np.array([[0.5], [0.5], [0]], np.float32)
    mesh[:, 0] = right * cos + below * sin + np.float32(x)
    mesh[:, 1] = below * cos - right * sin + np.float32(y)
    mesh[:, 2] = deep * np.float32(scale)


class MeshDetector:
    """Faces with a 468-point mesh. Holds two networks: one detector a thread.

    Args:
        every_look: look for small faces beside large ones too; otherwise the search ends with the first look
            that finds a face clearly.
        runtime: as in `load_network`.
        points: what to do with points that the source brings: "ignored"; "first", they say where a face is, and a
            search follows where they do not; or "only".
    """

    def __init__(self, every_look: bool = False, runtime: str = "auto", points: Guided = "ignored") -> None:
        self._every_look, self._points = every_look, points
        self._blazeface, self._mesh = BlazeFace(runtime), FaceMesh(runtime)
        search = "every-look" if every_look else "first-look"
        guide = "" if points == "ignored" else f"-points-{points}"
        self.name = (
            f"mesh-{VIEW}-{search}{guide}-{self._mesh.runtime}-{self._blazeface.name}-{self._mesh.name}"
        )

    def detect_at(self, pixels: RGBImage, points: SourcePoints) -> list[Face] | Skip:
        """Detects the face at the five points that the source gives, before others. See `GuidedDetector`."""
        if self._points == "ignored":
            return self.detect(pixels)
        finding = finding_at(points)
        face = (
            self._face(pixels, finding, _view(finding))
            if finding
            else f"{len(points)} points in place of five"
        )
        if not isinstance(face, Face):
            fault = Skip("bad_landmarks", face or "no face where the source's points are")
            return fault if self._points == "only" else self.detect(pixels)
        others = self.detect(pixels) if self._every_look and self._points == "first" else []
        return (
            [face, *(other for other in others if not _same(face, other))]
            if isinstance(others, list)
            else [face]
        )

    def detect(self, pixels: RGBImage) -> list[Face] | Skip:
        """Detects faces, largest first; doubtful ones and ones cut by the photo's edge come later. See `Detector`."""
        if self._points == "only":
            return Skip("no_face", "the source has no points of this photo")
        height, width = pixels.shape[:2]
        faces, fault = self._search(pixels, whole_looks(height, width, SIDE))
        if self._every_look or not faces:
            more, other_fault = self._search(pixels, tile_looks(height, width, SIDE))
            fault = fault or other_fault
            for face in more:
                faces = _joined(faces, face)
        if not faces:
            return Skip("bad_landmarks", fault) if fault else Skip("no_face")
        return sorted(faces, key=lambda face: (face.score < CLEAR, -_weight(face, height, width)))

    def _search(self, pixels: RGBImage, looks: Iterable[Affine]) -> tuple[list[Face], str]:
        """Finds the faces of the looks, up to the first with a clear one; and why one that was seen was refused."""
        faces: list[Face] = []
        fault = ""
        for look in looks:
            for finding in self._blazeface.find(pixels, look, FIND):
                face = self._face(pixels, finding, _first_view(finding))
                if isinstance(face, str):
                    fault = fault or face
                elif face is not None:
                    faces = _joined(faces, face)
            if not self._every_look and any(face.score >= CLEAR for face in faces):
                break
        return faces, fault

    def _face(self, pixels: RGBImage, finding: Finding, view: Affine) -> Face | str | None:
        """Lays the mesh over one finding.

        Returns:
            The face; or what is wrong with its points; or None where the networks do not believe in a face.
        """
        mesh, belief = self._mesh(pixels, view)
        if belief < HOPELESS:
            return None
        if not math.isfinite(mesh.sum(dtype=np.float64)):
            return "points that are no numbers"
        score = finding.score * belief * _agreement(mesh, finding)
        own_view = view_of_mesh(mesh, MESH_SIDE)
        if score < CLEAR or not alike(view, own_view, MESH_SIDE):
            mesh, again = self._mesh(pixels, own_view)
            belief = min(belief, again)
            score = finding.score * belief * _agreement(mesh, finding)
        if belief < BELIEF or score < SCORE:
            return None
        least, most = extent(mesh)
        face = Face((*least, *most), mesh[:, :2].copy(), "mesh468", mesh, score)
        return fault_of(face, *pixels.shape[:2]) or face


def _view(finding: Finding) -> Affine:
    """Computes the mesh network's own view of a box."""
    return view_of_box(finding.box[:2], float(finding.box[2:].max()), tilt(*finding.eyes), MESH_SIDE)


def _first_view(finding: Finding) -> Affine:
    """Estimates the view that the mesh will ask for, from the detector's box and eyes."""
    side, angle = float(finding.box[2:].max()), tilt(*finding.eyes)
    cos, sin = math.cos(angle), math.sin(angle)
    (right_x, right_y), (left_x, left_y) = finding.eyes.tolist()
    x, y = finding.box[:2].tolist()
    across, down = (
        (x - (right_x + left_x) / 2) / max(side, 1.0),
        (y - (right_y + left_y) / 2) / max(side, 1.0),
    )
    right, below = cos * across + sin * down, cos * down - sin * across
    aside, raised = BACK * right * side, (RAISED - SETTLED * below) * side
    centre = np.array([x - cos * aside + sin * raised, y - sin * aside - cos * raised])
    return view_of_box(centre, side * math.exp(WIDER * below - NARROWER), angle, MESH_SIDE)


def _agreement(mesh: Mesh, finding: Finding) -> float:
    """Measures how well the mesh's eyes agree with the detector's: 1 if equal, 0 from an eye distance on."""
    # in three dimensions: a turned head brings eyes close in two
    right, left = (((mesh[one] + mesh[other]) / 2).tolist() for one, other in (RIGHT_EYE, LEFT_EYE))
    gap = max(
        math.dist(eye[:2], found) for eye, found in zip((right, left), finding.eyes.tolist(), strict=True)
    )
    return max(0.0, 1 - gap / max(math.dist(right, left), 1e-6))


def _weight(face: Face, height: int, width: int) -> float:
    """Weighs a face by its size, less the more of it lies outside the photo."""
    x0, y0, x1, y1 = face.box
    visible = max(0.0, min(x1, width) - max(x0, 0)) * max(0.0, min(y1, height) - max(y0, 0))
    whole = (x1 - x0) * (y1 - y0)
    return whole * (visible / whole) ** CUT_COUNTS


def _joined(faces: list[Face], face: Face) -> list[Face]:
    """Adds a face. Of several finds of one face the best is kept, of nested ones the outer one."""
    same = [other for other in faces if _same(face, other)]
    if any(_better(other, face) for other in same):
        return faces
    return [other for other in faces if all(other is not one for one in same)] + [face]


def _better(one: Face, other: Face) -> bool:
    """Decides which of two finds to keep: an eye or a mouth alone can look like a small face to the networks."""
    ratio = (one.box[2] - one.box[0]) / (other.box[2] - other.box[0])
    return one.score >= other.score if 1 / NESTED < ratio < NESTED else ratio > 1


def _same(one: Face, other: Face) -> bool:
    """Tells whether two meshes lie on one face."""
    a, b = np.array(one.box), np.array(other.box)
    shared = np.prod(np.clip(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0, None))
    return bool(shared > SAME_FACE * min(np.prod(a[2:] - a[:2]), np.prod(b[2:] - b[:2])))
