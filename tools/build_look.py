"""Builds `assets/models/look.npz`: the mean edges of faces, which the face descriptor of `maskgen/video` subtracts.

python tools/build_look.py --src lfw-deepfunneled --n 1000
"""

import argparse
from pathlib import Path

import numpy as np

from maskgen.errors import Skip
from maskgen.faces.landmarks import build_detector
from maskgen.seeds import hash64
from maskgen.settings import FaceSettings, SourceSettings
from maskgen.sources import build_source, load
from maskgen.video.tracking.crop_smoothing import place_of
from maskgen.video.tracking.face_descriptor import edges

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--src", required=True, help="a folder or archive of photos, one face each")
parser.add_argument(
    "--n", type=int, default=1000, help="number of photos, chosen in a hash order of their names"
)
parser.add_argument("--out", type=Path, default=Path("assets/models/look.npz"))
args = parser.parse_args()

settings = SourceSettings(src=args.src)
source = build_source(settings)
detector = build_detector(FaceSettings())
looks = []
for ref in sorted(source.refs(), key=lambda ref: hash64(ref.id))[: args.n]:
    photo = load(source, ref, settings)
    faces = photo if isinstance(photo, Skip) else detector.detect(photo.pixels)
    if not isinstance(photo, Skip) and not isinstance(faces, Skip):
        looks.append(edges(photo.pixels, place_of(faces[0])))
np.savez(args.out, mean=np.mean(looks, axis=0, dtype=np.float64).astype(np.float32))
print(f"{args.out}: the mean of {len(looks):,} faces")
