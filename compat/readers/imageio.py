# /// script
# requires-python = ">=3.11"
# dependencies = ["imageio==2.38.1", "pillow==12.3.0", "numpy==2.4.6"]
# [tool.compat]
# reader = "imageio"
# kind = "decoder"
# ///
"""imageio, in its version 3 and version 2 interfaces."""

import imageio.v2
import imageio.v3
from reader_tools import IMAGES, decode_files, run

GREY = {"map": "right, uint8 h w", "parts": "right, uint8 h w"}
RGB = {"images": "right, uint8 h w 3"}

WAYS = [
    decode_files("imageio.v3.imread(path)", imageio.v3.imread, GREY),
    decode_files("imageio.v2.imread(path)", imageio.v2.imread, GREY),
    decode_files("imageio.v3.imread(path)", imageio.v3.imread, RGB, members=IMAGES),
    decode_files("imageio.v3.imread(path)", imageio.v3.imread, RGB, members=IMAGES, suffix="webp"),
]

if __name__ == "__main__":
    run(WAYS, "imageio")
