"""Public class for restoration: a photo in, a photo without masks out.

from unmasknet import Unmasker

unmasker = Unmasker.from_pretrained()
restored = unmasker("photo.jpg")
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from numbers import Integral
from os import PathLike
from pathlib import Path

import cv2
import numpy as np
from numpy import ndarray

from maskgen.errors import InputError, Skip, UsageError
from maskgen.images.map_reader import why_unusable
from maskgen.images.photo_loader import PhotoInput, load_photo
from maskgen.settings import MAX_PHOTO_PIXELS, PHOTO_BACKGROUND
from maskgen.types import Affine, Plane, RGBImage
from unmasknet.models.released import RELEASED
from unmasknet.restore.face_window import FaceWindow, window_of
from unmasknet.restore.faces import DetectedFace, FindFaces, build_face_detectors, inferred_face
from unmasknet.restore.given_map import Rest, continued, divide
from unmasknet.restore.photo import FoundMask, find_masks, painted, restore
from unmasknet.restore.reference.clip_painter import ClipPainter
from unmasknet.restore.reference.references import References
from unmasknet.restore.reference.restorer import ReferenceRestorer
from unmasknet.restore.reference.shape import EXPRESSIONS, Expression
from unmasknet.restore.runtimes.base import Networks
from unmasknet.restore.runtimes.open import AUTO, open_networks
from unmasknet.restore.variations import draw_variations

BY_REFERENCE = ", 1 of them by a reference"
MASK, RIM = 255, 64  # values of a result's map: the mask, and pixels changed around it for the seam


@dataclass(frozen=True)
class FoundFace:
    """Face of a photo. `box`: x0, y0, x1, y1 in its pixels; `masked`: whether it has a mask."""

    box: tuple[float, float, float, float]
    score: float
    masked: bool


@dataclass(frozen=True)
class Restored:
    """Result for one photo.

    Attributes:
        picture: RGB, the size of the photo; a copy of the photo if nothing was done.
        map: the size of the photo: 255 where a mask is, 64 where pixels around it were changed for the seam, else 0.
            Where it is 0, `picture` equals the photo exactly.
        faces: all faces found, and those that only a given map shows, whose score is 0; largest first.
        alternatives: all samples, equally plausible, `picture` first; empty if nothing was changed.
        disagreement: standard deviation of the samples in grey levels; all 0 with one sample.
        said: what was done, or why nothing was done.
        warnings: one line each on references that could not be used, or seem to show another person.
        by_reference: whether a face was restored by a reference.
    """

    picture: RGBImage
    map: Plane
    faces: tuple[FoundFace, ...]
    alternatives: tuple[RGBImage, ...]
    disagreement: Plane
    said: str
    warnings: tuple[str, ...] = ()
    by_reference: bool = False

    @property
    def changed(self) -> bool:
        """Whether `picture` differs from the photo."""
        return bool(self.alternatives)


class Unmasker:
    """Remover of masks from photos. Holds networks: use one object per thread.

    Args:
        networks: a segmenter, a generator, or both. Without a segmenter each photo needs a map; without a generator
            only maps are made.
        find_faces: the face detector; None takes the built-in one.
    """

    def __init__(self, networks: Networks, find_faces: FindFaces | None = None) -> None:
        self.networks = networks
        both = (find_faces, find_faces) if find_faces else build_face_detectors()
        self.find_faces, self.find_faces_in_frame = both

    @cached_property
    def _restorer(self) -> ReferenceRestorer:
        """Restorer by references, built when the first reference is given."""
        return ReferenceRestorer(self.networks)

    @classmethod
    def from_pretrained(
        cls,
        weights: str | Path | Sequence[str | Path] = RELEASED,
        *,
        runtime: str = AUTO,
        device: str = "auto",
        threads: int = 0,
    ) -> "Unmasker":
        """Loads the released networks, or networks of your own.

        Args:
            weights: run folders, weight files or "released": a segmenter, a generator, or both.
            runtime: "torch", "onnx" or "opencv"; "auto" chooses one.
            device: "auto", or as the runtime names it.
            threads: number of CPU threads; 0 leaves the choice to the runtime.

        Returns:
            An `Unmasker` with the built-in face detector.

        Raises:
            UsageError: an argument cannot be meant, such as threads=-1; or there are two networks of one kind.
            InputError: weights are damaged, or cannot be read.
            MissingError: the runtime or the released weights are missing.
        """
        names = [weights] if isinstance(weights, str | PathLike) else weights
        if not isinstance(names, Sequence) or not all(isinstance(name, str | PathLike) for name in names):
            raise UsageError(f'weights: got {weights!r}; give a path, a list of paths, or "{RELEASED}"')
        return cls(open_networks([str(name) for name in names], runtime, device, threads))

    def __call__(
        self,
        image: PhotoInput,
        *,
        map: ndarray | None = None,
        samples: int = 1,
        seed: int = 0,
        references: Sequence[PhotoInput] | References = (),
        expression: Expression = "reference",
        force: bool = False,
    ) -> Restored:
        """Removes the masks from one photo.

        Args:
            image: a file's path or bytes, a Pillow image, or an array, as `load_photo` takes them.
            map: of the photo's size, above 0 where masks are; None uses the segmenter. All 0: the photo stays as it is.
            samples: number of plausible results to make.
            seed: of the random variations, from which all samples but the first are made.
            references: other photos of the same person, without a mask, from which the hidden part is taken; or the
                result of `load_references`, for several photos of that person. In a photo of several masked people,
                one face is restored by them.
            expression: "reference" keeps the reference's mouth, "neutral" closes it.
            force: use references that seem to show another person.

        Returns:
            The restored image, its map, and the faces found.

        Raises:
            InputError: the file is not a photo, the map is not an array of its size, or no reference can be used.
            UsageError: there is neither a map nor a segmenter, or `samples` or `seed` is too small.
        """
        photo = as_picture(image)
        if not all(isinstance(number, Integral) for number in (samples, seed)) or samples < 1 or seed < 0:
            raise UsageError(
                f"got samples={samples}, seed={seed}; give samples from 1 on and a seed from 0 on"
            )
        if map is not None:
            map = _usable_map(map, photo)
        person = self._person(references, photo, expression)
        detected = self.find_faces(photo)
        masks, rest = self._masks(photo, detected, map)
        worn = [mask for mask in masks if mask.worn]
        everyone = [*detected, *(inferred_face(mask.window) for mask in masks[len(detected) :])]
        faces = [
            FoundFace(face.box, face.score, mask.worn) for face, mask in zip(everyone, masks, strict=True)
        ]
        pictures: list[RGBImage] = []
        painter = None
        if worn and self.networks.generator_side is not None:
            variations = draw_variations(samples, seed)
            base = photo if rest is None else continued(photo, worn, rest)
            painter = self._restorer.painter(base, worn, person, expression, force) if person else None
            pictures = [
                restore(base, worn, self.networks, variation, painter.repaint if painter else None)
                for variation in variations
            ]
        by_reference = painter is not None and painter.painted
        return Restored(
            pictures[0] if pictures else photo.copy(),
            _result_map(photo, worn, rest, restored=bool(pictures)),
            tuple(sorted(faces, key=lambda face: face.box[0] - face.box[2])),
            tuple(pictures),
            _spread(pictures) if len(pictures) > 1 else np.zeros(photo.shape[:2], np.uint8),
            _said(len(faces), len(worn), bool(pictures)) + (BY_REFERENCE if by_reference else ""),
            (*(person.refused if person else ()), *(painter.warnings if painter else ())),
            by_reference,
        )

    def load_references(self, photos: Sequence[PhotoInput]) -> References:
        """Loads photos of one person without a mask, to restore several photos of that person by them.

        Args:
            photos: as `image` of a call, at least one.

        Returns:
            The references, and a line for each photo that cannot be used.

        Raises:
            InputError: none of the photos can be used.
            UsageError: `photos` is not a sequence of photos, or is empty.
        """
        if (
            isinstance(photos, str | bytes | PathLike | ndarray)
            or not isinstance(photos, Sequence)
            or not photos
        ):
            raise UsageError("references: give a list of photos of the person, at least one")
        return self._restorer.load(photos)

    def clip_painter(self, person: References, expression: Expression, force: bool) -> ClipPainter:
        """Builds the painter of one clip.

        Args:
            person: result of `load_references`.
            expression: as in a call.
            force: as in a call.

        Returns:
            The painter, which keeps the reference and the mesh of the last frame.
        """
        return ClipPainter(self._restorer, person, expression, force)

    def _person(
        self, references: Sequence[PhotoInput] | References, photo: RGBImage, expression: str
    ) -> References | None:
        if expression not in EXPRESSIONS:
            raise UsageError(f"got expression={expression!r}; give {' or '.join(map(repr, EXPRESSIONS))}")
        if not isinstance(references, References):
            if isinstance(references, Sequence) and not references:
                return None
            references = self.load_references(references)
        return references.without(photo)

    def _masks(
        self, photo: RGBImage, faces: Sequence[DetectedFace], map: Plane | None
    ) -> tuple[list[FoundMask], Rest | None]:
        """Finds one mask per face, empty on bare faces, then the masks of a given map that lie on no face found."""
        windows = [_window(face.place, photo) for face in faces]
        if map is not None:
            return divide(map, windows)
        if self.networks.segmenter_side is None:
            raise UsageError("--weights: got no segmenter; give one, or maps: --map DIR")
        return find_masks(photo, windows, self.networks), None


def _window(place: Affine, photo: RGBImage) -> FaceWindow:
    window = window_of(place, photo.shape[0], photo.shape[1])
    assert window is not None, "a crop contains eyes or a mask, which lie in the photo"
    return window


def as_picture(image: PhotoInput) -> RGBImage:
    """Loads a photo as upright sRGB.

    Raises:
        InputError: it is not a photo.
    """
    photo = load_photo(image, max_pixels=MAX_PHOTO_PIXELS, background=PHOTO_BACKGROUND)
    return _usable(photo, str(image) if isinstance(image, str | PathLike) else "photo")


def _usable(photo: RGBImage | Skip, name: str) -> RGBImage:
    if isinstance(photo, Skip):
        raise unusable_photo(photo, name)
    return photo


def unusable_photo(why: Skip, name: str) -> InputError:
    """Builds the error of a photo that cannot be decoded."""
    return InputError(
        f"{name}: {why.reason}: {why.detail}. Give a photo: jpg, png, webp, heic, avif, tiff, bmp"
    )


def _usable_map(map: object, photo: RGBImage) -> Plane:
    """Checks a user's map; returns it as 0 or 1."""
    plane = np.asarray(map)
    if plane.ndim != 2 or plane.dtype.kind not in "biuf":
        raise InputError(
            f"map: got {type(map).__name__} of shape {plane.shape}; give an array with one number per pixel"
        )
    if plane.shape != photo.shape[:2]:
        raise InputError(
            f"map: got {plane.shape[1]} x {plane.shape[0]} pixels, the photo has {photo.shape[1]} x {photo.shape[0]}; "
            "give a map of that size"
        )
    if not np.isfinite(plane).all():
        raise InputError("map: has NaN or infinite values; give numbers that are not 0 where masks are")
    covered = (plane > 0).astype(np.uint8)
    if covered.any() and (problem := why_unusable(covered)):
        raise InputError(f"map: {problem}")
    return covered


def _result_map(photo: RGBImage, worn: Sequence[FoundMask], rest: Rest | None, *, restored: bool) -> Plane:
    shape = photo.shape[:2]
    if not worn:
        return np.zeros(shape, np.uint8)
    covered, map = (painted(shape, worn, plane) for plane in (lambda one: one.covered, lambda one: one.map))
    if rest:
        covered, map = np.maximum(covered, rest.covered), np.maximum(map, rest.map)
    mask_map = covered * np.uint8(MASK)
    return np.maximum(mask_map, map * np.uint8(RIM)) if restored else mask_map


def _spread(pictures: Sequence[RGBImage]) -> Plane:
    """Computes the standard deviation over images per pixel, in grey levels: the largest of the three channels."""
    total, squares = np.zeros(pictures[0].shape, np.float32), np.zeros(pictures[0].shape, np.float32)
    for picture in pictures:
        total += picture
        squares += np.square(picture, dtype=np.float32)
    variance = squares / len(pictures) - (total / len(pictures)) ** 2
    return np.asarray(cv2.sqrt(np.maximum(variance.max(2), 0)).round(), np.uint8)


def _said(faces: int, worn: int, restored: bool) -> str:
    if not faces and not worn:
        return "no face found, nothing changed"
    if not worn:
        return f"no mask on {faces} face{'s' * (faces > 1)}, nothing changed"
    bare = f", no mask on {faces - worn} more" if faces > worn else ""
    count = f"{worn} face{'s' * (worn > 1)}"
    return f"{count} restored{bare}" if restored else f"masks of {count} mapped, no generator was given"
