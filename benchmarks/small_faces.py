"""Measures how many small faces are found in large photos, by size, and the false finds beside them.

    python -m benchmarks.small_faces --photos LFW [--n 40] [--first 0] [--faces 4] [--sheet missed.png]

`--photos`: a folder of photos of one person each, such as LFW. Each large photo is drawn: clouds of noise, an enlarged
texture, or a mosaic of textures (from scikit-image), with noise on it. Heads of known width, from jaw to jaw, are laid
on it. `gen-data --faces all` looks for bare heads, and `run` for the same heads with masks on. Times are CPU time.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice, pairwise
from pathlib import Path

import cv2
import numpy as np

from benchmarks.finder import images
from maskgen import mask_photo
from maskgen.errors import Skip
from maskgen.faces.align import choose_faces
from maskgen.faces.landmarks import build_detector
from maskgen.faces.masked_face_finder import FaceFinder
from maskgen.images import codecs
from maskgen.seeds import hash64
from maskgen.settings import FaceSettings
from maskgen.types import RGBImage, Triplet

MASKS = "surgical,urethane,cloth,kn95,n95,ffp2,cloth2,pleated"
MEGAPIXELS = 12, 48
SMALLEST, LARGEST = 32, 200  # pixels; the first head of each photo has the smallest width
SIZES = (32, 33, 48, 70, 100, 201)  # limits of the groups in the table
TEXTURES = ("coffee", "rocket", "hubble_deep_field", "immunohistochemistry", "brick", "grass", "gravel")
APART = 700  # pixels; least distance of two heads
NEAR = 0.4  # widths; largest distance of a find from the head's centre
TILE = 160

Box = tuple[float, float, float, float]
Search = Callable[[RGBImage], list[Box]]


@dataclass(frozen=True)
class Head:
    """Photo of a head, bare and with a mask, and the box of its face."""

    bare: RGBImage
    masked: RGBImage
    box: Box


@dataclass
class Tally:
    """Results of one search: found and all heads by group of width, false finds, CPU seconds."""

    found: dict[int, int] = field(default_factory=lambda: dict.fromkeys(SIZES[:-1], 0))
    heads: dict[int, int] = field(default_factory=lambda: dict.fromkeys(SIZES[:-1], 0))
    false: int = 0
    seconds: float = 0.0
    missed: list[RGBImage] = field(default_factory=list)

    def __str__(self) -> str:
        found, heads = sum(self.found.values()), sum(self.heads.values())
        return f"{found} of {heads}, {self.false} false, {self.seconds:.0f} s"


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--n", type=int, default=40)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--faces", type=int, default=4)
    parser.add_argument("--sheet", type=Path)
    chosen = parser.parse_args()
    cv2.setNumThreads(1)
    settings = FaceSettings(choose="all")
    detector, finder = build_detector(settings), FaceFinder()

    def gen_data(photo: RGBImage) -> list[Box]:
        found = detector.detect(photo)
        fit = found if isinstance(found, Skip) else choose_faces(found, settings)
        return [] if isinstance(fit, Skip) else [face.box for face in fit]

    searches = {"gen-data": gen_data, "run": lambda photo: [face.box for face in finder.find(photo)]}
    tallies = {name: Tally() for name in searches}
    source = heads(chosen.photos, chosen.first * chosen.faces)
    for number in range(chosen.first, chosen.first + chosen.n):
        rng = np.random.default_rng(number)
        background = draw_background(rng, number)
        laid = [*islice(source, chosen.faces)]
        if len(laid) < chosen.faces:
            raise SystemExit(
                f"{chosen.photos}: holds too few photos (*.jpg) with one face; name an unpacked folder"
            )
        placed = place(rng, background, laid)
        for (name, search), masked in zip(searches.items(), (False, True), strict=True):
            photo = background.copy()
            lay(photo, placed, masked)
            score(tallies[name], search, photo, [box for _, box in placed])
        report = ", ".join(f"{name} {tally}" for name, tally in tallies.items())
        print(f"{number + 1}: {background.shape[0] * background.shape[1] / 1e6:.0f} MP; {report}", flush=True)
    print_table(tallies)
    if chosen.sheet:
        shown = [tile for tally in tallies.values() for tile in tally.missed] or [
            np.zeros((TILE, TILE, 3), np.uint8)
        ]
        chosen.sheet.write_bytes(codecs.encode_lossless(np.hstack(shown), "png"))


def heads(folder: Path, skipped: int) -> Iterator[Head]:
    """Yields the heads of photos in the order of a hash, bare and with masks; without the first `skipped` ones."""
    detector = build_detector(FaceSettings(cache="off"))
    paths = sorted(folder.rglob("*.jpg"), key=lambda path: hash64("small faces", path.name))
    count = 0
    for photo in images(paths):
        found = detector.detect(photo)
        fit = found if isinstance(found, Skip) else choose_faces(found, FaceSettings(max_yaw=45))
        if isinstance(fit, Skip):
            continue
        count += 1
        worn = mask_photo(photo, MASKS, seed=count) if count > skipped else None
        if isinstance(worn, Triplet):
            yield Head(photo, worn.masked, fit[0].box)


def draw_background(rng: np.random.Generator, number: int) -> RGBImage:
    """Draws a large photo without a face; kinds and orientations take turns."""
    pixels = rng.uniform(*MEGAPIXELS) * 1e6
    height = int((pixels * 0.75) ** 0.5)
    width = int(height / 0.75)
    if number % 2:
        height, width = width, height
    if number % 3 == 0:
        image = np.full((height, width, 3), 120, np.float32)
        for cells in (4, 16, 64, 256, 1024):
            cloud = rng.normal(0, 25, (cells, cells, 3)).astype(np.float32)
            image += cv2.resize(cloud, (width, height), interpolation=cv2.INTER_CUBIC)
    elif number % 3 == 1:
        image = cv2.resize(_texture(rng), (width, height), interpolation=cv2.INTER_CUBIC).astype(np.float32)
    else:
        image = np.zeros((height, width, 3), np.float32)
        for _ in range(400):
            tall, wide = (int(side) for side in rng.integers(200, 1500, 2))
            y, x = int(rng.integers(0, height - 100)), int(rng.integers(0, width - 100))
            part = image[y : y + tall, x : x + wide]
            part[:] = cv2.resize(_texture(rng), (wide, tall))[: part.shape[0], : part.shape[1]]
    for row in range(0, height, 1024):  # in parts, to save memory
        image[row : row + 1024] += rng.normal(0, 4, image[row : row + 1024].shape)
    return np.clip(image, 0, 255).astype(np.uint8)


def _texture(rng: np.random.Generator) -> RGBImage:
    import skimage.data

    image = np.asarray(getattr(skimage.data, TEXTURES[rng.integers(len(TEXTURES))])())
    return np.ascontiguousarray(image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=2))


def place(rng: np.random.Generator, background: RGBImage, chosen: list[Head]) -> list[tuple[Head, Box]]:
    """Draws a width and a place for each head; returns the boxes of the faces in the large photo."""
    height, width = background.shape[:2]
    spots: list[tuple[float, float]] = []
    placed: list[tuple[Head, Box]] = []
    for nth, head in enumerate(chosen):
        jaw = float(np.exp(rng.uniform(np.log(SMALLEST), np.log(LARGEST)))) if nth else SMALLEST
        scale = jaw / (head.box[2] - head.box[0])
        while True:
            spot = rng.uniform(0, width - 250 * scale), rng.uniform(0, height - 250 * scale)
            if all(max(abs(spot[0] - x), abs(spot[1] - y)) > APART for x, y in spots):
                break
        x, y = map(int, spot)
        spots.append(spot)
        x0, y0, x1, y1 = (side * scale for side in head.box)
        placed.append((head, (x + x0, y + y0, x + x1, y + y1)))
    return placed


def lay(photo: RGBImage, placed: list[tuple[Head, Box]], masked: bool) -> None:
    """Lays heads on a large photo, with a soft oval edge."""
    for head, box in placed:
        image = head.masked if masked else head.bare
        jaw = box[2] - box[0]
        scale = jaw / (head.box[2] - head.box[0])
        method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=method)
        height, width = small.shape[:2]
        across, down = ((head.box[at] + head.box[at + 2]) / 2 * scale for at in (0, 1))
        soft = np.zeros((height, width), np.float32)
        axes = int(0.85 * jaw), int(1.1 * jaw)
        cv2.ellipse(soft, (int(across), int(down - 0.1 * jaw)), axes, 0, 0, 360, 1.0, -1)
        soft = cv2.GaussianBlur(soft, (0, 0), max(1.0, 0.05 * jaw))[..., None]
        x, y = round(box[0] - head.box[0] * scale), round(box[1] - head.box[1] * scale)
        part = photo[y : y + height, x : x + width]
        small, soft = small[: part.shape[0], : part.shape[1]], soft[: part.shape[0], : part.shape[1]]
        part[:] = np.rint(small * soft + part * (1 - soft)).astype(np.uint8)


def score(tally: Tally, search: Search, photo: RGBImage, boxes: list[Box]) -> None:
    """Searches a photo, and counts the heads found and the false finds."""
    began = time.process_time()
    found = search(photo)
    tally.seconds += time.process_time() - began
    claimed: set[Box] = set()
    for box in boxes:
        jaw = box[2] - box[0]
        group = max(size for size in SIZES[:-1] if size <= jaw + 1e-6)
        hits = {one for one in found if np.hypot(*(_centre(one) - _centre(box))) < NEAR * jaw}
        claimed |= hits
        tally.heads[group] += 1
        tally.found[group] += bool(hits)
        if not hits:
            x0, y0, x1, y1 = (int(side) for side in box)
            room = int(jaw / 2)
            part = photo[max(y0 - room, 0) : y1 + room, max(x0 - room, 0) : x1 + room]
            tally.missed.append(cv2.resize(part, (TILE, TILE)))
    tally.false += len(set(found) - claimed)


def _centre(box: Box) -> np.ndarray:
    return np.array([box[0] + box[2], box[1] + box[3]]) / 2


def print_table(tallies: dict[str, Tally]) -> None:
    """Prints the heads found by width, the false finds and the time."""
    limits = [f"{low} to {high - 1} px" for low, high in pairwise(SIZES)]
    print("| search | " + " | ".join(limits) + " | all | false finds | CPU time |")
    print("|---" * (len(limits) + 4) + "|")
    for name, tally in tallies.items():
        cells = [f"{tally.found[size]} of {tally.heads[size]}" for size in SIZES[:-1]]
        whole, found = sum(tally.heads.values()), sum(tally.found.values())
        cells += [
            f"{found} of {whole} ({found / max(whole, 1):.1%})",
            str(tally.false),
            f"{tally.seconds:.0f} s",
        ]
        print(f"| {name} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
