#!/usr/bin/env bash
# OpenCV: cvtColor from RGB to CIELAB in 32-bit floats is a look-up in a 33 x 33 x 33 table, in steps of 1/64.
#
# Guess before the run: 8-bit images are converted by tables, but float32 in [0, 1] by the documented formula, so that
# the result agrees with the formula in double precision to about 1e-3.
# Seen with opencv-python-headless 5.0.0.93: for 200,000 random colours a* and b* are whole multiples of 1/64, and differ
# from the formula by up to .53 and .48, L* by up to .22; for 60 % of the colours one of the three is off by more than .1.
# Angles of hue, and of skin tone (arctan((L* - 50) / b*)), of dull colours are off by a degree, although no 8-bit value
# was involved.
#
# Exits with 0 while this is so, with 1 when it has changed, with 2 if the packages cannot be installed.
set -euo pipefail
trap 'echo "not tried: the packages cannot be installed" >&2; exit 2' ERR
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --disable-pip-version-check -q opencv-python-headless==5.0.0.93 numpy==2.4.6
"$folder/venv/bin/python" -c "import cv2, numpy"
trap - ERR
"$folder/venv/bin/python" - <<'PYTHON'
import cv2
import numpy as np

TO_XYZ = np.array([[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]])
WHITE = np.array([0.950456, 1.0, 1.088754])  # D65; matrix and white are those that OpenCV documents


def formula(rgb):
    """Converts sRGB in [0, 1] to CIELAB in double precision."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    xyz = linear @ TO_XYZ.T / WHITE
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    lightness = np.where(xyz[:, 1] > 0.008856, 116 * np.cbrt(xyz[:, 1]) - 16, 903.3 * xyz[:, 1])
    return np.column_stack([lightness, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])])


colours = np.random.default_rng(0).random((200_000, 3), np.float32)
opencv = cv2.cvtColor(colours[None], cv2.COLOR_RGB2Lab)[0]
off = np.abs(opencv - formula(colours.astype(np.float64)))
steps = opencv[:, 1:] * 64
print("OpenCV", cv2.__version__)
print("largest difference from the formula, L* a* b*:", off.max(0).round(3))
print("colours whose L*, a* or b* is off by more than .1:", f"{(off > 0.1).any(1).mean():.0%}")
print("a* and b* in whole steps of 1/64:", f"{(steps == np.rint(steps)).mean():.1%}")
same = (steps == np.rint(steps)).all() and off.max() > 0.2 and (off > 0.1).any(1).mean() > 0.1
raise SystemExit(0 if same else 1)
PYTHON
