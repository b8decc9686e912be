# /// script
# requires-python = ">=3.11"
# dependencies = [
#   "torch==2.13.0", "torchio==1.2.1", "monai==1.6.1", "diffusers==0.42.1", "kornia==0.9.0", "pillow==12.3.0",
#   "numpy==2.4.6",
# ]
# [tool.compat]
# reader = "diffusers"
# kind = "consumer"
# ///
"""The mask processor of diffusers' inpainting pipelines."""

import numpy as np
from diffusers.image_processor import VaeImageProcessor
from PIL import Image
from reader_tools import decode_files, run

# As StableDiffusionInpaintPipeline makes it.
processor = VaeImageProcessor(do_normalize=False, do_binarize=True, do_convert_grayscale=True)


def preprocess(path):
    return processor.preprocess(Image.open(path)).numpy()


def blur(path):
    return np.array(processor.blur(Image.open(path), blur_factor=0))


WAYS = [
    decode_files(
        "pipe.mask_processor.preprocess(Image.open(path))",
        preprocess,
        {"map": "right, float32 1 1 h w / 255"},
        members=("map",),
    ),
    decode_files(
        "pipe.mask_processor.blur(Image.open(path), blur_factor=0)",
        blur,
        {"map": "right, uint8 h w"},
        members=("map",),
    ),
]

if __name__ == "__main__":
    run(WAYS, "diffusers")
