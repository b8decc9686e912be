# /// script
# requires-python = ">=3.11"
# dependencies = [
#   "albumentations==2.0.8", "opencv-python-headless==4.13.0.92", "pillow==12.3.0", "numpy==2.4.6",
# ]
# [tool.compat]
# reader = "albumentations"
# kind = "consumer"
# ///
"""albumentations: masks under geometric transforms; only the values of the data set may come."""

import albumentations as A  # noqa: N812 - as its users write it
import numpy as np
from PIL import Image
from reader_tools import decode_files, run

VALUES = {"map": "right, uint8", "parts": "right, uint8"}


def transformed(transform):
    compose = A.Compose([transform], seed=0)

    def apply(path):
        mask = np.array(Image.open(path))
        return compose(image=np.zeros((*mask.shape, 3), np.uint8), mask=mask)["mask"]

    return apply


TRANSFORMS = {
    "A.ElasticTransform(p=1)": A.ElasticTransform(p=1),
    "A.Affine(rotate=(-30, 30), scale=(0.8, 1.2), p=1)": A.Affine(rotate=(-30, 30), scale=(0.8, 1.2), p=1),
    "A.Perspective(p=1)": A.Perspective(p=1),
    "A.RandomResizedCrop((224, 224))": A.RandomResizedCrop((224, 224)),
    "A.Resize(224, 224)": A.Resize(224, 224),
}
WAYS = [
    decode_files(f"{name}(image=image, mask=mask)", transformed(transform), VALUES, compare="set")
    for name, transform in TRANSFORMS.items()
]

if __name__ == "__main__":
    run(WAYS, "albumentations")
