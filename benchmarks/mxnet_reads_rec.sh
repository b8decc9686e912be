#!/usr/bin/env bash
# Shows that MXNet reads the .rec files of `unmask unpack --layout rec`, and that unmask reads those of MXNet.
# MXNet 1.9.1 needs an old NumPy, so it gets an environment of its own in a temporary folder (about 300 MB).
# Usage, from the repository root, with unmask's own Python: benchmarks/mxnet_reads_rec.sh [PYTHON]
set -euo pipefail
python=${1:-python}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$python" - "$work/photos" <<'EOF'
# Three people: the built-in photo in three tones, two photos each.
import sys
from pathlib import Path

import cv2

from maskgen.demo.photo import sample_photo

photo = sample_photo()
for tone, person in ((0.7, "Ann"), (0.85, "Bob"), (1.0, "Cid")):
    for number, image in enumerate((photo, photo[:, ::-1]), 1):
        file = Path(sys.argv[1], person, f"{person}_{number:04d}.png")
        file.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(file), (image[..., ::-1] * tone).astype("uint8"))
EOF
"$python" cli.py gen-data --src "$work/photos" --people folders --align arcface --size 112 --border constant \
  --set source.val=0 --set source.test=0 --out "$work/set"
"$python" cli.py unpack "$work/set" --layout rec --also-original --to "$work/faces"
"$python" cli.py pairs "$work/set" --split all --folds 1 --form bin --out "$work/faces/pairs.bin"

python3 -m venv "$work/mxnet"
"$work/mxnet/bin/pip" -q install mxnet==1.9.1 numpy==1.23.5
"$work/mxnet/bin/python" - "$work" <<'EOF'
import pickle
import sys
from pathlib import Path

import mxnet as mx

work = Path(sys.argv[1])
rec, idx = str(work / "faces/train.rec"), str(work / "faces/train.idx")

# as MXFaceDataset in arcface_torch/dataset.py
file = mx.recordio.MXIndexedRecordIO(idx, rec, "r")
header, _ = mx.recordio.unpack(file.read_idx(0))
assert header.flag > 0, header
labels = []
for key in range(1, int(header.label[0])):
    found, image = mx.recordio.unpack(file.read_idx(key))
    assert mx.image.imdecode(image).shape == (112, 112, 3)
    labels.append(int(found.label))
assert labels == [0] * 4 + [1] * 4 + [2] * 4, labels

# as FaceImageIter in arcface_mxnet/image_iter.py
for person, key in enumerate(range(int(header.label[0]), int(header.label[1]))):
    first, last = (int(end) for end in mx.recordio.unpack(file.read_idx(key))[0].label)
    assert labels[first - 1 : last - 1] == [person] * 4
file.close()

# MXNet writes the same records to the same bytes, and to a data set for the way back.
keys = [int(line.split()[0]) for line in sorted(open(idx), key=lambda line: int(line.split()[1]))]
source = mx.recordio.MXRecordIO(rec, "r")
(work / "again").mkdir()
copy = mx.recordio.MXIndexedRecordIO(str(work / "again/train.idx"), str(work / "again/train.rec"), "w")
for key in keys:
    copy.write_idx(key, mx.recordio.pack(*mx.recordio.unpack(source.read())))
copy.close()
assert (work / "again/train.rec").read_bytes() == Path(rec).read_bytes()

# as load_bin in arcface_torch/eval/verification.py
bins, issame = pickle.loads((work / "faces/pairs.bin").read_bytes())
assert len(bins) == 2 * len(issame) and sum(issame) == 3, issame
assert {mx.image.imdecode(image).shape for image in bins} == {(112, 112, 3)}
print(f"MXNet {mx.__version__}: read {len(labels)} images of 3 people; wrote the same bytes")
EOF

"$python" cli.py gen-data --src "$work/again" --size 0 --set source.val=0 --set source.test=0 --out "$work/back"
"$python" cli.py verify "$work/back"
