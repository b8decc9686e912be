# /// script
# requires-python = ">=3.11"
# dependencies = ["simpleitk==2.5.7", "numpy==2.4.6"]
# [tool.compat]
# reader = "SimpleITK"
# kind = "decoder"
# ///
"""SimpleITK, of which medical segmentation programs read labels."""

import SimpleITK
from reader_tools import IMAGES, decode_files, run

CODE = "SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(path))"


def read(path):
    return SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path)))


WAYS = [
    decode_files(CODE, read, {"map": "right, uint8 h w", "parts": "right, uint8 h w"}),
    decode_files(CODE, read, {"images": "right, uint8 h w 3"}, members=IMAGES),
    decode_files(
        CODE,
        read,
        {"images": "refused"},
        members=IMAGES,
        suffix="webp",
        note="has no reader of WebP; make the data set with `--format png`",
    ),
]

if __name__ == "__main__":
    run(WAYS, "simpleitk")
