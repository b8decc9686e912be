# /// script
# requires-python = ">=3.11"
# dependencies = [
#   "torch==2.14.1", "torchvision==0.29.1", "transformers==5.23.0", "fastai==2.8.12", "pillow==12.3.0", "numpy==2.4.6",
# ]
# [tool.compat]
# reader = "Transformers"
# kind = "consumer"
# ///
"""Hugging Face Transformers: label maps as its image processors hand them to a segmenter."""

import numpy as np
from PIL import Image
from reader_tools import decode_files, run
from transformers import Mask2FormerImageProcessor, SegformerImageProcessor

segformer = SegformerImageProcessor(do_resize=False)
mask2former = Mask2FormerImageProcessor(do_resize=False)


def image_of(path):
    return Image.open(next(path.parent.glob(f"{path.name.split('.')[0]}.masked.*")))


def labels(path):
    made = segformer(images=image_of(path), segmentation_maps=Image.open(path), return_tensors="np")
    return made["labels"]


def part_labels(path):
    """Puts the binary masks of Mask2Former together again, each with its class."""
    made = mask2former(images=image_of(path), segmentation_maps=Image.open(path), return_tensors="pt")
    classes, masks = made["class_labels"][0].numpy(), made["mask_labels"][0].numpy()
    return (classes[:, None, None] * masks).sum(axis=0).astype(np.uint8)


def zero_and_one(path):
    plane = Image.open(path).point(lambda value: value // 255)
    made = segformer(images=image_of(path), segmentation_maps=plane, return_tensors="np")
    return made["labels"]


WAYS = [
    decode_files(
        "SegformerImageProcessor(do_resize=False)(image, segmentation_maps=parts)",
        labels,
        {"parts": "right, int64 1 h w"},
        members=("parts",),
    ),
    decode_files(
        "SegformerImageProcessor(do_resize=False)(image, segmentation_maps=map.point(lambda v: v // 255))",
        zero_and_one,
        {"map": "right, int64 1 h w 0 and 1"},
        members=("map",),
        note="as classes, not 0 and 255: 255 is the label that the loss ignores",
    ),
    decode_files(
        "Mask2FormerImageProcessor(do_resize=False)(image, segmentation_maps=parts)",
        part_labels,
        {"parts": "right, uint8 h w"},
        members=("parts",),
    ),
]

if __name__ == "__main__":
    run(WAYS, "transformers")
