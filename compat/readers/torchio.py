# /// script
# requires-python = ">=3.11"
# dependencies = [
#   "torch==2.13.0", "torchio==1.2.1", "monai==1.6.1", "diffusers==0.42.1", "kornia==0.9.0", "pillow==12.3.0",
#   "numpy==2.4.6",
# ]
# [tool.compat]
# reader = "TorchIO"
# kind = "decoder"
# ///
"""TorchIO, which reads a PNG as a volume of one slice, with x before y."""

import torchio
from reader_tools import IMAGES, decode_files, run


def label(path):
    return torchio.LabelMap(path).data[0, :, :, 0].T.numpy()


def image(path):
    return torchio.ScalarImage(path).data[:, :, :, 0].permute(0, 2, 1).numpy()


WAYS = [
    decode_files(
        "torchio.LabelMap(path).data[0, :, :, 0].T",
        label,
        {"map": "right, uint8 h w", "parts": "right, uint8 h w"},
    ),
    decode_files(
        "torchio.ScalarImage(path).data[:, :, :, 0].permute(0, 2, 1)",
        image,
        {"images": "right, uint8 3 h w"},
        members=IMAGES,
    ),
]

if __name__ == "__main__":
    run(WAYS, "torchio")
