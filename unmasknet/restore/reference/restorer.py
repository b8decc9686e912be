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
from unmasknet.restore.reference.mesh_finder import MeshFinder
from unmasknet.restore.reference.painter import Target, paint
from unmasknet.restore.reference.references import ReferenceLoader, References
from unmasknet.restore.reference.same_person import PersonCheck
from unmasknet.restore.reference.selection import Choice, best_reference, choose_face
from unmasknet.restore.reference.shape import Expression
from unmasknet.restore.runtimes.base import Networks

UNCLEAR = "the shape of the masked face is unclear, so the reference was not used"

GREY = "the reference is grey: lips and beard have the colour of the skin"


class ReferenceRestorer:
    """Restorer by references. Holds networks: use one per thread.

    Args:
        networks: the segmenter tells whether a reference wears a mask.
        check: the check that references show the same person; None takes the built-in one.
    """

    def __init__(self, networks: Networks, check: PersonCheck | None = None) -> None:
        self._networks, self.check = networks, check or PersonCheck()

    @cached_property
    def _loader(self) -> ReferenceLoader:
        find_mask = self._find_mask if self._networks.segmenter_side is not None else None
        return ReferenceLoader(find_mask, self.meshes.refined)

    @cached_property
    def meshes(self) -> MeshFinder:
        """Finder of the masked faces' meshes."""
        return MeshFinder()

    def load(self, photos: Sequence[PhotoInput]) -> References:
        """Loads photos of one person. Errors are those of `ReferenceLoader.load`."""
        return self._loader.load(photos)

    def painter(
        self,
        photo: RGBImage,
        masks: Sequence[FoundMask],
        person: References,
        expression: Expression = "reference",
        force: bool = False,
    ) -> "Painter":
        """Builds the painter of one photo.

        Args:
            photo: RGB, with masks.
            masks: of its faces, none empty.
            person: the references.
            expression: see `shape.pose_onto`.
            force: do not check that the references show the same person.
        """
        return Painter(self, photo, masks, person, expression, force)

    def _find_mask(self, pixels: RGBImage, mesh: Mesh) -> Plane:
        matrix = frame_matrix(*eye_centres(mesh), mouth_centre(mesh), UNIT)
        window = window_of(unit_place(matrix, UNIT), *pixels.shape[:2])
        masks = find_masks(pixels, [window] if window else [], self._networks)
        return painted(pixels.shape[:2], masks, lambda mask: mask.covered)


class Painter:
    """Painter of one photo: paints one of its masked faces from a reference.

    That face is the one that is most like the references, or without a check the largest.

    Attributes:
        painted: whether a face was painted.
    """

    def __init__(
        self,
        restorer: ReferenceRestorer,
        photo: RGBImage,
        masks: Sequence[FoundMask],
        person: References,
        expression: Expression,
        force: bool,
    ) -> None:
        self._restorer, self._photo, self._masks = restorer, photo, masks
        self._person, self._expression, self._force = person, expression, force
        self._covered = painted(photo.shape[:2], masks, lambda mask: mask.covered)
        self._choice: Choice | None = None
        self._unclear = self._grey = self.painted = False

    @property
    def warnings(self) -> tuple[str, ...]:
        """Lines for the user."""
        lines = self._choice.warnings if self._choice else ()
        return (*lines, *([UNCLEAR] if self._unclear else []), *([GREY] if self._grey else []))

    def repaint(self, filled: RGBImage, results: list[WindowColours]) -> list[WindowColours]:
        """Paints the face into the network's results. Has the type `photo.Repaint`.

        Raises:
            InputError: all references seem to show other people.
        """
        meshes = [self._restorer.meshes.find(filled, mask.window) for mask in self._masks]
        if self._choice is None:
            found = dict(enumerate(meshes))
            check = None if self._force else self._restorer.check
            self._choice = choose_face(self._photo, filled, found, self._person.usable, check)
        number, references = self._choice.number, self._choice.references
        if (mesh := meshes[number]) is None:
            self._unclear = True
            return results
        reference = best_reference(references, mesh)
        self._grey = self._grey or reference.grey
        target = Target(filled, mesh, self._covered)
        results = list(results)
        results[number] = paint(
            target, reference, self._masks[number].window, results[number], self._expression
        )
        self.painted = True
        return results
