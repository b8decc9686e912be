"""`load_photo`: a path, bytes, an open file, an array and a Pillow image give the same pixels."""

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
        io.BytesIO(data),
        lazy,
        loaded,
        expected,
    ):
        assert np.array_equal(load(given), expected)


def test_an_open_file_is_read_from_its_start_each_time(tmp_path):
    data = encoded(photo("RGB"), "png")
    (tmp_path / "photo").write_bytes(data)
    with (tmp_path / "photo").open("rb") as file:
        file.seek(9)
        assert np.array_equal(load(file), load(data))
        assert np.array_equal(load(file), load(data))


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


@pytest.mark.parametrize("mode", ["1", "L", "RGB", "RGBA", "I;16"])
def test_arrays_with_strides_give_the_same_pixels(mode):
    array = np.asarray(photo(mode))
    view = np.repeat(np.repeat(array, 2, 0), 2, 1)[::-2, ::-2]
    assert not view.flags.c_contiguous
    loaded = load(view)
    assert loaded.flags.c_contiguous
    assert np.array_equal(loaded, load(array)[::-1, ::-1])


def test_16_bit_arrays_give_their_high_byte_in_either_byte_order_and_with_any_channels():
    levels = np.random.default_rng(0).integers(0, 65536, (20, 30, 4), np.uint16)
    for array in (levels, levels[..., :3], levels[..., :1], levels[..., 0]):
        expected = load((array >> 8).astype(np.uint8))
        assert np.array_equal(load(array), expected)
        assert np.array_equal(load(array.astype(">u2")), expected)


COLOURS = np.array(
    [[200, 30, 60], [10, 120, 240], [128, 128, 128], [90, 200, 90], [0, 0, 0], [255, 255, 255]]
)
ALPHA = np.array([0, 255, 128, 20, 200, 77])
# largest difference that Pillow's conversion to the mode and back makes, in levels
BACK_AND_FORTH = {"RGB": 0, "RGBX": 0, "CMYK": 0, "YCbCr": 3, "HSV": 6, "LAB": 14}


def coloured(*bands):
    """Returns a Pillow image of six patches, RGB or RGBA or LA."""
    levels = np.repeat(np.column_stack(bands), 5, axis=0)[None].repeat(20, 0).astype(np.uint8)
    return Image.fromarray(levels, {2: "LA", 3: "RGB", 4: "RGBA"}[levels.shape[2]])


def patches(image):
    return load(image)[3, 2::5].astype(int)


def on_ground(colours, alpha):
    """Returns the colours with an opacity of 0-255 on the background of `load`, by the formula."""
    return (colours * alpha[:, None] + 200 * (255 - alpha[:, None])) / 255


@pytest.mark.parametrize("mode", BACK_AND_FORTH)
def test_a_mode_without_alpha_gives_its_colours(mode):
    assert np.abs(patches(coloured(COLOURS).convert(mode)) - COLOURS).max() <= BACK_AND_FORTH[mode]


def test_grey_modes_give_equal_channels():
    grey = np.asarray(coloured(COLOURS).convert("L"))[3, 2::5].astype(int)
    assert np.array_equal(patches(coloured(COLOURS).convert("L")), np.stack([grey] * 3, 1))
    black_and_white = coloured(COLOURS).convert("L").point(lambda level: level > 100 and 255).convert("1")
    assert np.array_equal(patches(black_and_white), np.stack([(grey > 100) * 255] * 3, 1))


@pytest.mark.parametrize("mode", ["RGBA", "RGBa"])
def test_transparent_colours_lie_on_the_background_premultiplied_or_not(mode):
    image = coloured(COLOURS, ALPHA).convert(mode)
    assert np.abs(patches(image) - on_ground(COLOURS, ALPHA)).max() <= 2


@pytest.mark.parametrize("mode", ["LA", "La"])
def test_transparent_grey_lies_on_the_background_premultiplied_or_not(mode):
    grey = COLOURS[:, :1].repeat(3, 1)
    image = coloured(grey[:, 0], ALPHA).convert(mode)
    assert np.abs(patches(image) - on_ground(grey, ALPHA)).max() <= 2


def palette_image():
    image = Image.fromarray(np.arange(6, dtype=np.uint8).repeat(5)[None].repeat(20, 0), "L").convert("P")
    image.putpalette(COLOURS.astype(np.uint8).tobytes())
    return image


def test_a_palette_gives_its_colours_and_each_kind_of_its_transparency():
    image = palette_image()
    assert np.array_equal(patches(image), COLOURS)
    image.info["transparency"] = bytes(ALPHA.astype(np.uint8))
    assert np.abs(patches(image) - on_ground(COLOURS, ALPHA)).max() <= 1
    image = palette_image()
    image.info["transparency"] = 3  # this index is transparent
    assert np.array_equal(patches(image), on_ground(COLOURS, np.where(np.arange(6) == 3, 0, 255)))
    image = palette_image()
    image.putpalette(np.column_stack((COLOURS, ALPHA)).astype(np.uint8).tobytes(), "RGBA")
    assert np.abs(patches(image) - on_ground(COLOURS, ALPHA)).max() <= 1


def test_a_palette_with_an_alpha_channel_gives_its_colours_on_the_background():
    # Pillow converts LA to PA without the alpha channel, and RGBA to PA with the 216 colours of its web palette. Such
    # images differ from their originals before they are loaded; promised are the colours of the PA image itself.
    image = palette_image().convert("PA")
    image.putalpha(Image.fromarray(ALPHA.astype(np.uint8).repeat(5)[None].repeat(20, 0), "L"))
    assert image.mode == "PA"
    assert np.abs(patches(image) - on_ground(COLOURS, ALPHA)).max() <= 1
    for original in (coloured(COLOURS[:, 0], ALPHA), coloured(COLOURS, ALPHA)):
        image = original.convert("PA")
        assert np.array_equal(load(image), load(image.convert("RGBA")))


@pytest.mark.parametrize(("mode", "transparent"), [("RGB", (10, 120, 240)), ("L", 120), ("1", 255)])
def test_the_colour_that_is_named_transparent_shows_the_background(mode, transparent):
    image = Image.new(mode, (20, 20), transparent)
    image.paste(0, (0, 0, 10, 20))
    image.info["transparency"] = transparent
    loaded = load(image)
    assert (loaded[:, :10] == 0).all()
    assert (loaded[:, 10:] == 200).all()


@pytest.mark.parametrize(("mode", "order"), [("I;16", "<"), ("I;16L", "<"), ("I;16B", ">"), ("I;16N", "=")])
def test_16_bit_pillow_images_give_their_high_byte(mode, order):
    image = Image.frombytes(mode, (20, 20), np.full((20, 20), 40_000, f"{order}u2").tobytes())
    assert (load(image) == 40_000 >> 8).all()


@pytest.mark.parametrize("mode", ["F", "I"])
def test_pillow_images_of_32_bits_are_refused_with_advice(mode):
    with pytest.raises(
        InputError, match=f"mode {mode}: .* Scale them to 0-255 and convert the image to L"
    ) as error:
        load(Image.new(mode, (20, 20)))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("transparency", ["x", (1, 2, 3), 300, None])
def test_a_palette_with_an_impossible_transparency_is_refused_by_its_mode(transparency):
    image = palette_image()
    image.info["transparency"] = transparency
    with pytest.raises(InputError, match=r"mode P: .* Convert it to RGB first$"):
        load(image)
    grey = Image.new("L", (20, 20))
    grey.info["transparency"] = b"0"
    with pytest.raises(InputError, match="mode L: "):
        load(grey)


def test_a_pillow_image_without_pixels_or_closed_is_refused(tmp_path):
    with pytest.raises(InputError, match="0 x 20"):
        load(Image.new("RGB", (0, 20)))
    (tmp_path / "photo.png").write_bytes(encoded(photo("RGB"), "png"))
    with Image.open(tmp_path / "photo.png") as lazy:
        pass
    with (tmp_path / "photo.png").open("rb") as file:
        of_closed_file = Image.open(file)
    closed = Image.new("RGB", (20, 20))
    closed.close()
    for image in (lazy, of_closed_file, closed):
        with pytest.raises(InputError, match="closed"):
            load(image)


@pytest.mark.parametrize("kind", ["png", "jpeg", "tiff", "gif", "bmp"])
def test_half_a_file_is_truncated_as_bytes_and_as_a_pillow_image(kind):
    data = encoded(photo("RGB"), kind)
    half = data[: -len(data) // 3]
    assert load(half).reason == load(Image.open(io.BytesIO(half))).reason == "truncated"


def test_too_many_pixels_are_skipped_as_bytes_and_as_a_pillow_image():
    large = Image.new("1", (2000, 1000))
    assert load(large).reason == load(encoded(large, "png")).reason == "too_large"


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((20, 20, 2), np.uint8),
        np.zeros((20, 20, 5), np.uint8),
        np.zeros((3, 20, 20), np.uint8),
        np.zeros((1, 20, 20, 3), np.uint8),
        np.zeros(20, np.uint8),
        np.zeros((), np.uint8),
        np.zeros((0, 5, 3), np.uint8),
        np.zeros((5, 0), np.uint8),
        np.zeros((5, 5, 0), np.uint8),
        np.zeros((20, 20, 3), np.int64),
        np.zeros((20, 20, 3), np.int8),
        np.zeros((20, 20, 3), np.uint32),
        np.zeros((20, 20, 3)),
        np.zeros((20, 20), np.float16),
        np.zeros((20, 20), np.complex64),
        np.zeros((20, 20), "M8[s]"),
    ],
    ids=lambda array: f"{array.dtype}-{array.shape}",
)
def test_a_refused_array_is_named_by_dtype_and_shape(array):
    with pytest.raises(InputError) as error:
        load(array)
    message = str(error.value)
    assert f"array of {array.dtype}, shape {array.shape}; give uint8, uint16 or bool" in message
    assert ("* 255" in message) == (array.dtype.kind == "f")
    assert "\n" not in message


@pytest.mark.parametrize(
    "thing",
    [None, 5, 2.5, {}, object(), [[1, 2], [3]], np.array([None])],
    ids=lambda thing: type(thing).__name__,
)
def test_things_that_are_no_photo_are_refused_by_their_type(thing):
    with pytest.raises(InputError, match=f"got {type(thing).__name__}") as error:
        load(thing)
    assert "a path, bytes, a file opened in binary mode, a NumPy array or a Pillow image" in str(error.value)


def test_files_that_cannot_be_read_are_refused(tmp_path):
    (tmp_path / "photo.png").write_bytes(encoded(photo("RGB"), "png"))
    with (tmp_path / "photo.png").open("rb") as file:
        pass
    for given in (file, io.StringIO("text"), tmp_path, tmp_path / "no such file", "", "a\0b"):
        with pytest.raises(InputError) as error:
            load(given)
        assert "\n" not in str(error.value)


@pytest.mark.parametrize("most", [300, 1023, 4095, 65535])
def test_grey_maps_of_more_than_8_bits_give_their_high_byte(most, tmp_path):
    levels = np.linspace(0, most, 600).round().astype(np.uint16).reshape(20, 30)
    data = b"P5 30 20 %d\n" % most + levels.astype(">u2").tobytes()
    (tmp_path / "a.pgm").write_bytes(data)
    wanted = np.rint(levels * (65535 / most)).astype(np.int64) >> 8
    for source in (data, tmp_path / "a.pgm", Image.open(io.BytesIO(data))):
        assert np.abs(load(source)[..., 0].astype(int) - wanted).max() <= 1
