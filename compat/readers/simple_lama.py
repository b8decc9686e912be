# /// script
# requires-python = ">=3.11,<3.13"
# dependencies = [
#   "torch==2.13.0", "opencv-python-headless==4.13.0.92", "loguru==0.7.3", "pillow==12.3.0", "numpy==2.4.6",
# ]
# [tool.compat]
# reader = "simple-lama-inpainting"
# kind = "consumer"
# bare = ["iopaint==1.6.0", "simple-lama-inpainting==0.1.2"]
# ///
"""simple-lama-inpainting: the tensor that its network gets as the mask."""

from PIL import Image
from reader_tools import decode_files, run
from simple_lama_inpainting.utils.util import prepare_img_and_mask


def read(path):
    mask = Image.open(path)
    return prepare_img_and_mask(mask.convert("RGB"), mask, "cpu")[1].numpy()


WAYS = [
    decode_files(
        "prepare_img_and_mask(image, Image.open(path), device)[1]",
        read,
        {"map": "right, int64 1 1 h w 0 and 1"},
        members=("map",),
        note="`parts.png` serves as well: every value above 0 is the hole",
    ),
]

if __name__ == "__main__":
    run(WAYS, "simple-lama-inpainting")
