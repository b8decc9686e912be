"""Row 60 of the fault matrix: what a decoder is given is bounded. Files here are harmless: one more than allowed."""

import struct
import tracemalloc
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from maskgen import settings
from maskgen.errors import Skip
from maskgen.images import colour, jpeg, limits
from maskgen.images import png as png_file
from maskgen.images import tiff as tiff_file
from maskgen.images.codecs import decode
from tests.helpers.photo_files import chunk, drawn, png, saved

pytestmark = pytest.mark.fault

END = b"\xff\xd9"


def outcome(data: bytes) -> str:
    pixels = decode(data, max_pixels=100_000_000, background=255)
    return f"{pixels.reason}: {pixels.detail}" if isinstance(pixels, Skip) else ""


def with_scans(count: int) -> bytes:
    """Repeats the last bit of the means of a small progressive JPEG until it has `count` scans."""
    data = saved(Image.fromarray(drawn()), "JPEG", progressive=True)
    end = data.index(b"\0\0\x10") + 3  # of that scan's header: coefficient 0, from bit 1 to bit 0
    start, after = data.rindex(b"\xff\xda", 0, end), data.index(b"\xff\xc4", end)
    return data[:after] + data[start:after] * (count - data.count(b"\xff\xda")) + data[after:]


def test_row60_a_jpeg_may_have_so_many_scans_and_no_more():
    assert jpeg.MAX_SCANS == 100
    assert outcome(with_scans(jpeg.MAX_SCANS)) == ""
    assert outcome(with_scans(jpeg.MAX_SCANS + 1)) == "unreadable: jpeg: more than 100 scans"


@pytest.mark.parametrize("where", ["with EXIF", "in CMYK"])
def test_row60_the_scans_of_every_kind_of_jpeg_are_counted(where):
    if where == "with EXIF":
        data = with_scans(jpeg.MAX_SCANS + 1)
        exif = b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0"
        data = data[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + data[2:]
    else:
        data = saved(Image.fromarray(drawn()).convert("CMYK"), "JPEG", progressive=True)
        last = data[data.rindex(b"\xff\xc4") : -2]
        data = data[:-2] + last * 100 + END
    assert outcome(data) == "unreadable: jpeg: more than 100 scans"


def test_row60_the_larger_a_photo_the_fewer_scans_it_may_have(monkeypatch):
    assert 10 * 100_000_000 <= jpeg.MAX_SCANNED_PIXELS <= 20 * 100_000_000
    monkeypatch.setattr(jpeg, "MAX_SCANNED_PIXELS", 48 * 64 * 20)
    assert outcome(with_scans(20)) == ""
    assert outcome(with_scans(21)) == "too_large: jpeg: 64 x 48 pixels in 21 scans"


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("marker", [b"\xff\xfe", b"\xff\xe5", b"\xff\xed"])
def test_row60_a_jpeg_may_have_so_many_segments(marker, progressive):
    data = saved(Image.fromarray(drawn()), "JPEG", progressive=progressive)
    one = marker + b"\0\x06abcd"
    assert outcome(data[:2] + one * (jpeg.MAX_SEGMENTS - 60) + data[2:]) == ""
    assert (
        outcome(data[:2] + one * jpeg.MAX_SEGMENTS + data[2:]) == "unreadable: jpeg: more than 1000 segments"
    )


def test_row60_a_jpeg_may_have_so_much_exif_data():
    data = saved(Image.fromarray(drawn()), "JPEG")
    body = b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0".ljust(65_533, b"\0")
    one = b"\xff\xe1\xff\xff" + body
    assert outcome(data[:2] + one + data[2:]) == ""
    assert "bytes of EXIF" in outcome(data[:2] + one * 17 + data[2:])


def overlapping(count: int, size: int = 600_000) -> bytes:
    """Builds EXIF data, or a TIFF's first directory, whose entries all have the same `size` bytes as their value."""
    at = 10 + 12 * count + 4
    entries = b"".join(struct.pack(">HHII", 40_000 + i, 7, size, at) for i in range(count))
    return b"MM\0*" + struct.pack(">IH", 8, count) + entries + b"\0" * 4 + b"\0" * size


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_row60_exif_entries_may_not_all_name_the_same_large_block(kind):
    size = 60_000 if kind == "JPEG" else 600_000
    one, many = overlapping(1, size), overlapping(25 if kind == "JPEG" else 4, size)
    image = Image.fromarray(drawn())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow reads EXIF data before it writes an AVIF
        sound, repeated = (saved(image, kind, exif=b"Exif\0\0" + data) for data in (one, many))
    assert outcome(sound) == ""
    assert "overlap" in outcome(repeated)


def tiff_of(tags: dict[int, tuple[int, int, bytes]], body: bytes = b"") -> bytes:
    """Builds a TIFF of tags, number -> type, count, value; the pixels `body` begin at byte 8."""
    at = 8 + len(body)
    more, entries = b"", b""
    for number, (kind, count, value) in sorted(tags.items()):
        if len(value) <= 4:
            entries += struct.pack("<HHI", number, kind, count) + value.ljust(4, b"\0")
        else:
            entries += struct.pack("<HHII", number, kind, count, at + 2 + 12 * len(tags) + 4 + len(more))
            more += value
    return b"II*\0" + struct.pack("<I", at) + body + struct.pack("<H", len(tags)) + entries + b"\0" * 4 + more


def tiff(
    body: bytes, coding: int = 1, offsets: list[int] | None = None, sizes: list[int] | None = None
) -> bytes:
    short = lambda *values: (3, len(values), struct.pack(f"<{len(values)}H", *values))  # noqa: E731
    long = lambda *values: (4, len(values), struct.pack(f"<{len(values)}I", *values))  # noqa: E731
    offsets, sizes = offsets or [8], sizes or [len(body)]
    tags = {256: short(64), 257: short(48), 258: short(8), 259: short(coding), 262: short(1), 277: short(1)}
    return tiff_of(tags | {273: long(*offsets), 278: short(48), 279: long(*sizes)}, body)


def test_row60_a_tiff_may_not_name_the_same_large_block_in_all_its_tags():
    assert outcome(tiff(b"\x80" * 3072)) == ""
    assert "overlap" in outcome(overlapping(4) + b"\0" * 9)


def test_row60_a_tiff_may_have_so_many_strips(monkeypatch):
    monkeypatch.setattr(tiff_file, "MAX_STRIPS", 48)
    rows = [8 + 64 * y for y in range(48)]
    data = tiff(b"\x80" * 3072, offsets=rows, sizes=[64] * 48)
    assert (
        outcome(data.replace(struct.pack("<HHIHH", 278, 3, 1, 48, 0), struct.pack("<HHIHH", 278, 3, 1, 1, 0)))
        == ""
    )
    many = tiff(b"\x80" * 3072, offsets=[*rows, 8], sizes=[64] * 49)
    assert outcome(many) == "unreadable: tiff: 49 strips or tiles, at most 48 are allowed"


def test_row60_the_jpeg_scans_inside_a_tiff_are_counted():
    strip = saved(Image.fromarray(drawn()).convert("L"), "JPEG")
    assert outcome(tiff(strip, coding=7)) == ""
    progressive = saved(Image.fromarray(drawn()).convert("L"), "JPEG", progressive=True)
    last = progressive[progressive.rindex(b"\xff\xc4") : -2]
    many = progressive[:-2] + last * 100 + END
    assert "more than 100 JPEG scans" in outcome(tiff(many, coding=7))
    assert "overlap" in outcome(tiff(strip, coding=7, offsets=[8, 8, 8], sizes=[len(strip)] * 3))


def test_row60_a_png_may_have_so_many_chunks():
    data = png(drawn())
    chunks = chunk(b"tEXt", b"a\0b")
    at, own = 33, 3
    most = png_file.MAX_CHUNKS - own - 1
    assert outcome(data[:at] + chunk(b"prVt", b"") * most + data[at:]) == ""
    assert (
        outcome(data[:at] + chunk(b"prVt", b"") * (most + 2) + data[at:])
        == "unreadable: png: more than 65536 chunks"
    )
    assert outcome(data[:at] + chunks * 99 + data[at:]) == ""


def test_row60_a_gif_may_have_so_many_blocks_before_its_image():
    data = saved(Image.fromarray(drawn()).quantize(16), "GIF")
    at = 13 + 3 * (2 << (data[10] & 7))
    extension = lambda count: b"!\xff" + b"\x01a" * count + b"\0"  # noqa: E731
    assert outcome(data[:at] + extension(limits.MAX_GIF_BLOCKS - 9) + data[at:]) == ""
    assert "more than 65536 blocks" in outcome(data[:at] + extension(limits.MAX_GIF_BLOCKS + 1) + data[at:])
    assert "more than 65536 blocks" in outcome(
        data[:at] + extension(0) * (limits.MAX_GIF_BLOCKS + 1) + data[at:]
    )


def test_row60_a_run_length_coded_bmp_may_have_so_many_pixels():
    def bmp(width: int, height: int, coding: int) -> bytes:
        head = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, coding, 4, 1, 1, 256, 256)
        return b"BM" + struct.pack("<IHHI", 1082, 0, 0, 1078) + head + bytes(range(256)) * 4 + b"\0\1\0\1"

    assert "run-length" in outcome(bmp(5001, 2000, 1))
    assert "run-length" in outcome(bmp(5001, -2000, 1))
    assert "run-length" not in outcome(bmp(5000, 2000, 0))
    small = bmp(64, 48, 1)[:-4] + b"\x40\x80\0\0" * 48 + b"\0\1"
    assert outcome(small) == ""


@pytest.mark.parametrize("white", [1, 100, 1023, 65535])
@pytest.mark.parametrize("channels", [1, 3])
def test_row60_a_ppm_of_any_white_is_decoded_at_once(white, channels, monkeypatch):
    from PIL import PpmImagePlugin

    def slow(*_: object) -> None:
        raise AssertionError("decoded pixel by pixel")

    monkeypatch.setattr(PpmImagePlugin.PpmDecoder, "decode", slow)
    rows = np.arange(32 * 40 * channels).reshape(32, 40, channels) * 7 % (white + 1)
    head = b"P%d\n40 32\n%d\n" % (5 if channels == 1 else 6, white)
    data = head + rows.astype(">u2" if white > 255 else np.uint8).tobytes()
    pixels = decode(data, max_pixels=10**6, background=255)
    assert not isinstance(pixels, Skip), pixels
    assert np.abs(pixels.astype(int) - rows * 255 / white).max() <= 1
    assert outcome(data[:-1]).startswith("truncated")


OTHER_KINDS = [
    "EPS",
    "PDF",
    "PCX",
    "TGA",
    "ICO",
    "ICNS",
    "SGI",
    "DDS",
    "MSP",
    "XBM",
    "JPEG2000",
    "BLP",
    "QOI",
]


@pytest.mark.parametrize("kind", OTHER_KINDS)
def test_row60_only_listed_formats_reach_a_decoder(kind):
    mode = {"MSP": "1", "XBM": "1", "BLP": "P"}.get(kind, "RGB")
    data = saved(Image.fromarray(drawn(64, 64)).convert(mode), kind)
    assert outcome(data).startswith("unreadable: ")


def test_row60_text_formats_reach_no_decoder():
    for text in (
        b"P1\n2 2\n1 0 0 1\n",
        b"P2\n2 2\n9\n1 2 3 4\n",
        b"P3\n1 1\n9\n1 2 3\n",
        b"/* XPM */\n",
        b"#define a_width 16\n",
    ):
        assert outcome(text).startswith("unreadable: ")


def test_row60_the_limit_of_pixels_is_stated_once():
    package = Path(settings.__file__).parent
    stated = [
        path.name for path in package.rglob("*.py") if "PIXELS = 100_000_000" in path.read_text("utf-8")
    ]
    assert stated == ["settings.py"]
    assert settings.MAX_PHOTO_PIXELS == 100_000_000


def test_row60_markers_among_the_pixels_of_a_jpeg_take_no_memory():
    data = saved(Image.fromarray(drawn()), "JPEG", progressive=True)
    scan = data.index(b"\xff\xda")
    odd = (
        data[: scan + 2 + int.from_bytes(data[scan + 2 : scan + 4], "big")] + b"\0" + b"\xff\x01" * 1_000_000
    )
    tracemalloc.start()
    try:
        assert outcome(odd) == f"unreadable: jpeg: more than {jpeg.MAX_SEGMENTS} segments"
        assert tracemalloc.get_traced_memory()[1] < 2 * len(odd)
    finally:
        tracemalloc.stop()


def test_row60_a_colour_profile_that_is_too_large_is_not_kept():
    kept = colour._built.cache_info()
    assert not colour.is_other_space(bytes(16) + b"RGB " + bytes(colour.MAX_PROFILE_BYTES))
    assert colour._built.cache_info() == kept
