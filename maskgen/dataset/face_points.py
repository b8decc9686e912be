"""Five points of a labelled face, whatever the scheme of its landmarks."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float
from numpy import ndarray

# Scheme -> landmark indices that are averaged to each point: the subject's right and left eye, tip of the nose, right
# and left corner of the mouth.
FIVE_OF: Mapping[str, tuple[tuple[int, ...], ...]] = {
    "mesh468": ((33, 133), (263, 362), (4,), (61,), (291,)),
    "dlib68": (tuple(range(36, 42)), tuple(range(42, 48)), (30,), (48,), (54,)),
    "celeba5": ((0,), (1,), (2,), (3,), (4,)),
}
SCHEMES = {"mesh468": 468, "dlib68": 68, "celeba5": 5}  # number of landmarks
EYES_AND_MOUTH = [0, 1, 3, 4]  # of the five


def five_of(
    landmarks: Sequence[Sequence[float]] | Float[ndarray, "n d"], scheme: str
) -> Float[ndarray, "5 2"] | None:
    """Computes the five points of a face from its landmarks, in their pixels; None if they have no such scheme."""
    places = FIVE_OF.get(scheme)
    if places is None or len(landmarks) != SCHEMES[scheme]:
        return None
    points = np.asarray(landmarks, np.float64)
    return np.array([points[list(group), :2].mean(0) for group in places])
