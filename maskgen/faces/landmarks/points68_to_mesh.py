"""Fit of the 468-point canonical mesh to the 68 points of dlib and face-alignment.

The scheme is iBUG's (300-W): 0-16 the jaw from ear to ear, 17-26 the brows, 27-35 the nose, 36-47 the eyes, 48-67 the
lips, each from the viewer's left to right. A similarity maps the canonical mesh to the points, then a smooth
displacement closes the remaining gaps, so that one renderer serves all backends.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from jaxtyping import Float, Float64
from numpy import ndarray

from maskgen.faces.canonical_head import canonical_head
from maskgen.faces.landmarks.plausibility import fault_of
from maskgen.types import Face

SCHEME = "dlib68"
Points = Float64[ndarray, "68 2"]

# Points of the mesh for each of the 68 points: the usual correspondence; two where it lies between two points.
JAW = ((127,), (234,), (93,), (132, 58), (58, 172), (136,), (150,), (176,), (152,),
       (400,), (379,), (365,), (397, 288), (361, 288), (323,), (454,), (356,))  # fmt: skip
BROWS = ((70,), (63,), (105,), (66,), (107,), (336,), (296,), (334,), (293,), (300,))
NOSE = ((168, 6), (197, 195), (5,), (4,), (75,), (97,), (2,), (326,), (305,))
EYES = ((33,), (160,), (158,), (133,), (153,), (144,), (362,), (385,), (387,), (263,), (373,), (380,))
LIPS = ((61,), (39,), (37,), (0,), (267,), (269,), (291,), (321,), (314,), (17,), (84,), (91,),
        (78,), (82,), (13,), (312,), (308,), (317,), (14,), (87,))  # fmt: skip
ON_MESH = (*JAW, *BROWS, *NOSE, *EYES, *LIPS)

# Offsets of dlib's jaw and brows from those points: medians over 227 frontal photos of LFW, in eye distances, x and y,
# for the viewer's left half and the chin. The annotators drew the jaw's outline; the mesh's edge lies a little inside.
JAW_SHIFT = ((-0.02, -0.02), (-0.02, 0.05), (0, 0.12), (0, 0.1), (0, 0.08), (0, 0.06), (0.08, 0.13), (0.07, 0.1),
             (0, 0.06))  # fmt: skip
BROW_SHIFT = ((-0.02, 0.06), (0.02, 0.01), (0.06, 0.01), (0.07, 0.02), (0.04, 0.08))

# On a turned head the points of the jaw's far half lie on the outline of the cheek, not on the jaw.
OUTLINE_FROM, OUTLINE_TO = 10.0, 30.0  # degrees of yaw; between them the weight of the far half falls
STIFFNESS = 0.3  # head units; a stiffer spline bends less and leaves larger gaps; least error on LFW
LEAST = 1e-3  # weight of a point that does not count; not 0, as `STIFFNESS` is divided by it


@dataclass(frozen=True)
class _CarryModel:
    """Positions of the 68 points on the canonical head, and the kernel of the spline.

    Attributes:
        places: the 68 positions, in the head's frame.
        between: minus the distances between the positions.
        reach: minus the distances from the mesh's points to the positions.
    """

    places: Float64[ndarray, "68 3"]
    between: Float64[ndarray, "68 68"]
    reach: Float64[ndarray, "468 68"]


@cache
def _model() -> _CarryModel:
    mesh = canonical_head().mesh.astype(np.float64)
    places = np.array([mesh[list(points)].mean(0) for points in ON_MESH])
    mirrored = np.array([-1.0, 1.0])
    jaw, brow = np.array(JAW_SHIFT), np.array(BROW_SHIFT)
    places[:17, :2] += np.concatenate([jaw, jaw[7::-1] * mirrored])
    places[17:27, :2] += np.concatenate([brow, brow[::-1] * mirrored])
    return _CarryModel(places, -_distances(places, places), -_distances(mesh, places))


def _distances(to: Float[ndarray, "n 3"], places: Float[ndarray, "m 3"]) -> Float[ndarray, "n m"]:
    return np.linalg.norm(to[:, None] - places[None], axis=-1)


def face_of_points(points: Points, score: float, height: int, width: int) -> Face | str:
    """Builds a face with a mesh from 68 points in pixels of a photo of `height` x `width`.

    Returns:
        The face; or why its points are implausible.
    """
    if not np.isfinite(points).all():
        return "non-finite points"
    if np.linalg.matrix_rank(points - points.mean(0), tol=1.0) < 2:  # pixels
        return "all points on a line"
    mesh = fit_mesh(points).astype(np.float32)
    (left, top), (right, bottom) = mesh[:, :2].min(0), mesh[:, :2].max(0)
    box = (float(left), float(top), float(right), float(bottom))
    face = Face(box, points.astype(np.float32), SCHEME, mesh, score)
    return fault_of(face, height, width) or face


def fit_mesh(points: Points) -> Float64[ndarray, "468 3"]:
    """Fits the canonical mesh to 68 points; the result is in their pixels."""
    model, weights = _model(), np.ones(68)
    for _ in range(2):  # the weights depend on the yaw, and the yaw on the weights
        scale, rotation, offset = _similarity(model.places, points, weights)
        weights = _weights(rotation)
    gaps = (points - offset - scale * model.places @ rotation[:2].T) / scale
    mesh = scale * canonical_head().mesh.astype(np.float64) @ rotation.T
    mesh[:, :2] += offset + scale * _spread(gaps, weights)
    return mesh


def _similarity(
    places: Float64[ndarray, "n 3"], points: Float64[ndarray, "n 2"], weights: Float64[ndarray, "n"]
) -> tuple[float, Float64[ndarray, "3 3"], Float64[ndarray, "2"]]:
    """Computes scale, rotation and offset whose orthographic projection of the places is nearest to the points."""
    normed = weights / weights.sum()
    model, centred = places - normed @ places, points - normed @ points
    root = np.sqrt(weights)[:, None]
    affine = np.linalg.lstsq(model * root, centred * root, rcond=None)[0].T
    u, _, vt = np.linalg.svd(affine, full_matrices=False)
    rows = u @ vt
    rotation = np.vstack([rows, np.cross(rows[0], rows[1])])
    flat = model @ rows.T
    scale = float((normed @ (flat * centred)).sum() / (normed @ flat**2).sum())
    return scale, rotation, normed @ points - scale * (normed @ places) @ rows.T


def _weights(rotation: Float64[ndarray, "3 3"]) -> Float64[ndarray, "68"]:
    """Computes the weight of each point: 1, and less for the far half of the jaw."""
    yaw = np.degrees(np.arctan2(rotation[2, 0], np.hypot(rotation[0, 0], rotation[1, 0])))
    weights = np.ones(68)
    far = slice(9, 17) if yaw > 0 else slice(0, 8)
    weights[far] = np.clip((OUTLINE_TO - abs(yaw)) / (OUTLINE_TO - OUTLINE_FROM), LEAST, 1)
    return weights


def _spread(gaps: Float64[ndarray, "68 2"], weights: Float64[ndarray, "68"]) -> Float64[ndarray, "468 2"]:
    """Interpolates a displacement known at the 68 points over the mesh: a spline with the distance as its kernel."""
    model, count = _model(), len(gaps)
    system = np.ones((count + 1, count + 1))
    system[:count, :count] = model.between + np.diag(STIFFNESS / weights)
    system[count, count] = 0
    factors = np.linalg.solve(system, np.vstack([gaps, np.zeros(2)]))
    return model.reach @ factors[:count] + factors[count]
