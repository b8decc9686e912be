# /// script
# requires-python = ">=3.11"
# dependencies = [
#   "torch==2.14.1", "torchvision==0.29.1", "transformers==5.23.0", "fastai==2.8.12", "pillow==12.3.0", "numpy==2.4.6",
# ]
# [tool.compat]
# reader = "torchvision.io"
# kind = "decoder"
# ///
"""torchvision's own decoders."""

from reader_tools import IMAGES, decode_files, run
from torchvision.io import ImageReadMode, decode_image

PLANE = {"map": "right, uint8 1 h w", "parts": "right, uint8 1 h w"}
THREE = {"map": "right, uint8 3 h w", "parts": "right, uint8 3 h w"}
RGB = {"images": "right, uint8 3 h w"}


def read(path, mode=ImageReadMode.UNCHANGED):
    return decode_image(str(path), mode).numpy()


WAYS = [
    decode_files("decode_image(path)", read, PLANE),
    decode_files('decode_image(path, "GRAY")', lambda path: read(path, ImageReadMode.GRAY), PLANE),
    decode_files('decode_image(path, "RGB")', lambda path: read(path, ImageReadMode.RGB), THREE),
    decode_files("decode_image(path)", read, RGB, members=IMAGES),
    decode_files("decode_image(path)", read, RGB, members=IMAGES, suffix="webp"),
]

if __name__ == "__main__":
    run(WAYS, "torchvision")
