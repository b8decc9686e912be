# /// script
# requires-python = ">=3.11"
# dependencies = ["opencv-python-headless==5.0.0.93", "numpy==2.4.6"]
# [tool.compat]
# reader = "OpenCV"
# kind = "decoder"
# ///
"""OpenCV, on which albumentations, ultralytics, MMDetection and insightface stand."""

import cv2
from reader_tools import IMAGES, decode_files, run

GREY = {"map": "right, uint8 h w", "parts": "right, uint8 h w"}
RGB = {"images": "right, uint8 h w 3"}


def to_rgb(path):
    return cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)


WAYS = [
    decode_files(
        "cv2.imread(path, cv2.IMREAD_UNCHANGED)",
        lambda path: cv2.imread(str(path), cv2.IMREAD_UNCHANGED),
        GREY,
    ),
    decode_files(
        "cv2.imread(path, cv2.IMREAD_GRAYSCALE)",
        lambda path: cv2.imread(str(path), cv2.IMREAD_GRAYSCALE),
        GREY,
    ),
    decode_files(
        "cv2.imread(path)",
        lambda path: cv2.imread(str(path)),
        {"map": "right, uint8 h w 3", "parts": "right, uint8 h w 3"},
    ),
    decode_files("cv2.imread(path, cv2.IMREAD_COLOR_RGB)", to_rgb, RGB, members=IMAGES),
    decode_files("cv2.imread(path, cv2.IMREAD_COLOR_RGB)", to_rgb, RGB, members=IMAGES, suffix="webp"),
    decode_files(
        "cv2.imread(path)",
        lambda path: cv2.imread(str(path)),
        {"images": "wrong, uint8 h w 3, red and blue swapped"},
        members=IMAGES,
        note="OpenCV's own order of channels; give `cv2.IMREAD_COLOR_RGB`",
    ),
]

if __name__ == "__main__":
    run(WAYS, "opencv-python-headless")
