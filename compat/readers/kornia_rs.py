# /// script
# requires-python = ">=3.11"
# dependencies = ["kornia-rs==0.2.0", "numpy==2.4.6"]
# [tool.compat]
# reader = "kornia-rs"
# kind = "decoder"
# ///
"""kornia-rs, which decodes with the `image` packages of Rust; `kornia.io.load_image` stands on it."""

import kornia_rs
from reader_tools import IMAGES, decode_files, run

PLANE = {"map": "right, uint8 h w 1", "parts": "right, uint8 h w 1"}
RGB = {"images": "right, uint8 h w 3"}


def read(path):
    return kornia_rs.io.read_image(str(path))


WAYS = [
    decode_files("kornia_rs.io.read_image(path)", read, PLANE),
    decode_files(
        'kornia_rs.io.read_image_png_u8(path, "mono")',
        lambda path: kornia_rs.io.read_image_png_u8(str(path), "mono"),
        PLANE,
    ),
    decode_files(
        'kornia_rs.io.read_image_png_u8(path, "rgb")',
        lambda path: kornia_rs.io.read_image_png_u8(str(path), "rgb"),
        {"map": "refused", "parts": "refused"},
        note='asks for the format of the file; give `"mono"`',
    ),
    decode_files("kornia_rs.io.read_image(path)", read, RGB, members=IMAGES),
    decode_files("kornia_rs.io.read_image(path)", read, RGB, members=IMAGES, suffix="webp"),
]

if __name__ == "__main__":
    run(WAYS, "kornia-rs")
