# /// script
# requires-python = ">=3.11"
# dependencies = [
#   "torch==2.14.1", "torchvision==0.29.1", "transformers==5.23.0", "fastai==2.8.12", "pillow==12.3.0", "numpy==2.4.6",
# ]
# [tool.compat]
# reader = "fastai"
# kind = "decoder"
# ///
"""fastai's masks, as `MaskBlock` opens them."""

from fastai.vision.all import PILMask, tensor
from fastai.vision.augment import IntToFloatTensor
from fastai.vision.core import PILImage, TensorMask
from reader_tools import IMAGES, decode_files, run


def mask(path):
    return tensor(PILMask.create(path)).numpy()


def class_of_map(path):
    return IntToFloatTensor(div_mask=255)(TensorMask(tensor(PILMask.create(path)))).numpy()


WAYS = [
    decode_files(
        "tensor(PILMask.create(path))", mask, {"map": "right, uint8 h w", "parts": "right, uint8 h w"}
    ),
    decode_files(
        "IntToFloatTensor(div_mask=255)(TensorMask(tensor(PILMask.create(path))))",
        class_of_map,
        {"map": "right, int64 h w 0 and 1"},
        members=("map",),
        note="as classes, the map is 0 and 1",
    ),
    decode_files(
        "tensor(PILImage.create(path))",
        lambda path: tensor(PILImage.create(path)).numpy(),
        {"images": "right, uint8 h w 3"},
        members=IMAGES,
    ),
]

if __name__ == "__main__":
    run(WAYS, "fastai")
