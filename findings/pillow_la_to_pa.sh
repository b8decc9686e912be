#!/usr/bin/env bash
# Pillow: LA -> PA loses the alpha channel, while RGBA -> PA keeps it.
#
# Guess before the run: PA is "palette with alpha", so that a grey image with alpha keeps its alpha in either
# conversion, and LA -> PA -> LA gives the first image back.
# Seen with Pillow 13.0.0: the PA image made from LA is opaque everywhere, without a warning. The one made from RGBA has
# the alpha values of its source. A program that puts transparent photos on a ground must therefore convert LA to RGBA,
# never to PA.
#
# Exits with 0 while this is so, with 1 when it has changed, with 2 if the packages cannot be installed.
set -euo pipefail
trap 'echo "not tried: the packages cannot be installed" >&2; exit 2' ERR
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --disable-pip-version-check -q pillow==13.0.0
"$folder/venv/bin/python" -c "import PIL"
trap - ERR
"$folder/venv/bin/python" - <<'PYTHON'
import PIL
from PIL import Image

ALPHA = bytes([0, 80, 160, 255])
grey = Image.new("L", (4, 1), 200)
alpha = Image.frombytes("L", (4, 1), ALPHA)
with_alpha = Image.merge("LA", (grey, alpha))

from_la = with_alpha.convert("PA").getchannel("A").tobytes()
from_rgba = with_alpha.convert("RGBA").convert("PA").getchannel("A").tobytes()
print("Pillow", PIL.__version__)
print("alpha of the LA image:     ", list(ALPHA))
print("alpha after LA -> PA:      ", list(from_la))
print("alpha after LA -> RGBA -> PA:", list(from_rgba))
raise SystemExit(0 if (from_la, from_rgba) == (b"\xff" * 4, ALPHA) else 1)
PYTHON
