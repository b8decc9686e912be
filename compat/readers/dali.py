# /// script
# requires-python = ">=3.11"
# dependencies = [
#   "nvidia-dali-cuda120==2.4.0", "numpy==2.4.6", "astunparse==1.6.3", "gast==0.7.0", "six==1.17.0",
#   "packaging==26.2", "wheel==0.46.3",
# ]
# [tool.compat]
# reader = "NVIDIA DALI"
# kind = "decoder"
# ///
"""DALI's image decoders on the CPU."""

import numpy as np
from nvidia.dali import fn, pipeline_def, types
from reader_tools import IMAGES, decode_files, run


@pipeline_def(batch_size=1, num_threads=1, device_id=None)
def decoder(path, operator, options):
    data, _ = fn.readers.file(files=[str(path)])
    return operator(data, device="cpu", **options)


def decoded(operator, **options):
    def decode(path):
        pipeline = decoder(path, operator, options)
        pipeline.build()
        return np.array(pipeline.run()[0].at(0))

    return decode


PLANE = {"map": "right, uint8 h w 1", "parts": "right, uint8 h w 1"}
THREE = {"map": "right, uint8 h w 3", "parts": "right, uint8 h w 3"}
RGB = {"images": "right, uint8 h w 3"}
OLD, NEW = fn.decoders.image, fn.experimental.decoders.image

WAYS = [
    decode_files(
        "fn.decoders.image(data, output_type=types.GRAY)", decoded(OLD, output_type=types.GRAY), PLANE
    ),
    decode_files("fn.decoders.image(data)", decoded(OLD), THREE),
    decode_files(
        "fn.decoders.image(data, output_type=types.ANY_DATA)", decoded(OLD, output_type=types.ANY_DATA), PLANE
    ),
    decode_files(
        "fn.experimental.decoders.image(data, output_type=types.GRAY)",
        decoded(NEW, output_type=types.GRAY),
        PLANE,
    ),
    decode_files("fn.experimental.decoders.image(data)", decoded(NEW), THREE),
    decode_files("fn.decoders.image(data)", decoded(OLD), RGB, members=IMAGES),
    decode_files("fn.decoders.image(data)", decoded(OLD), RGB, members=IMAGES, suffix="webp"),
]

if __name__ == "__main__":
    run(WAYS, "nvidia-dali-cuda120")
