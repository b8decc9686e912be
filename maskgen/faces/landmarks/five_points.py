"""Face detection from the five points given by a source: both eyes, the nose, both corners of the mouth."""

import numpy as np

from maskgen.faces.canonical_head import canonical_head
from maskgen.faces.landmarks.base import SourcePoints
from maskgen.faces.landmarks.blazeface import Detection
from maskgen.faces.landmarks.topology import LEFT_EYE, MOUTH, NOSE, RIGHT_EYE

FIVE = (RIGHT_EYE, LEFT_EYE, (NOSE,), MOUTH[:1], MOUTH[1:])  # on the mesh; from the viewer's left to right


def detection_at(points: SourcePoints) -> Detection | None:
    """Builds a detection with score 1 from five points; None if they coincide.

    Args:
        points: x, y in pixels of the photo: eyes, nose, corners of the mouth; of a pair, first the left one as seen.
    """
    seen = np.array(points, np.float64)
    if seen.shape != (5, 2) or not np.isfinite(seen).all() or np.hypot(*(seen[1] - seen[0])) < 1:
        return None
    mesh = canonical_head().mesh[:, :2].astype(np.float64)
    five = np.array([mesh[list(indices)].mean(0) for indices in FIVE])
    matrix, offset = _similarity(five, seen)
    scale = float(np.hypot(*matrix[0]))
    low, high = mesh.min(0), mesh.max(0)
    centre = matrix @ ((low + high) / 2) + offset
    side = scale * float((high - low).max())
    box = np.array([*centre, side, side], np.float32)
    return Detection(box, seen[:2].astype(np.float32), seen[3:].mean(0).astype(np.float32), 1.0)


def _similarity(source: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Computes the 2 x 2 matrix (rotation times scale) and offset that map points to points in least squares."""
    a, b = source - source.mean(0), target - target.mean(0)
    cos, sin = np.array([(a * b).sum(), (a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum()]) / (a**2).sum()
    matrix = np.array([[cos, -sin], [sin, cos]])
    return matrix, target.mean(0) - matrix @ source.mean(0)
