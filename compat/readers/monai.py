# /// script
# requires-python = ">=3.11"
# dependencies = [
#   "torch==2.13.0", "torchio==1.2.1", "monai==1.6.1", "diffusers==0.42.1", "kornia==0.9.0", "pillow==12.3.0",
#   "numpy==2.4.6",
# ]
# [tool.compat]
# reader = "MONAI"
# kind = "decoder"
# ///
"""MONAI's image loader with its reader for PNG, which turns the axes to x, y."""

import numpy as np
from monai.transforms import LoadImage
from reader_tools import IMAGES, decode_files, run

load = LoadImage(image_only=True, reader="PILReader")


def mask(path):
    return np.asarray(load(path)).T


def image(path):
    return np.asarray(load(path)).transpose(1, 0, 2)


WAYS = [
    decode_files(
        'LoadImage(image_only=True, reader="PILReader")(path).T',
        mask,
        {"map": "right, float32 h w", "parts": "right, float32 h w"},
    ),
    decode_files(
        'LoadImage(image_only=True, reader="PILReader")(path).permute(1, 0, 2)',
        image,
        {"images": "right, float32 h w 3"},
        members=IMAGES,
    ),
]

if __name__ == "__main__":
    run(WAYS, "monai")
