"""Photos for tests of restoring by a reference: a real face with a mask, and other views of the same photo."""

from collections.abc import Sequence
from functools import cache

import cv2
import numpy as np

from maskgen import mask_photo
from maskgen.errors import Skip
from maskgen.types import RGBImage, Triplet
from tests.helpers.faces import astronaut
from unmasknet.restore.reference.references import Reference
from unmasknet.restore.reference.same_person import LIMIT, PersonCheck, SeenFace
from unmasknet.restore.unmasker import Unmasker


@cache
def portrait() -> RGBImage:
    """Returns a photo of one face, 280 x 280."""
    return np.ascontiguousarray(astronaut()[:280, 80:360])


@cache
def masked_portrait() -> Triplet:
    made = mask_photo(portrait(), "surgical", seed=3)
    assert not isinstance(made, Skip)
    return made


@cache
def other_view(degrees: float = 9.0, scale: float = 1.25, gain: float = 0.8) -> RGBImage:
    """Returns the face rotated, scaled, and in another exposure and white balance."""
    matrix = cv2.getRotationMatrix2D((140, 140), degrees, scale)
    matrix[:, 2] += 210 - 140
    moved = cv2.warpAffine(
        portrait(), matrix, (420, 420), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT
    )
    return np.clip(moved * np.array([gain, gain * 0.9, gain * 1.1]), 0, 255).astype(np.uint8)


@cache
def real_unmasker() -> Unmasker:
    """Returns the released networks."""
    return Unmasker.from_pretrained(threads=1)


def psnr(one: RGBImage, other: RGBImage, where: np.ndarray) -> float:
    error = ((one.astype(float) - other)[where > 0] ** 2).mean()
    return float(10 * np.log10(255**2 / error))


class FixedCheck(PersonCheck):
    """Check that takes references by their names: those in `others` show another person."""

    def __init__(self, *others: str) -> None:
        super().__init__()
        self.others = others

    @property
    def available(self) -> bool:
        return True

    def distances(self, face: SeenFace, references: Sequence[Reference]) -> list[float]:
        return [LIMIT * (2 if one.name in self.others else 0.5) for one in references]


class NoCheck(PersonCheck):
    """Check of an installation without a face network."""

    @property
    def available(self) -> bool:
        return False


def unmasker_with(check: PersonCheck) -> Unmasker:
    """Returns the released networks with another check."""
    unmasker = Unmasker(real_unmasker().networks)
    unmasker._restorer.check = check
    return unmasker
