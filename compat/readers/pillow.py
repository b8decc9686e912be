# /// script
# requires-python = ">=3.11"
# dependencies = ["pillow==12.3.0", "numpy==2.4.6"]
# [tool.compat]
# reader = "Pillow"
# kind = "decoder"
# ///
"""Pillow, on which torchvision's `ImageFolder`, HF `datasets`, timm and most loops in PyTorch stand."""

from PIL import Image
from reader_tools import IMAGES, decode_files, run

WAYS = [
    decode_files("Image.open(path)", Image.open, {"map": "right, uint8 h w", "parts": "right, uint8 h w"}),
    decode_files("Image.open(path)", Image.open, {"images": "right, uint8 h w 3"}, members=IMAGES),
    decode_files(
        "Image.open(path)", Image.open, {"images": "right, uint8 h w 3"}, members=IMAGES, suffix="png"
    ),
    decode_files(
        "Image.open(path)", Image.open, {"images": "right, uint8 h w 3"}, members=IMAGES, suffix="webp"
    ),
]

if __name__ == "__main__":
    run(WAYS, "pillow")
