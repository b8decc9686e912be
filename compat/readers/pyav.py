# /// script
# requires-python = ">=3.11"
# dependencies = ["av==18.1.0", "numpy==2.4.6"]
# [tool.compat]
# reader = "PyAV"
# kind = "decoder"
# ///
"""PyAV, the binding of FFmpeg, which torchcodec and video programs use."""

import av
from reader_tools import IMAGES, decode_files, run


def frame(path):
    with av.open(str(path)) as file:
        return next(file.decode(video=0))


GREY = {"map": "right, uint8 h w", "parts": "right, uint8 h w"}
RGB = {"images": "right, uint8 h w 3"}
CODE = "next(av.open(path).decode(video=0)).to_ndarray({})"
AS_RGB = CODE.format('format="rgb24"')

WAYS = [
    decode_files(CODE.format(""), lambda path: frame(path).to_ndarray(), GREY),
    decode_files(CODE.format('format="gray"'), lambda path: frame(path).to_ndarray(format="gray"), GREY),
    decode_files(AS_RGB, lambda path: frame(path).to_ndarray(format="rgb24"), RGB, members=IMAGES),
    decode_files(
        AS_RGB, lambda path: frame(path).to_ndarray(format="rgb24"), RGB, members=IMAGES, suffix="webp"
    ),
]

if __name__ == "__main__":
    run(WAYS, "av")
