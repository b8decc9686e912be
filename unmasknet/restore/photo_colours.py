"""Colours of a photo for the networks, which know sRGB alone, and back in its result."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from maskgen.errors import Skip
from maskgen.images import codecs
from maskgen.images.colour import from_srgb, is_other_space, srgb_of
from maskgen.settings import MAX_PHOTO_PIXELS, PHOTO_BACKGROUND
from maskgen.types import RGBImage
from unmasknet.restore.unmasker import unusable_photo


@dataclass(frozen=True)
class PhotoColours:
    """Photo in sRGB, as networks see it, and in the colours of its file.

    Attributes:
        shown: upright sRGB.
        own: the same photo in the colours of `profile`; the same array as `shown` where that is (nearly) sRGB.
        profile: ICC profile that belongs in a result; b"" for none.
    """

    shown: RGBImage
    own: RGBImage
    profile: bytes

    def of_result(self, picture: RGBImage) -> UInt8[ndarray, "h w 3"]:
        """Converts a result in sRGB to the photo's own colours; pixels that equal the photo's stay as they are."""
        if self.own is self.shown:
            return picture
        changed = (picture != self.shown).any(axis=2)
        rows = np.flatnonzero(changed.any(axis=1))
        result = self.own.copy()
        if len(rows):
            part = slice(rows[0], rows[-1] + 1)
            result[part][changed[part]] = from_srgb(picture[part], self.profile)[changed[part]]
        return result


def read_colours(data: bytes, name: str) -> PhotoColours:
    """Decodes a file's bytes; `name` is used in the message.

    Raises:
        InputError: it is not a photo.
    """
    photo = codecs.decode_in_own_colours(data, max_pixels=MAX_PHOTO_PIXELS, background=PHOTO_BACKGROUND)
    if isinstance(photo, Skip):
        raise unusable_photo(photo, name)
    own, profile = photo
    return PhotoColours(srgb_of(own, profile) if is_other_space(profile) else own, own, profile)
