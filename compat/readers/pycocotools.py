# /// script
# requires-python = ">=3.11"
# dependencies = ["pycocotools==2.0.11", "pillow==12.3.0", "numpy==2.4.6"]
# [tool.compat]
# reader = "pycocotools"
# kind = "consumer"
# ///
"""pycocotools: masks to the run lengths of COCO and back."""

import numpy as np
from PIL import Image
from pycocotools import mask
from reader_tools import decode_files, run


def encode_map(path):
    return mask.decode(mask.encode(np.asfortranarray(Image.open(path))))


def encode_part(path):
    """Encodes each class by itself, since one run-length code holds one class."""
    parts = np.array(Image.open(path))
    return sum(
        number * mask.decode(mask.encode(np.asfortranarray(parts == number, np.uint8)))
        for number in (1, 2, 3)
    )


WAYS = [
    decode_files(
        "mask.encode(np.asfortranarray(map))",
        encode_map,
        {"map": "right, uint8 h w 0 and 1"},
        members=("map",),
    ),
    decode_files(
        "mask.encode(np.asfortranarray(parts))",
        encode_map,
        {"parts": "wrong"},
        members=("parts",),
        note="stripes instead of masks where two classes touch; encode one class at a time",
    ),
    decode_files(
        "mask.encode(np.asfortranarray(parts == 3, np.uint8))",
        encode_part,
        {"parts": "right, uint8 h w"},
        members=("parts",),
        note="one code per class",
    ),
]

if __name__ == "__main__":
    run(WAYS, "pycocotools")
