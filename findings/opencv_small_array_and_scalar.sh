#!/usr/bin/env bash
# OpenCV: an array of one pixel is taken for the scalar, and one of four rows and one column is refused.
#
# Guess before the run: `cv2.max`, `cv2.compare` and `cv2.add` of a uint8 array of any shape and a number work as NumPy's
# do, pixel by pixel: the result has the shape and the type of the array.
# Seen with opencv-python-headless 5.0.0.93: for 2 x 1, 3 x 1 and 4 x 4 pixels they do. `cv2.max` of a 1 x 1 array and 2
# returns a 4 x 1 array of doubles, 2 0 0 0, without an error: a number is passed as four doubles in a column, and of a
# column of four and an array of one the array is taken for the scalar. `cv2.compare` of the same two raises "Sizes of
# input arguments do not match". `cv2.add` of a 4 x 1 array and 10 raises "Bad argument". So a mask that was cropped to
# one pixel, or a column of four, needs NumPy.
#
# Exits with 0 while this is so, with 1 when it has changed, with 2 if the packages cannot be installed.
set -euo pipefail
trap 'echo "not tried: the packages cannot be installed" >&2; exit 2' ERR
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/python"
"$folder/python/bin/python" -m pip install --disable-pip-version-check -q opencv-python-headless==5.0.0.93 numpy==2.4.6
"$folder/python/bin/python" -c "import cv2, numpy"
trap - ERR
"$folder/python/bin/python" - <<'PYTHON'
import cv2
import numpy as np

print("opencv", cv2.__version__, "numpy", np.__version__)


def pixels(rows, columns):
    return np.arange(rows * columns, dtype=np.uint8).reshape(rows, columns)


def outcome(call):
    try:
        result = call()
        return f"{result.dtype} {result.shape} {result.flatten().tolist()}"
    except cv2.error as error:
        return str(error).partition("(")[2].partition("(")[2].partition(")")[0]


seen = {}
for shape in ((1, 1), (2, 1), (3, 1), (4, 1), (4, 4)):
    one = pixels(*shape)
    seen[shape] = [
        outcome(lambda one=one: cv2.max(one, 2)),
        outcome(lambda one=one: cv2.compare(one, 0, cv2.CMP_NE)),
        outcome(lambda one=one: cv2.add(one, 10)),
    ]
    print(shape, *seen[shape], sep="\n    ")
for shape in ((2, 1), (3, 1), (4, 4)):
    one = pixels(*shape)
    wanted = [np.maximum(one, 2), np.where(one != 0, 255, 0).astype(np.uint8), one + 10]
    assert seen[shape] == [f"uint8 {shape} {array.flatten().tolist()}" for array in wanted], shape
assert seen[1, 1][0] == "float64 (4, 1) [2.0, 0.0, 0.0, 0.0]"
assert "Sizes of input arguments do not match" in seen[1, 1][1]
assert "Bad argument" in seen[4, 1][2]
PYTHON
