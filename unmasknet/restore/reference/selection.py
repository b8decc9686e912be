"""Choice of the reference for a masked face: by head pose, size and colours."""

from collections.abc import Sequence

import numpy as np

from maskgen.faces.landmarks.topology import Mesh
from maskgen.faces.pose import head_pose
from maskgen.types import Pose
from unmasknet.restore.reference.references import Reference
from unmasknet.restore.reference.shape import eye_distance

# Cost of a reference: degrees of head pose that cost 1; cost of half of the target's size; cost of missing colours.
TURN, TILT = 20.0, 20.0
HALF_SIZE = 0.7
GREY = 2.0


def best_reference(references: Sequence[Reference], mesh: Mesh) -> Reference:
    """Chooses the reference whose head pose is nearest to the target's, if it is large enough.

    Args:
        references: at least one.
        mesh: of the masked face.
    """
    pose, eyes = head_pose(mesh), eye_distance(mesh)
    return min(references, key=lambda one: _cost(one, pose, eyes))


def _cost(reference: Reference, pose: Pose, eyes: float) -> float:
    turned = np.hypot((reference.pose.yaw - pose.yaw) / TURN, (reference.pose.pitch - pose.pitch) / TILT)
    smaller = max(0.0, float(np.log2(eyes / reference.eyes)))
    return float(turned) + HALF_SIZE * smaller + GREY * reference.grey
