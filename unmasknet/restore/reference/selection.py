"""Choice of the face that the references show, and of the best reference for it: by head pose, size and colours."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from maskgen.errors import InputError
from maskgen.faces.landmarks.topology import Mesh
from maskgen.faces.pose import head_pose
from maskgen.types import Pose, RGBImage
from unmasknet.restore.reference.references import Reference
from unmasknet.restore.reference.same_person import LIMIT, UNCHECKED, PersonCheck, SeenFace
from unmasknet.restore.reference.shape import eye_distance

# Cost of a reference: degrees of head pose that cost 1; cost of half of the target's size; cost of missing colours.
TURN, TILT = 20.0, 20.0
HALF_SIZE = 0.7
GREY = 2.0


class OtherPersonError(InputError):
    """References that seem to show another person than the masked photo."""


@dataclass(frozen=True)
class Choice:
    """Face that the references show.

    Attributes:
        number: of the face.
        references: those that show the same person, at least one.
        warnings: a line for each of the others, or a line that nothing was checked.
    """

    number: int
    references: tuple[Reference, ...]
    warnings: tuple[str, ...] = ()


def choose_face(
    photo: RGBImage,
    filled: RGBImage,
    meshes: Mapping[int, Mesh | None],
    references: tuple[Reference, ...],
    check: PersonCheck | None,
) -> Choice:
    """Chooses the masked face that the references show: the one most like them, or without a check the largest.

    Args:
        photo: with the masks.
        filled: the photo with the network's result.
        meshes: of its masked faces, by number, at least one; None where the mesh is unclear.
        references: of one person, at least one.
        check: None does not check that they show the same person.

    Raises:
        OtherPersonError: all references seem to show another person.
    """
    clear = {number: mesh for number, mesh in meshes.items() if mesh is not None}
    if not clear:
        return Choice(next(iter(meshes)), references)
    if check is None or not check.available:
        number = max(clear, key=lambda one: eye_distance(clear[one]))
        return Choice(number, references, () if check is None else (UNCHECKED,))
    distances = {
        number: check.distances(SeenFace(photo, filled, mesh), references) for number, mesh in clear.items()
    }
    number = min(distances, key=lambda one: min(distances[one]))
    found = list(zip(references, distances[number], strict=True))
    others = tuple(_other_person(one, far) for one, far in found if far > LIMIT)
    if len(others) == len(references):
        raise OtherPersonError("\n  ".join(others))
    return Choice(number, tuple(one for one, far in found if far <= LIMIT), others)


def _other_person(reference: Reference, distance: float) -> str:
    return (
        f"{reference.name}: seems to show another person (distance {distance:.3f}, limit {LIMIT:g}); a reference must "
        "show the same person. If it does, give --force (from Python: force=True)"
    )


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
