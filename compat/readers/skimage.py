# /// script
# requires-python = ">=3.11"
# dependencies = ["scikit-image==0.26.0", "imageio==2.38.1", "pillow==12.3.0", "numpy==2.4.6"]
# [tool.compat]
# reader = "scikit-image"
# kind = "decoder"
# ///
"""scikit-image, whose `imread` stands on imageio."""

from reader_tools import IMAGES, decode_files, run
from skimage.io import imread

GREY = {"map": "right, uint8 h w", "parts": "right, uint8 h w"}
RGB = {"images": "right, uint8 h w 3"}

WAYS = [
    decode_files("skimage.io.imread(path)", imread, GREY),
    decode_files("skimage.io.imread(path, as_gray=True)", lambda path: imread(path, as_gray=True), GREY),
    decode_files("skimage.io.imread(path)", imread, RGB, members=IMAGES),
    decode_files("skimage.io.imread(path)", imread, RGB, members=IMAGES, suffix="webp"),
]

if __name__ == "__main__":
    run(WAYS, "scikit-image")
