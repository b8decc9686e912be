# /// script
# requires-python = ">=3.11"
# dependencies = [
#   "torch==2.13.0", "torchio==1.2.1", "monai==1.6.1", "diffusers==0.42.1", "kornia==0.9.0", "pillow==12.3.0",
#   "numpy==2.4.6",
# ]
# [tool.compat]
# reader = "kornia.augmentation"
# kind = "consumer"
# ///
"""kornia's augmentations of masks; only the values of the data set may come."""

import kornia.augmentation as K  # noqa: N812 - as its users write it
import numpy as np
import torch
from PIL import Image
from reader_tools import decode_files, run

VALUES = {"map": "right, float32", "parts": "right, float32"}


def transformed(transform):
    both = K.AugmentationSequential(transform, data_keys=["input", "mask"])

    def apply(path):
        torch.manual_seed(0)
        mask = torch.from_numpy(np.array(Image.open(path))).float()[None, None]
        return both(torch.zeros(1, 3, *mask.shape[2:]), mask)[1].numpy()

    return apply


TRANSFORMS = {
    "K.RandomAffine(30, p=1)": K.RandomAffine(30, p=1.0),
    "K.RandomPerspective(p=1)": K.RandomPerspective(p=1.0),
    "K.RandomElasticTransform(p=1)": K.RandomElasticTransform(p=1.0),
    "K.RandomResizedCrop((224, 224))": K.RandomResizedCrop((224, 224)),
    "K.Resize((224, 224))": K.Resize((224, 224)),
}
WAYS = [
    decode_files(
        f'K.AugmentationSequential({name}, data_keys=["input", "mask"])',
        transformed(transform),
        VALUES,
        compare="set",
    )
    for name, transform in TRANSFORMS.items()
]

if __name__ == "__main__":
    run(WAYS, "kornia")
