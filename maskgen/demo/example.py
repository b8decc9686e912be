"""Built-in photo with a mask, as an example input for users who have no photo at hand."""

from maskgen.api import mask_photo
from maskgen.demo.photo import sample_photo
from maskgen.errors import Skip
from maskgen.images.codecs import encode_jpeg

QUALITY = 92  # JPEG quality


def masked_example(size: int = 0) -> bytes:
    """Puts a mask on the built-in photo.

    Args:
        size: side of the face's crop in pixels, 64 to 1024; 0 keeps the whole photo.

    Returns:
        The bytes of a JPEG.
    """
    made = mask_photo(sample_photo(), "surgical-#0473e2", size=size)
    assert not isinstance(made, Skip), made
    return encode_jpeg(made.masked, QUALITY)
