#!/usr/bin/env bash
# webdataset: `decode("pil")` makes RGB of every image, so masks and label maps have three channels or colours.
#
# Guess before the run: `decode("pil")` returns the image that Pillow opens: a grey mask in mode L, a palette of classes
# in mode P, as `"pil"` names no colour space, and `"rgb"` is a name of its own.
# Seen with webdataset 1.0.2: both are mode RGB. The grey mask has its value three times; the classes 0, 1, 2 of the
# palette are gone, their colours are there instead. `"pill"`, with two l, returns mode L: right for grey, and for a
# palette the lightness of its colours. Only a handler of one's own returns the image as it is stored.
#
# Exits with 0 while this is so, with 1 when it has changed, with 2 if the packages cannot be installed.
set -euo pipefail
trap 'echo "not tried: the packages cannot be installed" >&2; exit 2' ERR
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --disable-pip-version-check -q webdataset==1.0.2 pillow==12.3.0 numpy
"$folder/venv/bin/python" -c "import webdataset, PIL"
trap - ERR
cat > "$folder/try.py" <<'PYTHON'
import io
import tarfile

import numpy as np
import webdataset
from PIL import Image


def png(image):
    data = io.BytesIO()
    image.save(data, "PNG")
    return data.getvalue()


grey = Image.fromarray(np.array([[0, 255]], np.uint8))
classes = Image.fromarray(np.array([[0, 1, 2]], np.uint8)).convert("P")
classes.putdata([0, 1, 2])
classes.putpalette([0, 0, 0, 200, 30, 30, 30, 30, 200])
with tarfile.open("shard.tar", "w") as tar:
    for name, data in (("a.grey.png", png(grey)), ("a.classes.png", png(classes))):
        member = tarfile.TarInfo(name)
        member.size = len(data)
        tar.addfile(member, io.BytesIO(data))


def read(*handlers):
    sample = next(iter(webdataset.WebDataset("shard.tar", shardshuffle=False).decode(*handlers)))
    found = {name: sample[f"{name}.png"] for name in ("grey", "classes")}
    for name, image in found.items():
        print(f"{handlers[0]!s:.8} {name}: mode {image.mode}, {np.asarray(image).tolist()}")
    return found


as_pil, as_pill = read("pil"), read("pill")
as_stored = read(webdataset.handle_extension("png", lambda data: Image.open(io.BytesIO(data))))
assert as_stored["grey"].mode == "L" and as_stored["classes"].mode == "P"
same = as_pil["grey"].mode == as_pil["classes"].mode == "RGB" and as_pill["grey"].mode == "L"
same = same and np.asarray(as_pil["classes"])[0, 1].tolist() == [200, 30, 30]
raise SystemExit(0 if same else "it has changed")
PYTHON
cd "$folder"
venv/bin/python -W ignore try.py
