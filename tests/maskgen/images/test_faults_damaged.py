"""Row 470 of the fault matrix: PNGs and TIFFs whose pixels are damaged or missing, which Pillow does not tell."""

import io
import struct
import zlib

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

from maskgen.errors import Skip
from maskgen.images.codecs import decode
from tests.helpers.photo_files import chunk, drawn, png, saved

pytestmark = pytest.mark.fault

HEADER = slice(8, 33)


def reason(data: bytes) -> str:
    pixels = decode(data, max_pixels=10**6, background=255)
    return pixels.reason if isinstance(pixels, Skip) else ""


def taller(data: bytes, rows: int) -> bytes:
    """States more rows in a PNG's header, with a right checksum, than there are."""
    body = data[16:20] + struct.pack(">I", int.from_bytes(data[20:24], "big") + rows) + data[24:29]
    return data[: HEADER.start] + chunk(b"IHDR", body) + data[HEADER.stop :]


def pngs() -> dict[str, bytes]:
    """Encodes PNGs of all kinds; some have black last rows, which are no damage."""
    pixels = drawn()
    black = pixels.copy()
    black[-9:] = 0
    found = {}
    for name, image in {"": Image.fromarray(pixels), "black ": Image.fromarray(black)}.items():
        for mode in ("RGB", "RGBA", "L", "LA", "P", "1"):
            found[name + mode] = saved(image.convert(mode), "PNG")
        found[name + "2 bits"] = saved(image.quantize(4), "PNG", bits=2)
        found[name + "16 bits"] = png(np.asarray(image).astype(np.uint16) * 257)
        found[name + "16 bits of grey"] = png(np.asarray(image.convert("L")).astype(np.uint16) * 257)
        found[name + "interlaced"] = interlaced(
            np.asarray(image.resize((13, 29)).convert("L").resize((61, 47)))
        )
    found["black"] = saved(Image.new("RGB", (300, 300)), "PNG")  # all of it in a few bytes
    found["transparent"] = saved(Image.new("RGBA", (64, 48)), "PNG")
    found["animated"] = saved(
        Image.fromarray(black), "PNG", save_all=True, append_images=[Image.fromarray(pixels)]
    )
    return found


def interlaced(pixels: np.ndarray) -> bytes:
    """Encodes a grey PNG in the seven passes of Adam7."""
    passes = [
        (0, 0, 8, 8),
        (4, 0, 8, 8),
        (0, 4, 4, 8),
        (2, 0, 4, 4),
        (0, 2, 2, 4),
        (1, 0, 2, 2),
        (0, 1, 1, 2),
    ]
    rows = [b"\0" + row.tobytes() for x, y, right, down in passes for row in pixels[y::down, x::right]]
    height, width = pixels.shape
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 1)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"".join(rows))), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*one) for one in chunks)


def test_row470_sound_pngs_of_all_kinds_are_read():
    assert not {name: reason(data) for name, data in pngs().items() if reason(data)}


def test_row470_a_png_with_fewer_rows_than_stated_is_truncated():
    for name, data in pngs().items():
        for rows in (1, 16, 500):
            found = reason(taller(data, rows))
            # rows of other passes have another length, and may start with a filter that does not exist
            assert found == "truncated" or (found == "unreadable" and "interlaced" in name), (name, rows)


def test_row470_a_flipped_bit_among_the_pixels_of_a_png_is_found():
    data = saved(Image.fromarray(drawn()), "PNG")
    start, end = data.index(b"IDAT"), data.index(b"IEND") - 4
    for at in [*range(start, end - 40, 11), *range(end - 40, end)]:
        flipped = bytearray(data)
        flipped[at] ^= 1 << at % 8
        assert reason(bytes(flipped)), at


def tiffs() -> dict[str, bytes]:
    """Encodes sound TIFFs: strips of several heights, tiles, planes, bits, codings."""
    pixels = drawn(97, 131)
    found = {"opencv": cv2.imencode(".tif", pixels)[1].tobytes()}
    for coding in (None, "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg"):
        for mode in ("RGB", "L", "1"):
            if (coding, mode) != ("jpeg", "1"):
                name = f"{coding} {mode}"
                found[name] = saved(Image.fromarray(pixels).convert(mode), "TIFF", compression=coding)
                options = {"strip_size": 4000, "compression": coding}
                found[f"{name} strips"] = saved(Image.fromarray(pixels).convert(mode), "TIFF", **options)
    for name, options in {
        "strips": {"rowsperstrip": 7},
        "tiles": {"tile": (32, 48)},
        "planes": {"planarconfig": "separate", "rowsperstrip": 20},
        "16 bits": {"rowsperstrip": 10, "bigtiff": True},
        "big endian": {"byteorder": ">"},
    }.items():
        values = pixels.astype(np.uint16) * 257 if name == "16 bits" else pixels
        planar = np.moveaxis(values, 2, 0) if name == "planes" else values
        out = io.BytesIO()
        tifffile.imwrite(out, planar, photometric="rgb", **options)
        found[f"tifffile {name}"] = out.getvalue()
    return found


def test_row470_sound_tiffs_of_all_kinds_are_read():
    assert len(tiffs()) > 30
    assert not {name: reason(data) for name, data in tiffs().items() if reason(data)}


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.9])
def test_row470_a_cut_tiff_is_truncated(share):
    for name, data in tiffs().items():
        assert reason(data[: int(share * len(data))]) == "truncated", name


def with_tag(data: bytes, number: int, value: int | None) -> bytes:
    """Changes the value of a tag of a TIFF, or hides the tag."""
    order = "<" if data[:2] == b"II" else ">"
    (at,) = struct.unpack_from(order + "I", data, 4)
    changed = bytearray(data)
    for entry in range(at + 2, at + 2 + 12 * struct.unpack_from(order + "H", data, at)[0], 12):
        if struct.unpack_from(order + "H", data, entry)[0] == number:
            tag = (number, 4, 1, value) if value is not None else (60_000, 4, 1, 0)
            struct.pack_into(order + "HHII", changed, entry, *tag)
            return bytes(changed)
    raise AssertionError(number)


def test_row470_a_tiff_whose_strips_do_not_fill_it_is_refused():
    for name, data in tiffs().items():
        if name != "tifffile 16 bits":  # in BigTIFF, whose entries are longer
            assert reason(with_tag(data, 257, 301)), name  # its height
    for name in ("tiff_lzw RGB strips", "jpeg RGB strips", "opencv"):
        assert reason(with_tag(tiffs()[name], 278, None)) == "unreadable", name  # the height of a strip


def test_row470_a_tiff_that_is_wider_than_its_strips_is_truncated():
    for name in (
        "None RGB",
        "None L",
        "jpeg RGB",
        "tifffile strips",
        "tifffile planes",
        "tifffile big endian",
    ):
        assert reason(with_tag(tiffs()[name], 256, 140)) == "truncated", name
