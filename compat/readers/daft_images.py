# /// script
# requires-python = ">=3.11"
# dependencies = ["daft==0.7.26", "numpy==2.4.6"]
# [tool.compat]
# reader = "Daft, image type"
# kind = "decoder"
# ///
"""Daft's image type."""

import daft
import numpy as np
from reader_tools import IMAGES, decode_files, run


def decode(path, **options):
    frame = daft.from_pydict({"data": [path.read_bytes()]})
    return np.array(frame.select(daft.col("data").decode_image(**options)).to_pydict()["data"][0])


RGB = {"images": "right, uint8 h w 3"}

WAYS = [
    decode_files(
        'daft.col("data").decode_image()',
        decode,
        {"map": "right, uint8 h w 3", "parts": "right, uint8 h w 3"},
    ),
    decode_files(
        'daft.col("data").decode_image(mode="L")',
        lambda path: decode(path, mode="L"),
        {"map": "right, uint8 h w 1", "parts": "right, uint8 h w 1"},
    ),
    decode_files('daft.col("data").decode_image()', decode, RGB, members=IMAGES),
    decode_files('daft.col("data").decode_image()', decode, RGB, members=IMAGES, suffix="webp"),
]

if __name__ == "__main__":
    run(WAYS, "daft")
