"""`load_photo`: a path, bytes, an array and a Pillow image give the same pixels."""

import io

import numpy as np
import pytest
from PIL import Image

from maskgen.errors import InputError
from maskgen.images.photo_loader import load_photo

MODES = {
    "1": "png", "L": "png", "LA": "png", "P": "png", "PA": "png", "RGB": "png", "RGBA": "png", "CMYK": "jpeg",
    "I;16": "png",
}  # fmt: skip


def load(image):
    return load_photo(image, max_pixels=10**6, background=200)


def photo(mode):
    rng = np.random.default_rng(0)
    if mode == "I;16":
        return Image.fromarray(rng.integers(0, 65536, (20, 30), np.uint16))
    image = Image.fromarray(rng.integers(0, 256, (20, 30, 4), np.uint8), "RGBA")
    if mode == "PA":
        indexed = image.convert("RGB").convert("P")
        indexed.info["transparency"] = bytes(range(256))
        return indexed
    return (
        image
        if mode == "RGBA"
        else image.convert("RGB").convert(mode)
        if mode == "P"
        else image.convert(mode)
    )


def encoded(image, kind, orientation=1):
    exif = Image.Exif()
    exif[0x0112] = orientation
    out = io.BytesIO()
    image.save(out, kind, exif=exif)
    return out.getvalue()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("mode", MODES)
def test_all_ways_in_give_the_same_pixels(tmp_path, mode, orientation):
    data = encoded(photo(mode), MODES[mode], orientation)
    (tmp_path / "photo").write_bytes(data)
    loaded = Image.open(io.BytesIO(data))
    loaded.load()
    expected = load(data)
    assert expected.shape == ((20, 30, 3) if orientation < 5 else (30, 20, 3))
    lazy = Image.open(io.BytesIO(data))
    for given in (
        tmp_path / "photo",
        str(tmp_path / "photo"),
        bytearray(data),
        memoryview(data),
        lazy,
        loaded,
        expected,
    ):
        assert np.array_equal(load(given), expected)


@pytest.mark.parametrize("mode", ["1", "L", "RGB", "RGBA", "I;16"])
def test_arrays_give_the_pixels_of_the_file(mode):
    image = photo(mode)
    expected = load(encoded(image, "png"))
    array = np.asarray(image)
    read_only = array.copy()
    read_only.flags.writeable = False
    for given in (array, np.asfortranarray(array), read_only):
        assert np.array_equal(load(given), expected)
    if array.ndim == 2:
        assert np.array_equal(load(array[..., None]), expected)


@pytest.mark.parametrize(
    "array", [np.zeros((20, 20, 3)), np.zeros((20, 20, 2), np.uint8), np.zeros((0, 5, 3), np.uint8)]
)
def test_a_refused_array_is_named_by_dtype_and_shape(array):
    with pytest.raises(InputError) as error:
        load(array)
    assert str(array.dtype) in str(error.value)
    assert str(array.shape) in str(error.value)


@pytest.mark.parametrize("mode", ["F", "I"])
def test_pillow_images_of_32_bits_are_refused(mode):
    with pytest.raises(InputError, match=f"mode {mode}"):
        load(Image.new(mode, (20, 20)))
