"""Rows 1-6 of the fault matrix: contents of a photo's file."""

import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from PIL import Image

from maskgen.errors import InputError, Skip
from maskgen.images.codecs import decode
from maskgen.settings import SourceSettings
from maskgen.sources import build_source, load
from tests.helpers.photo_files import drawn, saved

pytestmark = pytest.mark.fault

HTML = b"<!DOCTYPE html>\n<html><head><title>Sign in</title></head></html>"


def decoded(data: bytes, background: int = 255) -> np.ndarray | Skip:
    return decode(data, max_pixels=1_000_000, background=background)


def reason(data: bytes) -> str:
    outcome = decoded(data)
    return outcome.reason if isinstance(outcome, Skip) else ""


@pytest.mark.parametrize(
    "data", [b"", HTML, np.random.default_rng(1).bytes(5000), b"BM", b"P6 is no picture"]
)
def test_row01_a_file_that_is_not_an_image_is_unreadable(data):
    assert reason(data) == "unreadable"


def folder_of(tmp_path, pages: int, photos: int) -> SourceSettings:
    for number in range(pages):
        (tmp_path / f"page{number}.jpg").write_bytes(HTML)
    for number in range(photos):
        (tmp_path / f"photo{number}.jpg").write_bytes(saved(Image.fromarray(drawn()), "JPEG"))
    return SourceSettings(src=str(tmp_path))


def test_row01_a_folder_that_is_over_half_web_pages_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"3 of 5 files .* looks like a download page"):
        build_source(folder_of(tmp_path, pages=3, photos=2))


def test_row01_some_web_pages_are_counted_and_the_rest_is_read(tmp_path):
    settings = folder_of(tmp_path, pages=2, photos=2)
    source = build_source(settings)
    outcomes = [load(source, ref, settings) for ref in source.refs()]
    assert [isinstance(outcome, Skip) and outcome.reason for outcome in outcomes] == ["unreadable"] * 2 + [
        False
    ] * 2


def test_row01_a_web_page_saved_as_an_archive_is_refused(tmp_path):
    (tmp_path / "img_align_celeba.zip").write_bytes(HTML)
    with pytest.raises(InputError, match="looks like a download page"):
        build_source(SourceSettings(src="celeba", root=str(tmp_path)))


CUT = {
    "jpeg": ("JPEG", "RGB", {}),
    "progressive jpeg": ("JPEG", "RGB", {"progressive": True}),
    "grey jpeg": ("JPEG", "L", {}),
    "cmyk jpeg": ("JPEG", "CMYK", {}),
    "png": ("PNG", "RGB", {}),
    "palette png": ("PNG", "P", {}),
    "webp": ("WEBP", "RGB", {}),
    "gif": ("GIF", "P", {}),
    "tiff": ("TIFF", "RGB", {}),
    "bmp": ("BMP", "RGB", {}),
}


@pytest.mark.parametrize("name", CUT)
def test_row02_a_truncated_file_is_refused_unless_its_image_is_complete(name):
    kind, mode, options = CUT[name]
    data = saved(Image.fromarray(drawn()).convert(mode), kind, **options)
    whole = decoded(data)
    assert not isinstance(whole, Skip)
    for length in {*range(0, len(data), len(data) // 97), len(data) - 2, len(data) - 1}:
        part = decoded(data[:length])
        assert isinstance(part, Skip) or np.array_equal(part, whole), length


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_row02_a_truncated_photo_is_skipped_as_truncated(kind, share):
    data = saved(Image.fromarray(drawn()), kind)
    assert reason(data[: int(share * len(data))]) == "truncated"


def test_row02_a_jpeg_cut_after_its_thumbnail_is_truncated():
    photo, exif = Image.fromarray(drawn()), b"Exif\0\0" + saved(Image.fromarray(drawn(16, 16)), "JPEG")
    data = saved(photo, "JPEG", exif=exif)
    assert reason(data) == ""
    assert reason(data[: len(data) * 3 // 4]) == "truncated"
    assert reason(data[: len(exif) + 60]) == "truncated"


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("share", [0.4, 0.6, 0.8])
def test_row02_a_jpeg_cut_and_closed_again_is_not_filled_with_grey(mode, share):
    data = saved(Image.fromarray(drawn(96, 128)).convert(mode), "JPEG", quality=90)
    assert reason(data[: int(share * len(data))].rstrip(b"\xff") + b"\xff\xd9") == "truncated"


def test_row03_garbage_after_the_end_of_a_jpeg_is_ignored():
    data = saved(Image.fromarray(drawn()), "JPEG")
    assert np.array_equal(decoded(data + b"\0garbage\xff\xd9" * 50), decoded(data))


NAMED = {
    "a.jpg": "PNG",
    "a.JPEG": "JPEG",
    "a.webp": "WEBP",
    "a.BMP": "BMP",
    "a.Tif": "TIFF",
    "a.png": "JPEG",
    "a": "JPEG",
}


@pytest.mark.parametrize(("name", "kind"), NAMED.items())
def test_row03_the_content_decides_the_format_not_the_name(tmp_path, name, kind):
    (tmp_path / name).write_bytes(saved(Image.fromarray(drawn()), kind))
    source = build_source(SourceSettings(src=str(tmp_path)))
    (ref,) = source.refs()
    photo = load(source, ref, SourceSettings())
    assert not isinstance(photo, Skip)
    assert photo.pixels.shape == (48, 64, 3)


TURNS = {2: "FLIP_LEFT_RIGHT", 3: "ROTATE_180", 4: "FLIP_TOP_BOTTOM", 5: "TRANSPOSE"} | {
    6: "ROTATE_270",
    7: "TRANSVERSE",
    8: "ROTATE_90",
}


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", TURNS)
def test_row04_exif_orientation_gives_the_rotated_copy(kind, orientation):
    photo = Image.fromarray(drawn())
    exif = Image.Exif()
    exif[0x0112] = orientation
    lossless = {"lossless": True} if kind == "WEBP" else {}
    pixels = decoded(saved(photo, kind, exif=exif.tobytes(), **lossless))
    upright = np.asarray(photo.transpose(Image.Transpose[TURNS[orientation]]))
    assert not isinstance(pixels, Skip)
    assert pixels.shape == upright.shape
    assert (
        np.abs(pixels.astype(int) - upright).mean() < 4
    )  # a flip or a shift by a pixel would give more than 30


@pytest.mark.parametrize("exif", [b"Exif\0\0garbage", b"Exif\0\0MM\0*\0\0\0\xff", b"Exif\0\0"])
def test_row04_broken_exif_does_not_rotate_a_photo(exif):
    pixels = decoded(saved(Image.fromarray(drawn()), "JPEG", exif=exif))
    assert not isinstance(pixels, Skip)
    assert pixels.shape == (48, 64, 3)


def close_to(pixels: np.ndarray | Skip, expected: np.ndarray, limit: float) -> bool:
    assert not isinstance(pixels, Skip), pixels
    return bool(np.abs(pixels.astype(int) - expected).mean() < limit)


def test_row05_cmyk_jpegs_are_not_negatives():
    assert close_to(decoded(saved(Image.fromarray(drawn()).convert("CMYK"), "JPEG", quality=95)), drawn(), 4)


def test_row05_sixteen_bits_are_not_clipped_to_white():
    grey = drawn()[:, :, 0]
    deep = Image.fromarray(grey.astype(np.uint16) * 257)
    for kind in ("PNG", "TIFF"):
        assert np.array_equal(decoded(saved(deep, kind)), np.repeat(grey[:, :, None], 3, axis=2))


def deep_png(pixels: np.ndarray) -> bytes:
    """Encodes a 16-bit RGB PNG, which Pillow cannot write."""
    height, width, _ = pixels.shape
    rows = (pixels.astype(">u2") * 257).tobytes()
    lines = b"".join(b"\0" + rows[y * width * 6 : (y + 1) * width * 6] for y in range(height))
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(lines)),
    ]
    parts = [
        struct.pack(">I", len(b)) + n + b + struct.pack(">I", zlib.crc32(n + b))
        for n, b in [*chunks, (b"IEND", b"")]
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def test_row05_sixteen_bit_colours_are_right():
    assert close_to(decoded(deep_png(drawn())), drawn(), 1)


def test_row05_palette_and_one_bit_images_have_their_colours():
    assert close_to(decoded(saved(Image.fromarray(drawn()).quantize(256), "PNG")), drawn(), 8)
    striped = np.zeros((32, 32), bool)
    striped[:, ::2] = True
    assert np.array_equal(
        decoded(saved(Image.fromarray(striped), "PNG")), np.repeat(striped[:, :, None] * 255, 3, 2)
    )


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA"])
@pytest.mark.parametrize("background", [0, 200, 255])
def test_row05_transparent_images_show_the_given_background(mode, background):
    photo = Image.fromarray(drawn()).convert("RGBA")
    photo.putalpha(Image.fromarray(np.where(np.arange(64) < 32, 0, 255).astype(np.uint8)[None].repeat(48, 0)))
    kind = "TIFF" if mode == "PA" else "PNG"
    image = photo.convert(mode) if mode != "PA" else photo
    pixels = decoded(saved(image, kind), background)
    assert not isinstance(pixels, Skip)
    assert (pixels[:, :32] == background).all()
    assert np.abs(pixels[:, 32:].astype(int) - np.asarray(image.convert("RGB"))[:, 32:]).max() <= 1


def test_row05_a_transparent_palette_colour_shows_the_background():
    indexed = Image.fromarray(drawn()).quantize(8)
    pixels = decoded(saved(indexed, "PNG", transparency=3), 99)
    assert not isinstance(pixels, Skip)
    assert (pixels[np.asarray(indexed) == 3] == 99).all()


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_row05_the_first_frame_of_an_animation_is_decoded(kind):
    first, second = Image.new("RGB", (40, 30), (200, 30, 30)), Image.new("RGB", (40, 30), (30, 30, 200))
    options = {"lossless": True} if kind == "WEBP" else {}
    data = saved(first, kind, save_all=True, append_images=[second], duration=100, **options)
    assert close_to(decoded(data), np.full((30, 40, 3), (200, 30, 30)), 2)


def test_row05_pixels_without_an_agreed_white_are_refused():
    assert reason(saved(Image.fromarray(np.ones((32, 32), np.float32)), "TIFF")) == "unreadable"


def bombs() -> dict[str, bytes]:
    jpeg = bytearray(saved(Image.fromarray(drawn()), "JPEG"))
    frame = jpeg.find(b"\xff\xc0")
    jpeg[frame + 5 : frame + 9] = struct.pack(">HH", 65_000, 65_000)
    header = struct.pack(">IIBBBBB", 70_000, 70_000, 8, 2, 0, 0, 0)
    png = (
        b"\x89PNG\r\n\x1a\n"
        + struct.pack(">I", 13)
        + b"IHDR"
        + header
        + struct.pack(">I", zlib.crc32(b"IHDR" + header))
    )
    png += saved(Image.fromarray(drawn()), "PNG")[33:]
    bmp = bytearray(saved(Image.fromarray(drawn()), "BMP"))
    bmp[18:26] = struct.pack("<ii", 70_000, 70_000)
    gif = bytearray(saved(Image.fromarray(drawn()), "GIF"))
    gif[6:10] = struct.pack("<HH", 65_000, 65_000)
    canvas = (16_382).to_bytes(3, "little") * 2
    webp = bytearray(
        saved(
            Image.new("RGBA", (40, 30), (9, 9, 9, 9)),
            "WEBP",
            save_all=True,
            append_images=[Image.new("RGB", (40, 30))],
        )
    )
    webp[24:30] = canvas
    return {"jpeg": bytes(jpeg), "png": png, "bmp": bytes(bmp), "gif": bytes(gif), "webp": bytes(webp)}


@pytest.mark.parametrize("kind", ["jpeg", "png", "bmp", "gif", "webp"])
def test_row06_an_image_with_too_many_pixels_is_refused_before_memory_is_allocated(kind):
    data = bombs()[kind]
    tracemalloc.start()
    assert reason(data) == "too_large"
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2_000_000


@pytest.mark.parametrize("size", [(1, 1), (10_000, 2), (2, 10_000), (15, 400)])
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_row06_a_sliver_is_too_small(size, kind):
    assert reason(saved(Image.new("RGB", size), kind)) == "too_small"
