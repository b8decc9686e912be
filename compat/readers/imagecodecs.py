# /// script
# requires-python = ">=3.11"
# dependencies = ["imagecodecs==2026.3.6", "numpy==2.4.6"]
# [tool.compat]
# reader = "imagecodecs"
# kind = "decoder"
# ///
"""imagecodecs, which Zarr, tifffile and microscopy programs use."""

import imagecodecs
from reader_tools import IMAGES, decode_files, run

GREY = {"map": "right, uint8 h w", "parts": "right, uint8 h w"}
RGB = {"images": "right, uint8 h w 3"}


def png(path):
    return imagecodecs.png_decode(path.read_bytes())


WAYS = [
    decode_files("imagecodecs.imread(path)", imagecodecs.imread, GREY),
    decode_files("imagecodecs.png_decode(data)", png, GREY),
    decode_files("imagecodecs.imread(path)", imagecodecs.imread, RGB, members=IMAGES),
    decode_files("imagecodecs.imread(path)", imagecodecs.imread, RGB, members=IMAGES, suffix="webp"),
]

if __name__ == "__main__":
    run(WAYS, "imagecodecs")
