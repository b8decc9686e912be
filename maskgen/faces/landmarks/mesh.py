"""Backend `mesh`: BlazeFace detects faces, and a second network predicts 468 points of each in three dimensions."""

import math
from collections.abc import Iterable, Iterator
from typing import Literal

import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from maskgen.assets import model_file
from maskgen.errors import Skip
from maskgen.faces.landmarks.base import SourcePoints
from maskgen.faces.landmarks.blazeface import SIDE, BlazeFace, Detection
from maskgen.faces.landmarks.crop_windows import (
    TILE,
    alike,
    extent,
    tile_looks,
    tilt,
    view_of_box,
    view_of_mesh,
    whole_looks,
)
from maskgen.faces.landmarks.five_points import detection_at
from maskgen.faces.landmarks.network_input import Source
from maskgen.faces.landmarks.plausibility import fault_of
from maskgen.faces.landmarks.runtime import Model, load_network
from maskgen.faces.landmarks.small_faces import small_detections, tile_sides
from maskgen.faces.landmarks.topology import LEFT_EYE, RIGHT_EYE, Mesh
from maskgen.images.resample import Blocks, inverse
from maskgen.native import compiled
from maskgen.types import Affine, Face, RGBImage

MESH_SIDE = 192

Guided = Literal["ignored", "first", "only"]

# A face's score is the detector's score, times the mesh network's belief (the probability of a face that it predicts),
# times the agreement of both on the positions of the eyes. None of the three is enough alone: the detector fires on
# hands and folds, and on an upside-down head both networks see another, upright face, four times in five; its score is
# below CLEAR in 199 of 200.
FIND = 0.5  # least score of the detector
BELIEF = 0.7  # least belief of the mesh network; none of 64 false detections in 600 crops reaches it
SCORE = 0.4  # least score: of 14,690 photos one had less, and its mesh did not lie on the face
CLEAR = 0.72  # ends the search; 99 % of LFW's faces and 91 % of UTKFace's tight crops score more

HOPELESS = 0.05  # least belief in the first view: all of 14,600 faces accepted after a second view had more
CUT_COUNTS = 4  # exponent of the visible fraction: three quarters visible count as a third of the size
# From the detector's box to the view that suits the mesh (`view_of_mesh`), depending on how far the centre of the box
# lies right of and below the eyes, all in sides of the box: least squares over 160 photos of LFW. On 200 others the
# mesh network then runs 1.2 times per photo instead of 1.5, and ends nearer to the mesh that further views approach.
BACK, RAISED, SETTLED = 0.19, -0.13, -0.73
WIDER, NARROWER = 1.09, 0.19
# To be raised, as the number in `every-look-2`, when views or faces are chosen otherwise: it invalidates cached meshes.
VIEW = 4
LEAST_QUICK = (
    14  # pixels of BlazeFace's view; width of the smallest face that the quick search trusts it to see
)
NESTED = 1.4  # ratio of widths above which one mesh lies inside another, not on the same face
# Rotated views show a turned face on an upright head, larger or with a higher score than the right one, in 2 of 1,001
# photos of LFW. If these are upside down, an upright mesh is clear in 5, and the right one leads by .12 in 4 of them.
OPPOSITE = math.pi / 2  # angle between two meshes above which they cannot both be right
UPRIGHT = 0.05  # lead in score of an upright mesh
SAME_FACE = 0.5  # fraction of the smaller box above which two overlapping meshes belong to one face


class FaceMesh:
    """Mesh network. Not to be shared between threads."""

    def __init__(self, runtime: str = "auto") -> None:
        file = model_file("face_landmark")
        model = Model(file.path, ("conv2d_21", "conv2d_31"), MESH_SIDE, "replicate", 1 / 255)
        self._network = load_network(model, runtime)
        self.runtime, self.name = self._network.runtime, f"facemesh-{file.digest[:8]}"

    def __call__(self, photo: Source, view: Affine) -> tuple[Mesh, float]:
        """Predicts the mesh in pixels of the photo, and the probability that the view shows a face (the belief)."""
        points, logit = self._network(photo, view)
        (cos, sin, x), (_, _, y) = inverse(view).tolist()
        mesh = np.empty((468, 3), np.float32)
        _lay_out(points.reshape(468, 3), cos, sin, x, y, math.hypot(cos, sin), mesh)
        return mesh, _probability(float(logit[0]))


def _probability(logit: float) -> float:
    """Applies the logistic function to a logit."""
    return 1 / (1 + math.exp(-max(logit, -700.0)))  # smaller logits would overflow `exp`


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
    """Transforms from the network's pixels (integers are edges) to the photo's (integers are centres)."""
    cos, sin = np.float32(cosine), np.float32(sine)
    right, below, deep = points.T - np.array([[0.5], [0.5], [0]], np.float32)
    mesh[:, 0] = right * cos + below * sin + np.float32(x)
    mesh[:, 1] = below * cos - right * sin + np.float32(y)
    mesh[:, 2] = deep * np.float32(scale)


class MeshDetector:
    """Detector of faces with a 468-point mesh. Holds two networks: use one per thread.

    Args:
        every_look: search for small faces beside large ones too; otherwise the search ends with the first view
            in which a face scores at least `CLEAR`.
        runtime: as in `load_network`.
        points: use of the face points that a source gives: "ignored"; "first": the face is taken from them, and
            searched if there are none or they do not fit; or "only".
        smallest: width in pixels of the smallest face to be found in a large photo; 0 searches only for faces that
            are large enough in the photo, or in tiles of about half of its longer side: 4 to 9 % of that side.
        quick: search for small faces beside large ones, but only in views that are needed to resolve them, and without
            rotated views once a face is found.
    """

    def __init__(
        self,
        every_look: bool = False,
        runtime: str = "auto",
        points: Guided = "ignored",
        smallest: float = 0.0,
        quick: bool = False,
    ) -> None:
        self._every_look, self._points, self._smallest = every_look and not quick, points, smallest
        self._quick = quick
        self._blazeface, self._mesh = BlazeFace(runtime), FaceMesh(runtime)
        search = "quick-look" if quick else "every-look-2" if every_look else "first-look"
        guide = "" if points == "ignored" else f"-points-{points}"
        guide += f"-from-{smallest:g}-px" if smallest else ""
        self.name = (
            f"mesh-{VIEW}-{search}{guide}-{self._mesh.runtime}-{self._blazeface.name}-{self._mesh.name}"
        )

    def detect_at(self, pixels: RGBImage, points: SourcePoints) -> list[Face] | Skip:
        """Detects the face at the five points that the source gives, before others. See `GuidedDetector`."""
        if self._points == "ignored":
            return self.detect(pixels)
        detection = detection_at(points)
        face = (
            self._face(Blocks(pixels), detection, _view(detection))
            if detection
            else f"{len(points)} points in place of five"
        )
        if not isinstance(face, Face):
            fault = Skip("bad_landmarks", face or "no face where the source's points are")
            return fault if self._points == "only" else self.detect(pixels)
        is_guided_first = self._points == "first" and (self._every_look or self._quick)
        others = self.detect(pixels) if is_guided_first else []
        return (
            [face, *(other for other in others if not _same(face, other))]
            if isinstance(others, list)
            else [face]
        )

    def detect(self, pixels: RGBImage) -> list[Face] | Skip:
        """Detects faces, largest first; doubtful faces and faces cut by the photo's edge come later. See `Detector`."""
        if self._points == "only":
            return Skip("no_face", "the source has no points of this photo")
        height, width = pixels.shape[:2]
        photo = Blocks(pixels)
        faces, fault = self._search(photo, self._looks(photo, whole_looks(height, width, SIDE)))
        if self._quick:
            faces = self._with_smaller(photo, faces)
        levels = tile_sides(height, width, self._smallest) if self._smallest else []
        tiled = self._looks(photo, tile_looks(height, width, SIDE))
        if levels:  # in a large photo all tiles are searched: the largest face may be in any of them
            tiled = iter([[one for found in tiled for one in found]])
        for found in (tiled, *(self._level(photo, side) for side in levels)):
            if faces and not self._every_look:
                break
            more, other_fault = self._search(photo, found)
            fault = fault or other_fault
            for face in more:
                faces = _joined(faces, face, self._every_look)
        if not faces:
            return Skip("bad_landmarks", fault) if fault else Skip("no_face")
        return sorted(faces, key=lambda face: (face.score < CLEAR, -_weight(face, height, width)))

    def _looks(self, photo: Blocks, views: Iterable[Affine]) -> Iterator[list[Detection]]:
        """Yields the detections in each view."""
        for view in views:
            yield self._blazeface.find(photo, view, FIND)

    def _level(self, photo: Blocks, side: float) -> Iterator[list[Detection]]:
        """Yields the detections in all tiles of a side, at once."""
        yield small_detections(self._blazeface, photo, side, FIND, FIND)

    def _with_smaller(self, photo: Blocks, faces: list[Face]) -> list[Face]:
        """Adds the faces that only tiles show, if the photo is so large that the whole view may not show them.

        Detections on faces that are known are not looked at again, which is most of the time of a thorough search.
        """
        height, width = photo.pixels.shape[:2]
        if self._smallest and max(height, width) * LEAST_QUICK <= self._smallest * SIDE:
            return faces
        levels = tile_sides(height, width, self._smallest) if self._smallest else []
        for side in (TILE * max(height, width), *levels):
            for detection in small_detections(self._blazeface, photo, side, FIND, FIND):
                if not any(_is_on(detection, face) for face in faces):
                    face = self._face(photo, detection, _first_view(detection))
                    faces = _joined(faces, face) if isinstance(face, Face) else faces
        return faces

    def _search(self, photo: Blocks, looks: Iterable[list[Detection]]) -> tuple[list[Face], str]:
        """Finds faces in the views, up to the first view with a clear face; also returns why a face was refused."""
        faces: list[Face] = []
        fault = ""
        for detections in looks:
            for detection in detections:
                face = self._face(photo, detection, _first_view(detection))
                if isinstance(face, str):
                    fault = fault or face
                elif face is not None:
                    faces = _joined(faces, face, self._every_look)
            if not self._every_look and any(face.score >= CLEAR for face in faces):
                break
        return faces, fault

    def _face(self, photo: Blocks, detection: Detection, view: Affine) -> Face | str | None:
        """Predicts the mesh of one detection.

        Returns:
            The face; or why its points are implausible; or None if belief or score are too low.
        """
        mesh, belief = self._mesh(photo, view)
        if belief < HOPELESS:
            return None
        if not math.isfinite(mesh.sum(dtype=np.float64)):
            return "non-finite points"
        score = detection.score * belief * _agreement(mesh, detection)
        own_view = view_of_mesh(mesh, MESH_SIDE)
        if score < CLEAR or not alike(view, own_view, MESH_SIDE):
            mesh, again = self._mesh(photo, own_view)
            belief = min(belief, again)
            score = detection.score * belief * _agreement(mesh, detection)
        if belief < BELIEF or score < SCORE:
            return None
        least, most = extent(mesh)
        face = Face((*least, *most), mesh[:, :2].copy(), "mesh468", mesh, score)
        return fault_of(face, *photo.pixels.shape[:2]) or face


def _view(detection: Detection) -> Affine:
    """Computes the mesh network's view of a detection's box."""
    return view_of_box(detection.box[:2], float(detection.box[2:].max()), tilt(*detection.eyes), MESH_SIDE)


def _first_view(detection: Detection) -> Affine:
    """Estimates the view that will suit the mesh (`view_of_mesh`) from the detector's box and eyes."""
    side, angle = float(detection.box[2:].max()), tilt(*detection.eyes)
    cos, sin = math.cos(angle), math.sin(angle)
    (right_x, right_y), (left_x, left_y) = detection.eyes.tolist()
    x, y = detection.box[:2].tolist()
    across, down = (
        (x - (right_x + left_x) / 2) / max(side, 1.0),
        (y - (right_y + left_y) / 2) / max(side, 1.0),
    )
    right, below = cos * across + sin * down, cos * down - sin * across
    aside, raised = BACK * right * side, (RAISED - SETTLED * below) * side
    centre = np.array([x - cos * aside + sin * raised, y - sin * aside - cos * raised])
    return view_of_box(centre, side * math.exp(WIDER * below - NARROWER), angle, MESH_SIDE)


def _agreement(mesh: Mesh, detection: Detection) -> float:
    """Measures how well the mesh's eyes agree with the detector's: 1 if equal, 0 from one eye distance on."""
    # the eye distance is measured in three dimensions: a turned head brings the eyes close in two
    right, left = (((mesh[one] + mesh[other]) / 2).tolist() for one, other in (RIGHT_EYE, LEFT_EYE))
    gap = max(
        math.dist(eye[:2], found) for eye, found in zip((right, left), detection.eyes.tolist(), strict=True)
    )
    return max(0.0, 1 - gap / max(math.dist(right, left), 1e-6))


def _is_on(detection: Detection, face: Face) -> bool:
    """Tells whether a detection lies on a known face: its centre between the edges, its size about the same."""
    x, y, width, _ = detection.box.tolist()
    x0, y0, x1, y1 = face.box
    return x0 < x < x1 and y0 < y < y1 and 1 / NESTED**2 < width / (x1 - x0) < NESTED**2


def _weight(face: Face, height: int, width: int) -> float:
    """Weighs a face by its size, and less the more of it lies outside the photo."""
    x0, y0, x1, y1 = face.box
    visible = max(0.0, min(x1, width) - max(x0, 0)) * max(0.0, min(y1, height) - max(y0, 0))
    whole = (x1 - x0) * (y1 - y0)
    return whole * (visible / whole) ** CUT_COUNTS


def _joined(faces: list[Face], face: Face, turned: bool = False) -> list[Face]:
    """Adds a face. Of several detections of one face the best is kept, of nested ones the outer one.

    Args:
        faces: the faces so far.
        face: the new one.
        turned: of two detections that are turned far from each other, keep the one with the higher score, whatever
            their sizes; upright ones have a lead of `UPRIGHT`.
    """
    same = [other for other in faces if _same(face, other)]
    if any(
        _likelier(other, face) if turned and _opposite(other, face) else _better(other, face)
        for other in same
    ):
        return faces
    return [other for other in faces if all(other is not one for one in same)] + [face]


def _better(one: Face, other: Face) -> bool:
    """Decides whether to keep the first of two detections of one face.

    Of nested detections the outer one is better: to the networks an eye or a mouth alone can look like a small face.
    """
    ratio = (one.box[2] - one.box[0]) / (other.box[2] - other.box[0])
    return one.score >= other.score if 1 / NESTED < ratio < NESTED else ratio > 1


def _opposite(one: Face, other: Face) -> bool:
    """Tells whether two meshes are turned so far from each other that they cannot both be right."""
    return abs(math.remainder(_roll(one) - _roll(other), 2 * math.pi)) > OPPOSITE


def _likelier(one: Face, other: Face) -> bool:
    """Decides by their scores whether to keep the first of two detections that are opposite to each other."""
    first, second = (face.score + UPRIGHT * (abs(_roll(face)) < OPPOSITE) for face in (one, other))
    return first >= second


def _roll(face: Face) -> float:
    return tilt(face.mesh[RIGHT_EYE[0], :2], face.mesh[LEFT_EYE[0], :2])


def _same(one: Face, other: Face) -> bool:
    """Tells whether two meshes lie on one face."""
    a, b = np.array(one.box), np.array(other.box)
    shared = np.prod(np.clip(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0, None))
    return bool(shared > SAME_FACE * min(np.prod(a[2:] - a[:2]), np.prod(b[2:] - b[:2])))
