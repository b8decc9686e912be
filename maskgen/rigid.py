"""The best similarity between two sets of points in space."""

import numpy as np
from jaxtyping import Float64
from numpy import ndarray


def fit_similarity(
    source: Float64[ndarray, "n 3"], target: Float64[ndarray, "n 3"]
) -> tuple[Float64[ndarray, "3 3"], float, Float64[ndarray, "3"]]:
    """Rotation R, scale s and offset t with least squares of s R source + t - target (Umeyama 1991).

    Returns:
        R (a rotation, never a reflection), s >= 0, t. Collinear points leave a turn about their line free.
    """
    source_centre, target_centre = source.mean(0), target.mean(0)
    source, target = source - source_centre, target - target_centre
    left, stretch, right = np.linalg.svd(target.T @ source)
    keep = np.array([1.0, 1.0, np.sign(np.linalg.det(left @ right))])
    rotation = (left * keep) @ right
    scale = float((stretch * keep).sum() / max((source**2).sum(), 1e-12))
    return rotation, scale, target_centre - scale * rotation @ source_centre
