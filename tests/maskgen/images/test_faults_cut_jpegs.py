"""Row 47 of the fault matrix: JPEGs that were cut and closed again, and sound ones that look like it."""

import struct

import cv2
import numpy as np
import pytest
from PIL import Image

from maskgen.errors import Skip
from maskgen.images.codecs import decode
from tests.helpers.photo_files import drawn, saved

pytestmark = pytest.mark.fault

END = b"\xff\xd9"
PROGRESSIVE = {
    "4:2:0": ("RGB", {"subsampling": "4:2:0"}),
    "4:4:4": ("RGB", {"subsampling": "4:4:4", "quality": 95}),
    "coarse": ("RGB", {"quality": 20}),
    "grey": ("L", {}),
    "cmyk": ("CMYK", {}),
    "optimised": ("RGB", {"optimize": True}),
    "restart markers": ("RGB", {"restart_marker_blocks": 3}),
    "with marks in a comment": ("RGB", {"comment": b"\xff\xda" * 40}),
}


def reason(data: bytes) -> str:
    outcome = decode(data, max_pixels=10**6, background=255)
    return outcome.reason if isinstance(outcome, Skip) else ""


def closed(data: bytes, length: int) -> bytes:
    """Cuts a JPEG and closes it with an end marker, as programs do that mend downloads."""
    return data[:length].rstrip(b"\xff") + END


@pytest.mark.parametrize("name", PROGRESSIVE)
def test_row47_a_progressive_jpeg_cut_and_closed_again_is_truncated(name):
    mode, options = PROGRESSIVE[name]
    data = saved(Image.fromarray(drawn(96, 128)).convert(mode), "JPEG", progressive=True, **options)
    assert reason(data) == ""
    start = data.index(
        b"\xff\xda\0\x08" if mode == "L" else b"\xff\xda\0\x0c" if mode == "RGB" else b"\xff\xda\0\x0e"
    )
    cuts = range(start + 30, len(data) - 40, max(1, (len(data) - start) // 160))
    missed = [length for length in cuts if reason(closed(data, length)) != "truncated"]
    assert not missed, f"{len(missed)} of {len(cuts)}"


def test_row47_a_cut_between_two_scans_is_truncated():
    data = saved(Image.fromarray(drawn(96, 128)), "JPEG", progressive=True)
    at = data.index(b"\xff\xda") + 2
    scans = 1
    while (at := data.find(b"\xff\xda", at)) > 0:
        tables = data.rfind(b"\xff\xc4", 0, at)  # the tables of a scan stand before it
        for end in (tables, at):
            assert reason(data[:end] + END) == "truncated"
        at, scans = at + 2, scans + 1
    assert scans == 10


def test_row47_a_jpeg_with_a_scan_per_component_is_checked_too():
    data = one_scan_per_component(drawn(96, 128))
    assert data.count(b"\xff\xda") == 3
    assert reason(data) == ""
    cuts = range(data.index(b"\xff\xda") + 20, len(data) - 6, 37)
    missed = [length for length in cuts if reason(closed(data, length)) != "truncated"]
    assert not missed


def one_scan_per_component(pixels: np.ndarray) -> bytes:
    """Puts three grey JPEGs together to one whose components have a scan each, as libjpeg's scan scripts can."""
    planes = [saved(Image.fromarray(plane), "JPEG", quality=90) for plane in np.moveaxis(pixels, 2, 0)]
    tables = planes[0][: planes[0].index(b"\xff\xc0")]
    height, width, _ = pixels.shape
    frame = b"\xff\xc0" + struct.pack(">HBHHB", 17, 8, height, width, 3)
    frame += b"".join(bytes((number, 0x11, 0)) for number in (1, 2, 3))
    huffman = planes[0][planes[0].index(b"\xff\xc4") : planes[0].index(b"\xff\xda")]
    scans = b""
    for number, plane in enumerate(planes, 1):
        head = b"\xff\xda\0\x08\x01" + bytes((number, 0)) + b"\0\x3f\0"
        scans += head + plane[plane.index(b"\xff\xda") + 10 : -2]
    return tables + frame + huffman + scans + END


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_row47_a_sequential_jpeg_cut_and_closed_again_is_truncated(mode):
    data = saved(Image.fromarray(drawn(96, 128)).convert(mode), "JPEG", quality=90)
    start = data.index(b"\xff\xda") + 20
    cuts = range(start, len(data) - 60, max(1, (len(data) - start) // 160))
    assert not [length for length in cuts if reason(closed(data, length)) != "truncated"]


def test_row47_trailing_data_and_a_second_image_hide_no_cut():
    data = saved(Image.fromarray(drawn(96, 128)), "JPEG", progressive=True)
    for more in (b"\0" * 300, b"MotionPhoto_Data", saved(Image.fromarray(drawn()), "JPEG")):
        assert reason(data + more) == ""
        assert reason(closed(data, len(data) * 2 // 3) + more)
        assert reason(closed(data, len(data) - 60) + more) == "truncated"


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_row47_nothing_behind_a_sequential_jpeg_hides_its_cut(mode):
    data = saved(Image.fromarray(drawn(96, 128)).convert(mode), "JPEG", quality=90)
    exif = saved(
        Image.fromarray(drawn(96, 128)).convert(mode), "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0"
    )
    for whole in (data, exif):
        for more in (
            b"\xff\xd9" + b"\0" * 99,
            b"video\xff\xd9video",
            saved(Image.fromarray(drawn()), "JPEG"),
            whole,
        ):
            assert reason(whole + more) == ""
            assert reason(closed(whole, len(whole) * 2 // 3) + more) == "truncated"


@pytest.mark.parametrize(
    "marker",
    [
        b"\xff\xd3",
        b"\xff\xd3\0\0\xff\x0e",
        b"\xff\xe0\0\x10",
        b"\xff\xff\xff\xff\xff\xc4",
        b"\xff\xda\0\x0c",
        b"\xff\x01",
    ],
)
def test_row47_a_marker_among_the_pixels_of_a_sequential_jpeg_ends_it(marker):
    data = saved(Image.fromarray(drawn(96, 128)), "JPEG", quality=90)
    middle = (data.index(b"\xff\xda") + len(data)) // 2
    assert reason(data[:middle] + marker + data[middle + len(marker) :]) == "truncated"


def test_row47_a_progressive_jpeg_without_one_of_its_scans_is_truncated():
    data = saved(Image.fromarray(drawn(96, 128)), "JPEG", progressive=True)
    starts = [at for at in range(len(data)) if data[at : at + 2] == b"\xff\xda"]
    assert len(starts) == 10
    for start, end in zip(starts, [*starts[1:], len(data) - 2], strict=True):
        tables = data.find(b"\xff\xc4", start, end)  # of the next scan
        assert reason(data[:start] + data[tables if tables > 0 else end :]) == "truncated"


def encoders() -> dict[str, bytes]:
    """Encodes sound JPEGs in the ways that resemble cut ones."""
    smooth, noisy = drawn(96, 128), np.random.default_rng(0).integers(0, 256, (96, 128, 3), np.uint8)
    grey = np.full((96, 128, 3), 128, np.uint8)  # what decoders fill missing parts with
    found = {"one pixel more than a block": saved(Image.fromarray(drawn(97, 129)), "JPEG", progressive=True)}
    for name, pixels in {"smooth": smooth, "noisy": noisy, "grey": grey}.items():
        for progressive in (False, True):
            for quality in (5, 50, 100):
                options = {"progressive": progressive, "quality": quality}
                key = f"{name} {progressive} {quality}"
                found[key] = saved(Image.fromarray(pixels), "JPEG", **options)
                found[f"{key} grey"] = saved(Image.fromarray(pixels).convert("L"), "JPEG", **options)
                found[f"{key} cmyk"] = saved(Image.fromarray(pixels).convert("CMYK"), "JPEG", **options)
                found[f"{key} rgb"] = saved(Image.fromarray(pixels), "JPEG", keep_rgb=True, **options)
                flags = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_PROGRESSIVE, int(progressive)]
                flags += [cv2.IMWRITE_JPEG_OPTIMIZE, 1, cv2.IMWRITE_JPEG_RST_INTERVAL, 4]
                found[f"{key} opencv"] = cv2.imencode(".jpg", pixels, flags)[1].tobytes()
    return found


def test_row47_sound_jpegs_of_many_kinds_are_read():
    assert not {name: reason(data) for name, data in encoders().items() if reason(data)}


def test_row47_sound_jpegs_with_odd_ends_are_read():
    for progressive in (False, True):
        data = saved(Image.fromarray(drawn(96, 128)), "JPEG", progressive=progressive)
        for end in (b"\xff\xff\xff\xd9", b"\0\0\xff\xd9", b"\xff\xd9\xff\xd9", b"\xff\xd9" + b"\0" * 999):
            assert reason(data[:-2] + end) == ""
