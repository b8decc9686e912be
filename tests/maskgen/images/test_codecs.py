"""Image codecs: correct colours from any mode, and small, exact files."""

import io
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image

from maskgen.errors import InputError, Skip
from maskgen.images.codecs import (
    decode,
    decode_map,
    decode_parts,
    encode_jpeg,
    encode_lossless,
    encode_map,
    encode_parts,
)
from maskgen.images.formats import is_html, picture_format
from maskgen.images.jpeg import plain_size


def smooth(height: int = 48, width: int = 64) -> np.ndarray:
    """Draws an image with different colours in its corners and no sharp edge, so that every codec preserves it."""
    y, x = np.mgrid[:height, :width]
    red, green, blue = 40 + 3 * x, 220 - 4 * y, 60 + x + 2 * y
    return np.stack([red, green, blue], axis=2).clip(0, 255).astype(np.uint8)


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def decoded(data: bytes, background: int = 255) -> np.ndarray:
    pixels = decode(data, max_pixels=10**6, background=background)
    assert not isinstance(pixels, Skip), pixels
    return pixels


def distance(pixels: np.ndarray, expected: np.ndarray) -> float:
    return float(np.abs(pixels.astype(int) - expected).mean())


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "PPM", "AVIF"])
def test_every_format_is_recognised_by_its_bytes_and_keeps_its_colours(kind):
    data = saved(Image.fromarray(smooth()), kind)
    assert picture_format(data[:512]) == kind.lower()
    assert distance(decoded(data), smooth()) < 6  # GIF has 256 colours


def test_plain_jpegs_are_decoded_alike_by_opencv_and_pillow():
    data = saved(Image.fromarray(smooth()), "JPEG", quality=80)
    assert np.array_equal(decoded(data), np.asarray(Image.open(io.BytesIO(data))))


def test_only_jpegs_of_one_scan_without_metadata_skip_pillow():
    image = Image.fromarray(smooth())
    for options in ({}, {"comment": b"\xff\xc0" * 9}, {"restart_marker_blocks": 2}):
        assert plain_size(saved(image, "JPEG", **options)) == image.size
    assert plain_size(saved(image.convert("L"), "JPEG")) == image.size
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    plain = saved(image, "JPEG")
    for other in (
        saved(image, "JPEG", exif=exif),
        saved(image.convert("CMYK"), "JPEG"),
        saved(image, "JPEG", progressive=True),
        plain[: plain.index(b"\xff\xda")],
        plain[:4],
        plain[:4] + b"\0\0" + plain[6:],
    ):
        assert plain_size(other) is None


@pytest.mark.parametrize(
    ("at", "value"), [(4, b"\x0c"), (5, b"\0\0"), (7, b"\0\0")], ids=["12 bits", "no height", "no width"]
)
def test_a_jpeg_with_an_invalid_frame_header_is_unreadable(at, value):
    plain = saved(Image.fromarray(smooth()), "JPEG")
    at += plain.index(b"\xff\xc0")
    odd = plain[:at] + value + plain[at + len(value) :]
    assert plain_size(odd) is None
    found = decode(odd, max_pixels=1 << 20, background=255)
    assert isinstance(found, Skip)
    assert found.reason == "unreadable"


def test_grey_jpegs_have_three_equal_channels():
    pixels = decoded(saved(Image.fromarray(smooth()).convert("L"), "JPEG"))
    assert pixels.shape == (48, 64, 3)
    assert (pixels[:, :, 0] == pixels[:, :, 2]).all()


def test_a_jpeg_that_ends_in_true_grey_is_whole():
    image = smooth()
    image[-20:, -20:] = 128
    for options in ({"subsampling": 0}, {"subsampling": 2}, {"progressive": True}):
        pixels = decoded(saved(Image.fromarray(image), "JPEG", quality=95, **options))
        assert (pixels[-1, -1] == 128).all()


def test_encoded_jpegs_are_close_and_carry_no_metadata():
    data = encode_jpeg(smooth(), 95)
    assert distance(decoded(data), smooth()) < 1.5
    assert b"Exif" not in data
    assert Image.open(io.BytesIO(data)).info.keys() <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}


@pytest.mark.parametrize("kind", ["png", "webp"])
def test_lossless_formats_give_the_same_pixels(kind):
    data = encode_lossless(smooth(), kind)
    assert picture_format(data) == kind
    assert np.array_equal(decoded(data), smooth())


planes = st.tuples(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32 - 1))


@settings(max_examples=50, deadline=None)
@given(planes)
def test_encoded_maps_decode_to_the_same_values(shape):
    height, width, seed = shape
    plane = np.random.default_rng(seed).integers(0, 2, (height, width), dtype=np.uint8)
    assert np.array_equal(decode_map(encode_map(plane)), plane)


@settings(max_examples=50, deadline=None)
@given(planes)
def test_encoded_parts_decode_to_the_same_values(shape):
    height, width, seed = shape
    parts = np.random.default_rng(seed).integers(0, 4, (height, width), dtype=np.uint8)
    assert np.array_equal(decode_parts(encode_parts(parts)), parts)


def test_other_readers_see_map_and_parts_as_grey_levels():
    plane = np.eye(30, 33, dtype=np.uint8)
    for data, level in ((encode_map(plane), 255), (encode_parts(plane * 3), 3)):
        image = Image.open(io.BytesIO(data))
        assert image.mode == "L"
        for read in (np.asarray(image), cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)):
            assert np.array_equal(read, plane * level)


def test_maps_and_parts_of_format_1_are_read():
    plane = np.eye(30, 33, dtype=np.uint8)
    assert np.array_equal(decode_map(saved(Image.fromarray(plane * 255).convert("1"), "PNG")), plane)
    palette = Image.fromarray(plane * 3).convert("P")
    palette.putdata((plane * 3).flatten().tolist())
    assert np.array_equal(decode_parts(saved(palette, "PNG")), plane * 3)


def test_a_grey_map_counts_from_level_128():
    grey = np.array([[0, 127, 128, 255]], np.uint8)
    assert decode_map(saved(Image.fromarray(grey), "PNG")).tolist() == [[0, 0, 1, 1]]


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "jpeg"])
def test_a_broken_map_is_an_input_error_that_names_it(damage):
    whole = encode_map(np.eye(64, dtype=np.uint8))
    flipped = bytearray(whole)
    flipped[50] ^= 4
    broken = {"cut": whole[:60], "flipped": bytes(flipped), "empty": b"", "jpeg": encode_jpeg(smooth(), 90)}
    with pytest.raises(InputError, match="map"):
        decode_map(broken[damage])


def test_parts_beyond_three_are_an_input_error():
    with pytest.raises(InputError, match="value 7"):
        decode_parts(saved(Image.fromarray(np.full((4, 4), 7, np.uint8)), "PNG"))


def test_a_map_with_too_many_pixels_is_refused_by_its_header():
    whole = bytearray(encode_map(np.zeros((8, 8), np.uint8)))
    whole[16:24] = (70_000).to_bytes(4, "big") * 2
    whole[29:33] = zlib.crc32(whole[12:29]).to_bytes(4, "big")
    with pytest.raises(InputError, match="70000"):
        decode_map(bytes(whole))


@pytest.mark.parametrize(
    "page",
    [
        b"<!DOCTYPE html><html>",
        b"\n\n<html lang=en>",
        b"\xef\xbb\xbf<!-- Drive -->\n<HTML>",
        b"<?xml?><html>",
    ],
)
def test_web_pages_are_recognised_by_their_start(page):
    assert is_html(page)
    assert not picture_format(page)


def test_photos_and_xml_are_not_web_pages():
    assert not is_html(encode_jpeg(smooth(), 90))
    assert not is_html(b"<?xml version='1.0'?><annotation>")
