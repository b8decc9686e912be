"""Grey PNGs of planes: the pixels come back, and damage is noticed."""

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from maskgen.images.plane_png import decode_grey, encode_grey

MOST = 1 << 20


def blob(height: int, width: int, top: int, rows: int, level: int) -> np.ndarray:
    """Draws a block of up to `rows` rows below row `top`; rows of it are 0 beside its columns."""
    plane = np.zeros((height, width), np.uint8)
    plane[top : top + rows, width // 3 : width // 3 + width // 2 + 1] = level
    return plane


planes = st.builds(
    blob, st.integers(1, 90), st.integers(1, 300), st.integers(0, 90), st.integers(0, 60), st.integers(1, 255)
)


@given(planes)
def test_planes_come_back_from_both_readers(plane):
    data = encode_grey(plane)
    image = Image.open(io.BytesIO(data))
    assert image.mode == "L"
    assert np.array_equal(np.asarray(image), plane)
    assert np.array_equal(decode_grey(data, MOST), plane)


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_noise_comes_back(height, width, seed):
    plane = np.random.default_rng(seed).integers(0, 256, (height, width), dtype=np.uint8)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(encode_grey(plane)))), plane)
    found = decode_grey(encode_grey(plane), MOST)
    assert found is None or np.array_equal(found, plane)


def test_any_strides_are_encoded():
    plane = blob(40, 60, 5, 20, 255)
    assert encode_grey(plane[:, ::-1]) == encode_grey(plane[:, ::-1].copy())


def test_every_flipped_byte_is_noticed_or_without_effect():
    plane = blob(40, 50, 8, 20, 3)
    data = encode_grey(plane)
    for at in range(len(data)):
        broken = bytearray(data)
        broken[at] ^= 0x21
        found = decode_grey(bytes(broken), MOST)
        assert found is None or found.shape != plane.shape or np.array_equal(found, plane)


@pytest.mark.parametrize("length", [0, 8, 33, 60, 90])
def test_a_cut_file_is_not_decoded(length):
    assert decode_grey(encode_grey(blob(40, 50, 8, 20, 3))[:length], MOST) is None


@pytest.mark.fault
@pytest.mark.parametrize("size", [(8, 2), (17, 1), (2, 6), (0, 18), (5, 0), (0, 0), (2**31, 0)])
def test_row695_another_size_in_the_header_is_not_decoded(size):
    data = encode_grey(blob(3, 5, 0, 1, 3))
    forged = data[:16] + struct.pack(">II", *size) + data[24:]
    assert decode_grey(forged, MOST) is None


@pytest.mark.fault
def test_row695_a_blank_plane_without_rows_or_columns_is_not_decoded():
    data = encode_grey(np.zeros((1, 9), np.uint8))
    for size in ((0, 10), (9, 0)):
        assert decode_grey(data[:16] + struct.pack(">II", *size) + data[24:], MOST) is None


def test_a_plane_that_is_too_large_is_not_decoded():
    data = encode_grey(blob(40, 50, 8, 20, 3))
    assert decode_grey(data, 40 * 50) is not None
    assert decode_grey(data, 40 * 50 - 1) is None


def test_a_stream_that_expands_without_end_is_not_expanded():
    data = encode_grey(blob(40, 50, 8, 20, 3))
    bomb = zlib.compressobj(9, zlib.DEFLATED, -15)
    part = bomb.compress(bytes(100_000_000)) + bomb.flush(zlib.Z_FULL_FLUSH)
    stream = b"\x78\x01" + part[:4000] + data[43:]
    forged = data[:33] + struct.pack(">I", len(stream)) + b"IDAT" + stream
    assert decode_grey(forged, MOST) is None


def test_pngs_of_others_are_left_to_others():
    out = io.BytesIO()
    Image.fromarray(blob(40, 50, 8, 20, 3)).save(out, "PNG")
    assert decode_grey(out.getvalue(), MOST) is None
