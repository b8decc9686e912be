"""Loading of references: photos of a person without a mask. A photo that cannot serve is refused with one line."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from os import PathLike
from pathlib import Path

import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from maskgen.errors import InputError, Skip
from maskgen.faces.landmarks.mesh import MeshDetector
from maskgen.faces.landmarks.topology import Mesh
from maskgen.faces.pose import head_pose
from maskgen.images.formats import SUFFIXES
from maskgen.images.photo_loader import PhotoInput, load_photo
from maskgen.settings import MAX_PHOTO_PIXELS, PHOTO_BACKGROUND
from maskgen.types import Face, Plane, Pose, RGBImage
from unmasknet.restore.reference.mesh_finder import mirrored
from unmasknet.restore.reference.shape import JAW, eye_distance

SMALLEST = 32.0  # pixels; width of the smallest face that is used
SECOND = 0.75  # width of another face, as a fraction of the largest, from which on it is unclear who is meant
PROFILE = 50.0  # degrees of yaw; beyond it half of the mouth is hidden
COVERED = 0.3  # fraction of the lower face under a mask from which on the reference is refused
GREY = 6  # levels; largest difference of a grey photo's channels, for 99 % of its pixels

FindMask = Callable[[RGBImage, Mesh], Plane]
Refine = Callable[[RGBImage, Mesh], Mesh]


@dataclass(frozen=True, eq=False)
class Reference:
    """Photo that shows the face of a person without a mask.

    Attributes:
        name: how messages call it.
        pixels: RGB.
        mesh: of its face, in its pixels.
        pose: of its head.
        eyes: distance of the eyes in pixels.
        grey: whether it has no colours.
    """

    name: str
    pixels: RGBImage = field(repr=False)
    mesh: Mesh = field(repr=False)
    pose: Pose
    eyes: float
    grey: bool

    @cached_property
    def mirrored(self) -> "Reference":
        """The mirror image, for the side of the face that a turned head hides."""
        pose = replace(self.pose, yaw=-self.pose.yaw, roll=-self.pose.roll)
        pixels = np.ascontiguousarray(self.pixels[:, ::-1])
        return replace(self, pixels=pixels, mesh=mirrored(self.mesh, pixels.shape[1]), pose=pose)


@dataclass(frozen=True)
class References:
    """References of one person.

    Attributes:
        usable: at least one.
        refused: a line for each of the others.
    """

    usable: tuple[Reference, ...]
    refused: tuple[str, ...]

    def without(self, photo: RGBImage) -> "References":
        """Returns the references without those that are the photo to be restored.

        Raises:
            InputError: there is no other.
        """
        others = tuple(one for one in self.usable if not np.array_equal(one.pixels, photo))
        if not others:
            raise InputError(
                f"{self.usable[0].name}: is the photo that is to be restored; a reference is another photo"
            )
        return replace(self, usable=others)


class ReferenceLoader:
    """Loader of references. Holds networks: use one per thread.

    Args:
        find_mask: takes a photo and the mesh of a face in it; returns a plane of the photo's size, above 0 where the
            face has a mask. None: masks are not looked for.
        refine: takes a photo and the mesh of a face in it; returns a better mesh.
    """

    def __init__(self, find_mask: FindMask | None, refine: Refine) -> None:
        self._find_mask, self._refine = find_mask, refine
        self._detector = MeshDetector(smallest=SMALLEST)

    def load(self, photos: Sequence[PhotoInput]) -> References:
        """Loads photos of one person.

        Raises:
            InputError: none of them can be used; the message has a line for each.
        """
        usable: list[Reference] = []
        refused: list[str] = []
        for number, photo in enumerate(photos, 1):
            name = str(photo) if isinstance(photo, str | PathLike) else f"reference {number}"
            try:
                usable.append(self._loaded(photo, name))
            except InputError as error:
                refused.append(str(error))
        if not usable:
            raise InputError("\n  ".join(refused))
        return References(tuple(usable), tuple(refused))

    def _loaded(self, photo: PhotoInput, name: str) -> Reference:
        pixels = load_photo(photo, max_pixels=MAX_PHOTO_PIXELS, background=PHOTO_BACKGROUND)
        if isinstance(pixels, Skip):
            raise InputError(f"{name}: {pixels.reason}: {pixels.detail}. Give another photo as the reference")
        face = self._only_face(pixels, name)
        pose = head_pose(face.mesh)
        if abs(pose.yaw) > PROFILE:
            raise InputError(
                f"{name}: the face is seen from the side (yaw {pose.yaw:.0f} degrees); a reference must show both "
                f"corners of the mouth, up to {PROFILE:.0f} degrees"
            )
        if self._find_mask and _lower_face_covered(face.mesh, self._find_mask(pixels, face.mesh)) > COVERED:
            raise InputError(f"{name}: the face wears a mask; a reference must show mouth and chin")
        mesh = self._refine(pixels, face.mesh)
        return Reference(name, pixels, mesh, pose, eye_distance(mesh), is_grey(pixels))

    def _only_face(self, pixels: RGBImage, name: str) -> Face:
        """Returns the face that is meant."""
        found = self._detector.detect(pixels)
        if isinstance(found, Skip):
            raise InputError(
                f"{name}: no face of at least {SMALLEST:.0f} pixels is found; a reference must show one face without a "
                "mask"
            )
        faces = sorted(found, key=_width, reverse=True)
        if _width(faces[0]) < SMALLEST:
            raise InputError(
                f"{name}: the face is {_width(faces[0]):.0f} pixels wide; a reference needs at least {SMALLEST:.0f}"
            )
        if len(faces) > 1 and _width(faces[1]) > SECOND * _width(faces[0]):
            raise InputError(f"{name}: shows several faces; crop it to the one that is meant")
        return faces[0]


def is_grey(pixels: RGBImage) -> bool:
    """Tells whether a photo has no colours."""
    sparse = pixels[::4, ::4].astype(np.int16)
    return bool(np.percentile(np.ptp(sparse, axis=2), 99) <= GREY)


def photos_of(names: Sequence[str]) -> list[Path]:
    """Lists the photos that `--reference` names: files, and the files of folders.

    Raises:
        InputError: a path does not exist, or a folder holds no photo.
    """
    found: list[Path] = []
    for name in names:
        path = Path(name)
        if not path.is_dir():
            found.append(path)
            continue
        photos = sorted(one for one in path.iterdir() if one.suffix.lower() in SUFFIXES and one.is_file())
        if not photos:
            raise InputError(f"--reference {name}: the folder holds no photo; give photos of the person")
        found += photos
    return found


def _width(face: Face) -> float:
    return float(
        np.hypot(*(face.mesh[454, :2] - face.mesh[234, :2])) + abs(face.mesh[454, 2] - face.mesh[234, 2]) / 2
    )


def _lower_face_covered(mesh: Float32[ndarray, "468 3"], mask: Plane) -> float:
    """Computes the fraction of the points of mouth, chin and jaw that lie on the mask."""
    points = mesh[[*JAW, 0, 17, 61, 291, 200, 205, 425], :2]
    column = np.clip(np.rint(points[:, 0]).astype(int), 0, mask.shape[1] - 1)
    row = np.clip(np.rint(points[:, 1]).astype(int), 0, mask.shape[0] - 1)
    return float((mask[row, column] > 0).mean())
