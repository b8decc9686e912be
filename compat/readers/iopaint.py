# /// script
# requires-python = ">=3.11,<3.13"
# dependencies = [
#   "torch==2.13.0", "opencv-python-headless==4.13.0.92", "loguru==0.7.3", "pillow==12.3.0", "numpy==2.4.6",
# ]
# [tool.compat]
# reader = "IOPaint"
# kind = "consumer"
# bare = ["iopaint==1.6.0", "simple-lama-inpainting==0.1.2"]
# ///
"""IOPaint (formerly lama-cleaner): how its server decodes a mask. It then takes values above 127 as the hole."""

import base64

from iopaint.helper import decode_base64_to_image
from reader_tools import decode_files, run


def read(path):
    return decode_base64_to_image(base64.b64encode(path.read_bytes()).decode(), gray=True)[0]


WAYS = [
    decode_files(
        "iopaint.helper.decode_base64_to_image(mask, gray=True)",
        read,
        {"map": "right, uint8 h w"},
        members=("map",),
        note="give `map.png`; in `parts.png` no value reaches its threshold of 127",
    ),
]

if __name__ == "__main__":
    run(WAYS, "iopaint")
