#!/usr/bin/env bash
# NVIDIA DALI: fn.readers.mxnet counts the index records of a face-recognition .rec as images, and gives them empty.
#
# Guess before the run: the reader for MXNet's files gives the images that InsightFace's own reader gives. Of a file as
# InsightFace's RecBuilder writes it, with 4 images of 2 people, the range of keys of each person, and record 0 with the
# range of these ranges, that is 4 samples with one label each.
# Seen with nvidia-dali-cuda120 2.4.0: 7 samples. The three others have 0 bytes and two labels: the ranges. A pipeline
# that decodes images stops at the first of them, or trains on whatever it makes of them. So such a file must be
# rewritten without these records before DALI reads it.
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
"$folder/venv/bin/python" -c "import numpy, nvidia.dali"
trap - ERR
"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import struct
import sys

import numpy as np
import nvidia.dali
from nvidia.dali import fn, pipeline_def

folder = sys.argv[1]
IMAGE = bytes(range(40))  # not decoded here


def record(labels, content, key):
    if len(labels) == 1:
        data = struct.pack("<IfQQ", 0, labels[0], key, 0) + content
    else:
        data = struct.pack(f"<IfQQ{len(labels)}f", len(labels), 0, key, 0, *labels) + content
    return struct.pack("<II", 0xCED7230A, len(data)) + data + bytes(-len(data) % 4)


records = [((0,), IMAGE, 1), ((0,), IMAGE, 2), ((1,), IMAGE, 3), ((1,), IMAGE, 4)]
records += [((1, 3), b"", 5), ((3, 5), b"", 6), ((5, 7), b"", 0)]
with open(f"{folder}/train.rec", "wb") as rec, open(f"{folder}/train.idx", "w") as idx:
    for labels, content, key in records:
        idx.write(f"{key}\t{rec.tell()}\n")
        rec.write(record(labels, content, key))


@pipeline_def(batch_size=1, num_threads=1, device_id=None)
def images():
    data, label = fn.readers.mxnet(
        path=[f"{folder}/train.rec"], index_path=[f"{folder}/train.idx"], name="reader"
    )
    return data, label


pipe = images()
pipe.build()
count = pipe.reader_meta("reader")["epoch_size"]
samples = []
for _ in range(count):
    data, label = pipe.run()
    samples.append((int(np.array(data[0]).size), np.array(label[0]).tolist()))
print("DALI", nvidia.dali.__version__)
print("samples:", count)
for size, labels in samples:
    print(f"  {size} bytes, labels {labels}")
expected = [(40, [0.0])] * 2 + [(40, [1.0])] * 2 + [(0, [1.0, 3.0]), (0, [3.0, 5.0]), (0, [5.0, 7.0])]
sys.exit(samples != expected)
PYTHON
