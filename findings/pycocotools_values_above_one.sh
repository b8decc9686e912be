#!/usr/bin/env bash
# pycocotools: mask.encode turns a mask with two non-zero values into stripes, without an error.
#
# Guess before the run: encode() takes uint8, so each value above 0 is foreground, as `mask.decode(mask.encode(m)) == (m > 0)`
# shows for masks of 0 and 1 and of 0 and 255. A mask with a soft edge (128 beside 255) or with classes 1, 2, 3 gives
# the same foreground; or it is refused.
# Seen with pycocotools 2.0.11: a run ends at every change of value, and the runs are then counted as background and
# foreground in turn. So foreground and background change places behind each border between two non-zero values. A square
# of 255 with a top row of 128 comes back as stripes over the whole height; fewer than half of the pixels are equal, and
# area and bounding box of the code are those of the stripes.
# Masks whose values are side by side, not above each other, are right: runs go down the columns. A small test may pass.
#
# Exits with 0 while this is so, with 1 when it has changed, with 2 if the packages cannot be installed.
set -euo pipefail
trap 'echo "not tried: the packages cannot be installed" >&2; exit 2' ERR
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --disable-pip-version-check -q pycocotools==2.0.11 numpy==2.4.6
"$folder/venv/bin/python" -c "import numpy, pycocotools"
trap - ERR
"$folder/venv/bin/python" - <<'PYTHON'
import numpy as np
from pycocotools import mask


def square(top_row, value):
    """Returns a square of `value` in a 10 x 12 image, whose first row has another value."""
    made = np.zeros((10, 12), np.uint8)
    made[2:7, 2:9] = value
    made[2, 2:9] = top_row
    return made


def encoded(plane):
    code = mask.encode(np.asfortranarray(plane))
    return mask.decode(code), int(mask.area(code)), mask.toBbox(code).astype(int).tolist()


hard = square(255, 255)
back, area, box = encoded(hard)
print("255 only:     right", np.array_equal(back, hard > 0), "area", area, "box", box)
right = np.array_equal(back, hard > 0) and box == [2, 2, 7, 5]

side_by_side = np.zeros((10, 12), np.uint8)
side_by_side[2:7, 2:5], side_by_side[2:7, 5:9] = 1, 3
right &= np.array_equal(encoded(side_by_side)[0], side_by_side > 0)
print("1 beside 3:   right", right)

wrong = True
for name, soft in (("128 over 255", square(128, 255)), ("2 over 3    ", square(2, 3))):
    back, area, box = encoded(soft)
    same = float((back == (soft > 0)).mean())
    print(f"{name}: equal pixels {same:.2f}, area {area} of {(soft > 0).sum()}, box {box}")
    print("\n".join("    " + "".join(".#"[value] for value in row) for row in back))
    wrong &= same < 0.7 and area != (soft > 0).sum() and box != [2, 2, 7, 5]
raise SystemExit(0 if right and wrong else 1)
PYTHON
