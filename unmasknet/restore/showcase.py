"""What the released weights make of one face: the picture that `unmask demo` ends with."""

from maskgen.types import RGBImage
from unmasknet.restore.provenance import encode_result
from unmasknet.restore.strip import draw_strip
from unmasknet.restore.unmasker import Unmasker


def restored_strip(masked: RGBImage, truth: RGBImage) -> bytes:
    """Masked photo, map, result and truth side by side, as a PNG that says what it is.

    Raises:
        MissingError: no weights ship. InputError: they are damaged.
    """
    restored = Unmasker.from_pretrained()(masked)
    return encode_result(draw_strip(masked, restored.map, restored.picture, truth), ".png")
