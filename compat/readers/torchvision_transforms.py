# /// script
# requires-python = ">=3.11"
# dependencies = [
#   "torch==2.14.1", "torchvision==0.29.1", "transformers==5.23.0", "fastai==2.8.12", "pillow==12.3.0", "numpy==2.4.6",
# ]
# [tool.compat]
# reader = "torchvision.transforms.v2"
# kind = "consumer"
# ///
"""torchvision's transforms of masks: after each of them, only the values of the data set may come."""

import numpy as np
import torch
from PIL import Image
from reader_tools import decode_files, run
from torchvision import tv_tensors
from torchvision.transforms import v2

VALUES = {"map": "right, uint8", "parts": "right, uint8"}


def transformed(transform):
    def apply(path):
        torch.manual_seed(0)
        return transform(tv_tensors.Mask(torch.from_numpy(np.array(Image.open(path))))).numpy()

    return apply


CODE = "v2.{}(tv_tensors.Mask(torch.from_numpy(np.array(Image.open(path)))))"
TRANSFORMS = {
    "ElasticTransform()": v2.ElasticTransform(),
    "RandomAffine(30, scale=(0.8, 1.2))": v2.RandomAffine(30, scale=(0.8, 1.2)),
    "RandomPerspective(p=1)": v2.RandomPerspective(p=1),
    "RandomResizedCrop(224)": v2.RandomResizedCrop(224),
    "Resize(224)": v2.Resize(224),
}
WAYS = [
    decode_files(CODE.format(name + ""), transformed(transform), VALUES, compare="set")
    for name, transform in TRANSFORMS.items()
]

if __name__ == "__main__":
    run(WAYS, "torchvision")
