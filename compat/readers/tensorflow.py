# /// script
# requires-python = ">=3.11"
# dependencies = ["tensorflow-cpu==2.21.0", "pillow==12.3.0", "numpy==2.4.6"]
# [tool.compat]
# reader = "TensorFlow"
# kind = "decoder"
# ///
"""TensorFlow's decoders, which tf.data pipelines and TFDS call."""

import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import tensorflow as tf
from reader_tools import IMAGES, decode_files, run

PLANE = {"map": "right, uint8 h w 1", "parts": "right, uint8 h w 1"}
RGB = {"images": "right, uint8 h w 3"}


def decoded(decode, **options):
    return lambda path: decode(tf.io.read_file(str(path)), **options).numpy()


WAYS = [
    decode_files("tf.io.decode_png(data)", decoded(tf.io.decode_png), PLANE),
    decode_files("tf.io.decode_image(data)", decoded(tf.io.decode_image), PLANE),
    decode_files("tf.io.decode_jpeg(data)", decoded(tf.io.decode_jpeg), RGB, members=IMAGES),
    decode_files("tf.io.decode_image(data)", decoded(tf.io.decode_image), RGB, members=IMAGES),
    decode_files(
        "tf.io.decode_image(data)",
        decoded(tf.io.decode_image),
        {"images": "right, uint8 1 h w 3"},
        members=IMAGES,
        suffix="webp",
        note="takes a WebP for an animation of one frame; take `image[0]`",
    ),
]

if __name__ == "__main__":
    run(WAYS, "tensorflow-cpu")
