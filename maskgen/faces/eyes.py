"""Opening of a face's eyes."""

import numpy as np

from maskgen.faces.landmarks.topology import LEFT_EYE, RIGHT_EYE
from maskgen.types import Face

LIDS = ((159, 145, RIGHT_EYE), (386, 374, LEFT_EYE))  # upper and lower lid, corners


def eye_opening(face: Face) -> float:
    """Measures the distance between an eye's lids as a fraction of its width.

    The eye that is open wider counts, so a wink counts as open.
    """

    def opening(upper: int, lower: int, corners: tuple[int, int]) -> float:
        lids, ends = face.mesh[[upper, lower]], face.mesh[list(corners)]
        return float(np.linalg.norm(lids[0] - lids[1]) / max(float(np.linalg.norm(ends[0] - ends[1])), 1e-6))

    return max(opening(*eye) for eye in LIDS)
