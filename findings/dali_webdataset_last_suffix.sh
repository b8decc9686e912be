#!/usr/bin/env bash
# NVIDIA DALI: fn.readers.webdataset gives empty tensors for a selector that is the last suffix of the files.
#
# Guess before the run: `ext=["jpg", "cls"]` on samples of `0000.left.jpg`, `0000.right.jpg` and `0000.cls` takes one of the
# two images, or fails because two members fit, as a reader of files named by suffixes would.
# Seen with nvidia-dali-cuda120 2.4.0: a selector is compared with the whole name after the first dot. `jpg` fits no member,
# and each sample has an image of 0 bytes beside its right label: the number of samples, the labels and the shapes of a
# batch look as they should. With one image per sample, `0000.left.jpg`, it is the same.
# `missing_component_behavior="error"` tells.
#
# Exits with 0 while this is so, with 1 when it has changed, with 2 if the packages cannot be installed. Needs no GPU.
set -euo pipefail
trap 'echo "not tried: the packages cannot be installed" >&2; exit 2' ERR
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --disable-pip-version-check -q --no-deps \
  nvidia-dali-cuda120==2.4.0 numpy==2.4.6 astunparse==1.6.3 gast==0.7.0 six==1.17.0 packaging==26.2 wheel==0.46.3 \
  optree==0.20.0 typing_extensions==4.16.0 makefun==1.16.0
"$folder/venv/bin/python" -c "import nvidia.dali.fn"
trap - ERR
"$folder/venv/bin/python" - "$folder" 2> "$folder/stderr" <<'PYTHON' || { cat "$folder/stderr" >&2; exit 1; }
import io
import sys
import tarfile

import numpy as np
import nvidia.dali
from nvidia.dali import fn, pipeline_def

SHARD = f"{sys.argv[1]}/shard.tar"
IMAGE, SAMPLES = bytes(range(40)), 3  # not decoded here


def write(members):
    with tarfile.open(SHARD, "w") as tar:
        for key in range(SAMPLES):
            for name in members:
                content = str(key).encode() if name == "cls" else IMAGE
                member = tarfile.TarInfo(f"{key:04d}.{name}")
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))


@pipeline_def(batch_size=1, num_threads=1, device_id=None)
def reader(ext):
    return tuple(fn.readers.webdataset(paths=[SHARD], ext=ext, name="reader"))


def read(members, ext):
    """Returns the number of bytes of the image, and the label, of each sample."""
    write(members)
    pipe = reader(ext)
    pipe.build()
    rows = [pipe.run() for _ in range(pipe.reader_meta("reader")["epoch_size"])]
    return [(int(np.array(image[0]).size), bytes(np.array(label[0])).decode()) for image, label in rows]


print("DALI", nvidia.dali.__version__)
TWO, ONE = ["left.jpg", "right.jpg", "cls"], ["left.jpg", "cls"]
empty = [(0, str(key)) for key in range(SAMPLES)]
whole = [(len(IMAGE), str(key)) for key in range(SAMPLES)]
tried = [(TWO, ["jpg", "cls"], empty), (ONE, ["jpg", "cls"], empty), (TWO, ["left.jpg", "cls"], whole)]
changed = False
for members, ext, expected in tried:
    seen = read(members, ext)
    changed |= seen != expected
    print(f"members {members}, ext={ext}: (bytes of image, label) {seen}")
sys.exit(changed)
PYTHON
