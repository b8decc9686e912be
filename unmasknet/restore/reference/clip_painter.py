"""Painter of one face of a clip, from one reference, with a mesh that is smoothed over time."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from maskgen.faces.landmarks.topology import Mesh
from maskgen.types import RGBImage
from unmasknet.restore.face_window import FaceWindow
from unmasknet.restore.photo import FoundMask, WindowColours, lay, painted
from unmasknet.restore.reference.painter import Target, paint
from unmasknet.restore.reference.references import Reference, References
from unmasknet.restore.reference.restorer import UNCLEAR, ReferenceRestorer
from unmasknet.restore.reference.selection import best_reference, choose_face
from unmasknet.restore.reference.shape import Expression

SETTLE = 0.1  # seconds; time constant with which the mesh follows the mesh network, in the frame of the face's crop
FORGET = 0.3  # seconds without the face after which the last mesh is no longer used


class ClipPainter:
    """Painter of one face of a clip: the one that the references show in the first frame with a mask.

    Args:
        restorer: networks and check.
        person: the references, of which the best for the first frame serves for the whole clip.
        expression: see `shape.pose_onto`.
        force: do not check that the references show the same person.
    """

    def __init__(
        self, restorer: ReferenceRestorer, person: References, expression: Expression, force: bool
    ) -> None:
        self._restorer, self._person = restorer, person
        self._expression, self._force = expression, force
        self._number: int | None = None
        self._reference: Reference | None = None
        self._mesh: Float64[ndarray, "468 3"] | None = None
        self._time = -np.inf
        self.warnings: tuple[str, ...] = ()

    def repaint(
        self, time: float, frame: RGBImage, masks: Mapping[int, FoundMask], results: list[WindowColours]
    ) -> list[WindowColours]:
        """Paints the face into the network's results for a frame.

        Args:
            time: of the frame, in seconds.
            frame: RGB, with masks.
            masks: of its faces, by the number of the face.
            results: the network's, in the pixels of each mask's window, in the order of `masks`.

        Raises:
            InputError: all references seem to show other people.
        """
        worn = [*masks.values()]
        filled, covered = lay(frame, worn, results), painted(frame.shape[:2], worn, lambda mask: mask.covered)
        if self._reference is None:
            meshes = {
                number: self._restorer.meshes.find(filled, mask.window) for number, mask in masks.items()
            }
            if all(mesh is None for mesh in meshes.values()):
                return results
            check = None if self._force else self._restorer.check
            choice = choose_face(frame, filled, meshes, self._person.usable, check)
            mesh = meshes[choice.number]
            assert mesh is not None, "a face with a mesh is chosen"
            self._number, self.warnings = choice.number, choice.warnings
            self._reference = best_reference(choice.references, mesh)
        if self._number is None or self._number not in masks:
            return results
        window = masks[self._number].window
        steady = self._settled(time, self._restorer.meshes.find(filled, window), window)
        if steady is None:
            self.warnings = tuple(dict.fromkeys((*self.warnings, f"in some frames, {UNCLEAR}")))
            return results
        results, place = list(results), list(masks).index(self._number)
        target = Target(filled, steady, covered)
        results[place] = paint(target, self._reference, window, results[place], self._expression)
        return results

    def _settled(self, time: float, mesh: Mesh | None, window: FaceWindow) -> Mesh | None:
        """Moves the last mesh towards the one of this frame, and returns the mesh to use, in pixels of the frame."""
        gap = time - self._time
        last = self._mesh if gap <= FORGET else None
        if mesh is None and last is None:
            return None
        new = last if mesh is None else _to_crop(mesh, window)
        assert new is not None
        if last is not None:
            new = last + (new - last) * (1 - np.exp(-gap / SETTLE))
        if mesh is not None:
            self._time = time
        self._mesh = new
        return _from_crop(new, window)


def _to_crop(mesh: Mesh, window: FaceWindow) -> Float64[ndarray, "468 3"]:
    """Moves a mesh to the frame of the face's crop at a side of 1."""
    flat = mesh[:, :2].astype(np.float64) @ window.place[:, :2].T + window.place[:, 2]
    return np.column_stack([flat, mesh[:, 2] / window.side])


def _from_crop(mesh: Float64[ndarray, "468 3"], window: FaceWindow) -> Mesh:
    """Moves a mesh from the frame of the face's crop to pixels of the frame."""
    linear = np.linalg.inv(window.place[:, :2].astype(np.float64))
    flat = (mesh[:, :2] - window.place[:, 2]) @ linear.T
    return np.column_stack([flat, mesh[:, 2] * window.side]).astype(np.float32)
