"""Restorer by references: loads them, and paints one masked face of a photo from the best of them."""

from collections.abc import Sequence
from functools import cached_property

from maskgen.faces.align import frame_matrix
from maskgen.faces.landmarks.topology import Mesh, eye_centres, mouth_centre
from maskgen.images.photo_loader import PhotoInput
from maskgen.types import Plane, RGBImage
from unmasknet.restore.face_window import unit_place, window_of
from unmasknet.restore.faces import UNIT
from unmasknet.restore.photo import FoundMask, WindowColours, find_masks, painted
from unmasknet.restore.reference.painter import MeshFinder, Target, paint
from unmasknet.restore.reference.references import ReferenceLoader, References
from unmasknet.restore.reference.selection import best_reference
from unmasknet.restore.reference.shape import Expression
from unmasknet.restore.runtimes.base import Networks


class ReferenceRestorer:
    """Restorer by references. Holds networks: use one per thread.

    Args:
        networks: the segmenter tells whether a reference wears a mask.
    """

    def __init__(self, networks: Networks) -> None:
        self._networks = networks

    @cached_property
    def _loader(self) -> ReferenceLoader:
        return ReferenceLoader(self._find_mask if self._networks.segmenter_side is not None else None)

    @cached_property
    def _meshes(self) -> MeshFinder:
        return MeshFinder()

    def load(self, photos: Sequence[PhotoInput]) -> References:
        """Loads photos of one person. Errors are those of `ReferenceLoader.load`."""
        return self._loader.load(photos)

    def painter(
        self,
        photo: RGBImage,
        masks: Sequence[FoundMask],
        person: References,
        expression: Expression,
        force: bool,
    ) -> "Painter":
        """Builds the painter of one photo.

        Args:
            photo: RGB, with masks.
            masks: of its faces, none empty.
            person: the references.
            expression: see `shape.pose_onto`.
            force: use references that seem to show another person.
        """
        return Painter(self._meshes, photo, masks, person, expression)

    def _find_mask(self, pixels: RGBImage, mesh: Mesh) -> Plane:
        matrix = frame_matrix(*eye_centres(mesh), mouth_centre(mesh), UNIT)
        window = window_of(unit_place(matrix, UNIT), *pixels.shape[:2])
        masks = find_masks(pixels, [window] if window else [], self._networks)
        return painted(pixels.shape[:2], masks, lambda mask: mask.covered)


class Painter:
    """Painter of one photo: paints its largest masked face from a reference.

    Attributes:
        painted: whether a face was painted.
        warnings: lines for the user.
    """

    def __init__(
        self,
        meshes: MeshFinder,
        photo: RGBImage,
        masks: Sequence[FoundMask],
        person: References,
        expression: Expression,
    ) -> None:
        self._meshes, self._masks, self._person, self._expression = meshes, masks, person, expression
        self._covered = painted(photo.shape[:2], masks, lambda mask: mask.covered)
        self.painted, self.warnings = False, list[str]()

    def repaint(self, filled: RGBImage, results: list[WindowColours]) -> list[WindowColours]:
        """Paints the face into the network's results. Has the type `photo.Repaint`."""
        number = max(range(len(self._masks)), key=lambda one: self._masks[one].window.side)
        window = self._masks[number].window
        mesh = self._meshes.find(filled, window)
        if mesh is None:
            self._warn("the head pose of the masked face is unclear; the network alone restored it")
            return results
        target = Target(filled, mesh, self._covered)
        reference = best_reference(self._person.usable, mesh)
        results = list(results)
        results[number] = paint(target, reference, window, results[number], self._expression)
        self.painted = True
        return results

    def _warn(self, line: str) -> None:
        if line not in self.warnings:
            self.warnings.append(line)
