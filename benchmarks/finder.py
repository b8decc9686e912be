"""Measures the recall of the detector of masked faces, and its false detections on background.

    python -m benchmarks.finder --masked FOLDER --photos LFW [--sheet finder.png]

`--masked`: photos with one face under a real mask each. `--photos`: any photos of people; crops of them away from the
faces that the mesh detector finds serve as images without a face. Some of these crops still show half of another face:
check them on the sheet of false detections.
"""

import argparse
import random
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from maskgen.errors import Skip
from maskgen.faces.landmarks.mesh import MeshDetector
from maskgen.faces.masked_face_finder import FaceFinder
from maskgen.images import codecs
from maskgen.settings import MAX_PHOTO_PIXELS
from maskgen.types import Face, RGBImage

PIECES = 100
SIDES = (48, 56, 64)  # pixels; sides of the crops from photos of 250 pixels
CLEAR_OF = 0.1  # face sizes; least distance of a crop from a face
BLACK = 0.05  # largest fraction of black pixels in a crop; aligned photos have black edges
TILE = 128


def main() -> None:
    """Prints both rates."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--masked", type=Path, required=True)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--sheet", type=Path)
    chosen = parser.parse_args()
    finder = FaceFinder()
    masked = [*images(sorted(path for path in chosen.masked.iterdir() if path.is_file()))]
    found = sum(bool(finder.find(photo)) for photo in masked)
    print(f"masked: a face in {found} of {len(masked)} ({found / len(masked):.1%})")
    bare = pieces(chosen.photos)
    false = [piece for piece in bare if finder.find(piece)]
    print(f"pieces of background: a face in {len(false)} of {len(bare)} ({len(false) / len(bare):.1%})")
    if chosen.sheet:
        tiles = [cv2.resize(piece, (TILE, TILE)) for piece in false] or [np.zeros((TILE, TILE, 3), np.uint8)]
        chosen.sheet.write_bytes(codecs.encode_lossless(np.hstack(tiles), "png"))


def images(paths: list[Path]) -> Iterator[RGBImage]:
    """Decodes the files that are photos."""
    for path in paths:
        photo = codecs.decode(path.read_bytes(), max_pixels=MAX_PHOTO_PIXELS, background=255)
        if not isinstance(photo, Skip):
            yield photo


def pieces(folder: Path) -> list[RGBImage]:
    """Cuts squares without a face, one per photo, from photos drawn with a fixed seed."""
    rng, detector = random.Random(0), MeshDetector()  # noqa: S311 (not for secrets)
    paths = sorted(folder.rglob("*.jpg"))
    rng.shuffle(paths)
    found: list[RGBImage] = []
    for photo in images(paths):
        faces = detector.detect(photo)
        side = rng.choice(SIDES)
        spots = [] if isinstance(faces, Skip) else list(_spots(photo, faces, side))
        if spots:
            x, y = rng.choice(spots)
            found.append(np.ascontiguousarray(photo[y : y + side, x : x + side]))
        if len(found) == PIECES:
            break
    return found


def _spots(photo: RGBImage, faces: list[Face], side: int) -> Iterator[tuple[int, int]]:
    height, width = photo.shape[:2]
    for y in range(0, height - side, 12):
        for x in range(0, width - side, 12):
            apart = all(_apart(face, x, y, side) for face in faces)
            if apart and (photo[y : y + side, x : x + side].max(2) < 8).mean() <= BLACK:
                yield x, y


def _apart(face: Face, x: int, y: int, side: int) -> bool:
    x0, y0, x1, y1 = face.box
    room = CLEAR_OF * (x1 - x0)
    return x + side < x0 - room or x > x1 + room or y + side < y0 - 3 * room or y > y1 + room


if __name__ == "__main__":
    main()
