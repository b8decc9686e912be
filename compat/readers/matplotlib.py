# /// script
# requires-python = ">=3.11"
# dependencies = ["matplotlib==3.11.2", "pillow==12.3.0", "numpy==2.4.6"]
# [tool.compat]
# reader = "matplotlib"
# kind = "decoder"
# ///
"""matplotlib, which divides the values of PNGs by 255, but not those of other formats."""

import matplotlib.image
from reader_tools import IMAGES, decode_files, run

imread = matplotlib.image.imread


WAYS = [
    decode_files(
        "matplotlib.image.imread(path)",
        imread,
        {"map": "right, float32 h w / 255", "parts": "right, float32 h w / 255"},
        note="classes 0 to 3 are `(255 * array).round()`",
    ),
    decode_files("matplotlib.image.imread(path)", imread, {"images": "right, uint8 h w 3"}, members=IMAGES),
    decode_files(
        "matplotlib.image.imread(path)",
        imread,
        {"images": "right, float32 h w 3 / 255"},
        members=IMAGES,
        suffix="png",
    ),
]

if __name__ == "__main__":
    run(WAYS, "matplotlib")
