# /// script
# requires-python = ">=3.11"
# dependencies = ["tensorflow-cpu==2.21.0", "pillow==12.3.0", "numpy==2.4.6"]
# [tool.compat]
# reader = "Keras"
# kind = "decoder"
# ///
"""Keras: `load_img`, and the folder reader, which decodes in TensorFlow."""

import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
from keras.utils import img_to_array, load_img
from reader_tools import IMAGES, decode_files, run

PLANE = {"map": "right, float32 h w 1", "parts": "right, float32 h w 1"}
THREE = {"map": "right, float32 h w 3", "parts": "right, float32 h w 3"}
RGB = {"images": "right, float32 h w 3"}
CODE = "img_to_array(load_img(path{}))"


def array(path, **options):
    return img_to_array(load_img(path, **options))


WAYS = [
    decode_files(
        CODE.format(', color_mode="grayscale"'), lambda path: array(path, color_mode="grayscale"), PLANE
    ),
    decode_files(CODE.format(""), array, THREE),
    decode_files(CODE.format(""), array, RGB, members=IMAGES),
    decode_files(CODE.format(""), array, RGB, members=IMAGES, suffix="webp"),
]

if __name__ == "__main__":
    run(WAYS, "keras")
