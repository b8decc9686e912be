"""`Unmasker` with the same photo as a path, bytes, an open file, an array and a Pillow image."""

import io

import numpy as np
import pytest
from PIL import Image

from maskgen.api import mask_photo
from maskgen.errors import InputError
from tests.helpers.faces import astronaut
from unmasknet import Unmasker
from unmasknet.models.released import has_released

pytestmark = pytest.mark.skipif(not has_released(), reason="no weights ship with this version yet")
KINDS = ["RGB", "EXIF", "16 bit", "LA", "RGBA", "P", "P transparent", "CMYK"]


@pytest.fixture(scope="module")
def unmasker():
    return Unmasker.from_pretrained(threads=1)


@pytest.fixture(scope="module")
def masked():
    return mask_photo(astronaut(), "surgical-#0473e2", size=96, seed=1).masked


def fading(masked):
    """Returns an opacity that is 255 but for the first columns."""
    alpha = np.full(masked.shape[:2], 255, np.uint8)
    alpha[:, :12] = np.arange(12) * 20
    return alpha


def forms_of(kind, masked):
    """Returns a photo as a Pillow image, as an upright array, and a file format that stores it without loss."""
    image = Image.fromarray(masked)
    grey, alpha = np.asarray(image.convert("L")), fading(masked)
    if kind == "16 bit":
        levels = grey.astype(np.uint16) << 8 | 77
        return Image.fromarray(levels), levels, "png"
    if kind == "LA":
        return Image.fromarray(np.dstack((grey, alpha)), "LA"), np.dstack((grey, grey, grey, alpha)), "png"
    if kind == "RGBA":
        return Image.fromarray(np.dstack((masked, alpha))), np.dstack((masked, alpha)), "png"
    if kind.startswith("P"):
        image = image.quantize(64)
        array = np.asarray(image.convert("RGB"))
        if kind == "P":
            return image, array, "png"
        opacity = np.full(256, 255, np.uint8)
        opacity[:10] = 128
        image.info["transparency"] = opacity.tobytes()
        return image, np.dstack((array, opacity[np.asarray(image)])), "png"
    if kind == "CMYK":
        return image.convert("CMYK"), masked, "tiff"
    return image, masked, "png"


@pytest.mark.parametrize("kind", KINDS)
def test_every_way_in_gives_the_same_result(kind, unmasker, masked, tmp_path):
    image, array, file_format = forms_of(kind, masked)
    exif = Image.Exif()
    if kind == "EXIF":
        image, exif[0x0112] = (
            image.transpose(Image.Transpose.ROTATE_90),
            6,
        )  # to be shown rotated by 90 degrees
        image.info["exif"] = exif.tobytes()
    file = io.BytesIO()
    image.save(file, file_format, exif=exif)
    data = file.getvalue()
    (tmp_path / "photo").write_bytes(data)
    expected = unmasker(array)
    assert expected.changed
    for photo in (
        tmp_path / "photo",
        str(tmp_path / "photo"),
        data,
        bytearray(data),
        memoryview(data),
        io.BytesIO(data),
        np.repeat(array, 2, axis=0)[::2],
        image,
        Image.open(tmp_path / "photo"),
    ):
        restored = unmasker(photo)
        assert np.array_equal(restored.picture, expected.picture)
        assert np.array_equal(restored.map, expected.map)
        assert (restored.faces, restored.said) == (expected.faces, expected.said)


def test_transparent_pixels_lie_on_white(unmasker, masked):
    alpha = fading(masked)
    weight = alpha[..., None] / 255
    on_white = (masked * weight + 255 * (1 - weight)).round()
    restored = unmasker(np.dstack((masked, alpha)))
    untouched = restored.map == 0
    assert untouched[:, :12].any()
    assert np.abs(restored.picture[untouched] - on_white[untouched]).max() <= 1


@pytest.mark.parametrize(
    "photo",
    [np.zeros((20, 20, 3)), np.zeros((0, 5, 3), np.uint8), b"", b"text", None, Image.new("F", (20, 20))],
)
def test_an_unusable_photo_is_an_input_error_of_one_line(photo, unmasker):
    with pytest.raises(InputError) as error:
        unmasker(photo)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 40, 3), (40, 1), (3, 2, 4)])
def test_a_tiny_array_comes_back_unchanged(shape, unmasker):
    restored = unmasker(np.full(shape, 255, np.uint8))
    assert restored.picture.shape == (*shape[:2], 3)
    assert not restored.changed
