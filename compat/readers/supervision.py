# /// script
# requires-python = ">=3.11"
# dependencies = ["supervision==0.31.2", "pillow==12.3.0", "numpy==2.4.6"]
# [tool.compat]
# reader = "supervision"
# kind = "consumer"
# ///
"""supervision: detections with masks."""

import numpy as np
import supervision
from PIL import Image
from reader_tools import decode_files, run


def detect(path):
    plane = np.array(Image.open(path)) > 0
    boxes = supervision.mask_to_xyxy(plane[None])
    return supervision.Detections(xyxy=boxes, mask=plane[None]).mask[0]


def outline(path):
    """Returns the mask that is filled again from its outlines, which is exact on outlines that pixels lie on."""
    plane = np.array(Image.open(path)) > 0
    made = np.zeros(plane.shape, bool)
    for polygon in supervision.mask_to_polygons(plane):
        made |= supervision.polygon_to_mask(polygon, (plane.shape[1], plane.shape[0])).astype(bool)
    return made


def run_lengths(path):
    plane = np.array(Image.open(path)) > 0
    return supervision.rle_to_mask(supervision.mask_to_rle(plane), (plane.shape[1], plane.shape[0]))


WAYS = [
    decode_files(
        "Detections(xyxy=mask_to_xyxy((map > 0)[None]), mask=(map > 0)[None])",
        detect,
        {"map": "right, bool h w"},
        members=("map",),
    ),
    decode_files(
        "rle_to_mask(mask_to_rle(map > 0), (w, h))",
        run_lengths,
        {"map": "right, bool h w"},
        members=("map",),
    ),
    decode_files(
        "polygon_to_mask(mask_to_polygons(map > 0))",
        outline,
        {"map": "wrong"},
        members=("map",),
        note="fills holes, such as skin between straps, and loses lines of one pixel; take `mask_to_rle`",
    ),
]

if __name__ == "__main__":
    run(WAYS, "supervision")
