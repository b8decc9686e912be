# /// script
# requires-python = ">=3.11"
# dependencies = ["pyvips==3.2.0", "pyvips-binary==8.18.7", "numpy==2.4.6"]
# [tool.compat]
# reader = "pyvips"
# kind = "decoder"
# ///
"""pyvips, the binding of libvips."""

import pyvips
from reader_tools import IMAGES, decode_files, run


def read(path):
    return pyvips.Image.new_from_file(str(path)).numpy()


CODE = "pyvips.Image.new_from_file(path).numpy()"
WAYS = [
    decode_files(CODE, read, {"map": "right, uint8 h w", "parts": "right, uint8 h w"}),
    decode_files(CODE, read, {"images": "right, uint8 h w 3"}, members=IMAGES),
    decode_files(CODE, read, {"images": "right, uint8 h w 3"}, members=IMAGES, suffix="webp"),
]

if __name__ == "__main__":
    run(WAYS, "pyvips")
