"""Shape of the result: the mesh of a reference, posed onto the masked face.

The mesh network is not reliable under a mask. It is run on the network's result instead, where it sees a mouth and a
chin: on 448 pairs of LFW the points under the mask are then .067 eye distances from those of the photo without the
mask, instead of .158 on the masked photo. A rigid fit of the reference to the points above the mask alone has an error
of .101, the mixture of fit and mesh that is used here .064.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64
from numpy import ndarray

from maskgen.faces.canonical_head import LIPS, canonical_head, similarity
from maskgen.faces.landmarks.topology import Mesh
from maskgen.types import Plane

EXPRESSIONS = ("reference", "neutral")  # mouth as in the reference, or closed
Expression = str  # one of them

HIDDEN_WEIGHT = 0.3  # weight of a point under the mask in the rigid fit; points above it weigh 1
HIDDEN_PULL = 0.4  # fraction of the difference from the target's mesh that a point under the mask takes over
JAW_PULL = 0.8  # the same at the jaw, so that the jaw of the network's result does not show beside it
REACH = 0.2  # head units; sigma of the smoothing of that difference
# The jaw from ear to ear, through the chin.
JAW = np.array([361, 288, 397, 365, 379, 378, 400, 377, 152, 148, 176, 149, 150, 136, 172, 58, 132])
RING = 0.42  # head units that the texture reaches below the chin, for its shadow on the neck
RING_SIDES = 0.12  # the same at the ends of the jaw, beside the ears
RING_BACK = 0.25  # head units that the outer edge lies behind the jaw
# Inner edges of the lips, upper and lower, from one corner to the other.
UPPER_LIP = np.array([191, 80, 81, 82, 13, 312, 311, 310, 415])
LOWER_LIP = np.array([95, 88, 178, 87, 14, 317, 402, 318, 324])
MOUTH_CORNERS = (78, 308)  # of these edges
LIP_REACH = 0.35  # head units; sigma of the shift of lower lip and chin when the mouth closes

Points = Float64[ndarray, "_ 3"]


@dataclass(frozen=True)
class Posed:
    """Mesh of a reference on the target, with a ring of points around the jaw.

    Attributes:
        source: points in the reference, x and y in its pixels, z in the same unit.
        target: the same points in the target photo.
    """

    source: Points
    target: Points


def pose_onto(reference: Mesh, target: Mesh, covered: Plane, expression: Expression) -> Posed:
    """Poses the mesh of a reference onto the target.

    Args:
        reference: mesh in pixels of the reference.
        target: mesh of the target in pixels of its photo, found on the network's result.
        covered: 1 where the mask is, in the target photo.
        expression: "reference" keeps the reference's mouth, "neutral" closes it.
    """
    own, wanted = reference.astype(np.float64), target.astype(np.float64)
    hidden = _is_covered(wanted, covered)
    scale, turn, shift = fit(own, wanted, np.where(hidden, HIDDEN_WEIGHT, 1.0) * _steady())
    posed = scale * own @ turn.T + shift
    if expression == "neutral":
        posed = with_closed_mouth(posed)
    pull = np.where(hidden, np.where(_is_jaw(), JAW_PULL, HIDDEN_PULL), 1.0)
    posed = posed + _smoothing() @ (pull[:, None] * (wanted - posed))
    return Posed(_with_ring(own), _with_ring(posed))


def fit(
    source: Points, target: Points, weights: Float64[ndarray, "_"]
) -> tuple[float, Float64[ndarray, "3 3"], Float64[ndarray, "3"]]:
    """Computes the weighted least-squares similarity from `source` to `target`: scale, rotation and offset.

    Source: S. Umeyama, Least-squares estimation of transformation parameters between two point patterns, 1991.
    """
    weights = weights / weights.sum()
    source_mean, target_mean = weights @ source, weights @ target
    centred = source - source_mean
    products = ((target - target_mean) * weights[:, None]).T @ centred
    scale, turn = similarity(products, float(weights @ (centred**2).sum(1)))
    return scale, turn, target_mean - scale * turn @ source_mean


def with_closed_mouth(mesh: Points) -> Points:
    """Closes the mouth of a mesh: the lower lip moves up to the upper one, and the chin moves along less and less."""
    gap = mesh[UPPER_LIP] - mesh[LOWER_LIP]
    height = eye_distance(mesh)
    if np.hypot(*gap[len(gap) // 2, :2]) < 0.01 * height:
        return mesh
    closed = mesh + _lip_weights() @ gap
    closed[LOWER_LIP] = closed[UPPER_LIP] = mesh[UPPER_LIP]
    return closed


def eye_distance(mesh: Points | Mesh) -> float:
    """Computes the distance between the centres of the eyes in three dimensions."""
    right, left = mesh[[33, 133]].mean(0), mesh[[263, 362]].mean(0)
    return max(float(np.linalg.norm(left - right)), 1e-6)


@cache
def triangles() -> Int64[ndarray, "t 3"]:
    """Lists the triangles of the face, of the open mouth, and of the ring around the jaw.

    The order of the corners is that of the head's triangles: in an image, with y down, the cross product of two sides
    is negative if a triangle faces the viewer. The head's mesh has holes at the eyes, which no mask covers, and at the
    mouth, whose inside is shown as the reference shows it.
    """
    first = len(canonical_head().mesh)
    outer = np.arange(first, first + len(JAW))
    ring = _strip(JAW, outer)[:, ::-1]
    upper, lower = (
        np.concatenate([[MOUTH_CORNERS[0]], lip, [MOUTH_CORNERS[1]]]) for lip in (UPPER_LIP, LOWER_LIP)
    )
    mouth = _strip(upper, lower)
    return np.concatenate([canonical_head().triangles, mouth[(mouth[:, 1:] != mouth[:, :-1]).all(1)], ring])


def _strip(one: Int64[ndarray, "n"], other: Int64[ndarray, "n"]) -> Int64[ndarray, "t 3"]:
    """Lists the triangles between two lines of points."""
    return np.concatenate(
        [np.stack([one[:-1], other[:-1], other[1:]], 1), np.stack([one[:-1], other[1:], one[1:]], 1)]
    )


@cache
def fading() -> Float32[ndarray, "points"]:
    """Computes the weight of the texture at each point: 1 on the face, 0 at the outer edge of the ring."""
    weights = np.ones(len(canonical_head().mesh) + len(JAW), np.float32)
    weights[-len(JAW) :] = 0
    return weights


@cache
def is_skin() -> Float32[ndarray, "points"]:
    """Returns 1 for the points whose colours are compared, 0 for the inner edges of the lips and the ring."""
    weights = fading().copy()
    weights[[*UPPER_LIP, *LOWER_LIP, *MOUTH_CORNERS]] = 0
    return weights


def _with_ring(mesh: Points) -> Points:
    """Adds the outer edge of the ring, at fixed positions from the jaw in the head's frame."""
    head = canonical_head().mesh.astype(np.float64)
    scale, turn, _ = fit(head, mesh, _steady())
    return np.concatenate([mesh, mesh[JAW] + scale * _ring() @ turn.T])


@cache
def _ring() -> Float64[ndarray, "jaw 3"]:
    """Computes the steps from the jaw to the outer edge of the ring, in head units and the head's frame."""
    jaw = canonical_head().mesh[JAW].astype(np.float64)
    middle = np.array([0.0, jaw[:, 1].min() - 0.2, 0.0])
    away = (jaw - middle)[:, :2]
    away /= np.linalg.norm(away, axis=1, keepdims=True)
    below = np.clip((jaw[:, 1] - jaw[:, 1].min()) / np.ptp(jaw[:, 1]), 0, 1)
    length = RING_SIDES + (RING - RING_SIDES) * below
    return np.column_stack([away * length[:, None], RING_BACK * below])


@cache
def _steady() -> Float64[ndarray, "points"]:
    """Returns 1 for points that expressions move little, 0 for the lips."""
    weights = np.ones(len(canonical_head().mesh))
    weights[list(LIPS)] = 0
    return weights


@cache
def _is_jaw() -> Bool[ndarray, "points"]:
    found = np.zeros(len(canonical_head().mesh), bool)
    found[JAW] = True
    return found


@cache
def _smoothing() -> Float64[ndarray, "points points"]:
    """Computes the matrix that smooths a displacement over the face; the lips follow the points around them."""
    mesh = canonical_head().mesh.astype(np.float64)
    squared = ((mesh[:, None] - mesh[None]) ** 2).sum(-1)
    weights = np.exp(-squared / (2 * REACH**2)) * _steady()
    return weights / weights.sum(1, keepdims=True)


@cache
def _lip_weights() -> Float64[ndarray, "points lip"]:
    """Computes how much each point follows the lower lip: only points below the line between the lips."""
    mesh = canonical_head().mesh.astype(np.float64)
    lip = mesh[LOWER_LIP]
    squared = ((mesh[:, None] - lip[None]) ** 2).sum(-1)
    near = np.exp(-squared / (2 * LIP_REACH**2))
    share = near / near.sum(1, keepdims=True)
    below = np.clip((mesh[:, 1] - lip[:, 1].mean()) / 0.05 + 0.5, 0, 1)
    return share * (near.max(1) * below)[:, None]


def _is_covered(mesh: Points, covered: Plane) -> Bool[ndarray, "points"]:
    column = np.clip(np.rint(mesh[:, 0]).astype(int), 0, covered.shape[1] - 1)
    row = np.clip(np.rint(mesh[:, 1]).astype(int), 0, covered.shape[0] - 1)
    return covered[row, column] > 0
