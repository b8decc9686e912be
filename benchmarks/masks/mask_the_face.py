"""Compares the data sets of unmask and of MaskTheFace, made from the same images of faces.

    python -m benchmarks.masks.mask_the_face CHECKOUT --faces LFW --real DIR --labelled DIR [--labelled DIR]
        [--photos DIR ...] --work FOLDER [--n 1200] [--seeds 3] [--steps 450]

CHECKOUT is a clone of github.com/aqeelanwar/MaskTheFace. It is run unchanged, as `benchmarks.mask_the_face`, which
measures the speed, runs it. `gen-data` cuts `--n` crops of 256 pixels from the photos of `--faces`, and masks them
with its default masks. MaskTheFace masks the same crops, unmasked, as PNG, so that every changed pixel is known. It
draws the mixture of masks that its README gives as an example of `--code`, and its two surgical masks. Measured are:

- yield: photos with a mask, of the folders `--photos`, which both programs mask as they are; crops with a mask.
- placement: masks that cover a corner of an eye, or leave the mouth or the tip of the nose free, by the points of the
  mesh that were found on the unmasked crop. Of ours, only masks that are to be worn correctly are counted.
- rims: pixels of soft edges that are brighter than photo and mask (`benchmarks.masks.rim`).
- realism: KID to the photos of real masks in `--real` (`benchmarks.masks.kid`), with a bootstrap interval.
- use: Dice of segmenters trained on each set, on labels that others drew (`--labelled`, `benchmarks.masks.segm`).

What is finished in FOLDER is not made again, so a stopped comparison can be resumed. `sheet.png` shows the first crops
of both, `result.json` holds the result.
"""

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np

from benchmarks.command import unmask
from benchmarks.mask_the_face import copy_checkout, copy_photos, count_files, make_environment
from benchmarks.masks import kid, rim, segm
from maskgen.dataset.reader import open_data_set
from maskgen.dataset.shards import decode
from maskgen.images import codecs
from maskgen.rendering.blend import MASK

# The example of --code in its README, and its two surgical masks.
CODE = (
    "cloth-masks/textures/check/check_4.jpg, cloth-#e54294, cloth-#ff0000, cloth, "
    "cloth-masks/textures/others/heart_1.png, cloth-masks/textures/fruits/pineapple.png, N95, "
    "surgical_blue, surgical_green"
)
EYES, NOSE_TIP, MOUTH = (33, 133, 362, 263), 4, 13  # points of the mesh
SHEET = 12  # columns of the sheet
NAMES = "ours", "theirs"


@dataclass(frozen=True)
class Pair:
    """One crop masked by both programs; `theirs` is None where MaskTheFace wrote no image."""

    key: str
    gt: np.ndarray
    ours: np.ndarray
    parts: np.ndarray
    theirs: np.ndarray | None
    labels: dict[str, Any]

    @property
    def changed(self) -> np.ndarray:
        """The pixels that MaskTheFace changed, bool `h w`; single pixels that are equal by chance are filled in."""
        assert self.theirs is not None
        differs = (self.theirs != self.gt).any(2).astype(np.uint8)
        return cv2.morphologyEx(differs, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8)) > 0

    @property
    def mesh(self) -> np.ndarray:
        """The points of the crop's main face, `468 2`, pixels."""
        return np.array(self.labels["faces"][0]["landmarks"], np.float32)


def main() -> None:
    """Runs the comparison and prints the result as JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkout", type=Path)
    parser.add_argument("--faces", required=True)
    parser.add_argument("--real", required=True)
    parser.add_argument("--labelled", action="append", required=True)
    parser.add_argument("--photos", type=Path, action="append", default=[])
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--n", type=int, default=1200)
    parser.add_argument("--seeds", type=int, default=3, choices=sorted(segm.T_95))
    parser.add_argument("--steps", type=int, default=450)
    options = parser.parse_args()
    work = options.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    python = make_environment(work)
    theirs = work / "MaskTheFace"
    if not theirs.exists():
        copy_checkout(options.checkout, work, python)
    result: dict[str, Any] = {
        "yield": {folder.name: yields(folder, work, python, theirs) for folder in options.photos}
    }
    make_both(options.faces, options.n, work, python, theirs)
    pairs = list(read_pairs(work))
    result["crops"] = {"ours": len(pairs), "theirs": sum(pair.theirs is not None for pair in pairs)}
    result["placement"] = placement(pairs)
    result["rims"] = rims(pairs)
    result["realism"] = realism(pairs, options.real)
    draw_sheet(pairs, work / "sheet.png")
    del pairs
    result["dice"] = train(work, options.labelled, options.seeds, options.steps)
    (work / "result.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=1))


def yields(folder: Path, work: Path, python: Path, theirs: Path) -> dict[str, int]:
    """Counts the photos of a folder that each program masks, with its default mask."""
    kept = work / f"yield-{folder.name}.json"
    if kept.exists():
        return dict(json.loads(kept.read_text("utf-8")))
    photos = copy_photos(folder, work / f"photos-{folder.name}", sys.maxsize)
    counts = {"photos": count_files(photos)}
    said = unmask(
        "mask", str(photos), "--out", str(work / f"out-{folder.name}"), "--max-failures", "1", "--json"
    )
    counts["ours"] = json.loads(said)["masked"]
    run_theirs(photos, python, theirs, ["--mask_type", "surgical"])
    counts["theirs"] = count_files(photos.with_name(f"{photos.name}_masked"))
    kept.write_text(json.dumps(counts), encoding="utf-8")
    return counts


def run_theirs(photos: Path, python: Path, theirs: Path, arguments: list[str]) -> None:
    """Runs MaskTheFace on a folder; the results are in the folder beside it whose name ends in `_masked`."""
    shutil.rmtree(photos.with_name(f"{photos.name}_masked"), ignore_errors=True)
    command = [str(python), "mask_the_face.py", "--path", str(photos), *arguments]
    subprocess.run(command, cwd=theirs, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def make_both(faces: str, n: int, work: Path, python: Path, theirs: Path) -> None:
    """Makes the two data sets, `work/ours` and `work/theirs`."""
    unmask(
        "gen-data",
        "--src",
        faces,
        "--n",
        str(n),
        "--size",
        "256",
        "--format",
        "png",
        "--out",
        str(work / "ours"),
    )
    if (work / "theirs" / "dataset.json").exists():
        return
    crops = work / "crops"
    shutil.rmtree(crops, ignore_errors=True)
    (crops / "faces").mkdir(parents=True)
    for found in open_data_set(work / "ours").samples():
        (crops / "faces" / f"{found.key}.png").write_bytes(found.members["gt.png"])
    run_theirs(crops, python, theirs, ["--code", CODE])
    folders = {name: work / "triplets" / name for name in ("inputs", "outputs", "binary_mask")}
    for folder in folders.values():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    for pair in read_pairs(work):
        if pair.theirs is not None:
            (folders["inputs"] / f"{pair.key}.png").write_bytes(codecs.encode_lossless(pair.theirs, "png"))
            (folders["outputs"] / f"{pair.key}.png").write_bytes(codecs.encode_lossless(pair.gt, "png"))
            (folders["binary_mask"] / f"{pair.key}.png").write_bytes(
                codecs.encode_map(pair.changed.astype(np.uint8))
            )
    unmask("pack", str(work / "triplets"), "--to", str(work / "theirs"), "--format", "png", "--overwrite")


def read_pairs(work: Path) -> Iterator[Pair]:
    """Yields the crops, masked by both."""
    for encoded in open_data_set(work / "ours").samples():
        key, sample = encoded.key, decode(encoded.members)
        # the end of its file names is the type of mask; keys do not contain a capital letter or #
        found = sorted((work / "crops_masked" / "faces").glob(f"{key}_*.png"))
        theirs = cv2.imread(str(found[0]), cv2.IMREAD_COLOR_RGB) if found else None
        yield Pair(key, sample["gt"], sample["masked"], sample["parts"], theirs, sample["json"])


def placement(pairs: list[Pair]) -> dict[str, dict[str, int]]:
    """Counts masks that cover an eye, or leave the nose or the mouth free."""
    counts = {
        name: dict.fromkeys(("masks", "eye covered", "nose free", "mouth free", "any"), 0) for name in NAMES
    }
    for pair in pairs:
        worn = pair.labels["faces"][0]["mask"]["wear"] == "correct"
        for name, covered in (
            ("ours", pair.parts == MASK if worn else None),
            ("theirs", pair.changed if pair.theirs is not None else None),
        ):
            if covered is None:
                continue
            faults = {
                "eye covered": any(is_at(covered, pair.mesh[i]) for i in EYES),
                "nose free": not is_at(covered, pair.mesh[NOSE_TIP]),
                "mouth free": not is_at(covered, pair.mesh[MOUTH]),
            }
            counts[name]["masks"] += 1
            counts[name]["any"] += any(faults.values())
            for fault, seen in faults.items():
                counts[name][fault] += seen
    return counts


def is_at(covered: np.ndarray, point: np.ndarray) -> bool:
    """Tells whether a map is set at a point x, y; False outside of the image."""
    x, y = (int(value) for value in point)
    return 0 <= y < covered.shape[0] and 0 <= x < covered.shape[1] and bool(covered[y, x])


def rims(pairs: list[Pair]) -> dict[str, dict[str, int]]:
    """Counts bright pixels at the edges of both, by the rule of `benchmarks.masks.rim`."""
    counts = {name: {"edge pixels": 0, "bright": 0, "images": 0, "of images": 0} for name in NAMES}
    for pair in pairs:
        if pair.theirs is None:
            continue  # both are judged on the same crops
        changed = pair.changed
        grain = noise_of(pair.gt)
        for name, masked, parts, map in (
            ("ours", pair.ours, pair.parts, (pair.parts > 0).astype(np.uint8)),
            ("theirs", pair.theirs, changed.astype(np.uint8) * MASK, changed.astype(np.uint8)),
        ):
            triplet = SimpleNamespace(parts=parts, map=map, gt=pair.gt)
            bright, compared = rim.rim_of(masked, triplet, grain)  # type: ignore[arg-type]
            counts[name]["edge pixels"] += compared
            counts[name]["bright"] += int(bright.sum())
            counts[name]["images"] += bool(bright.any())
            counts[name]["of images"] += 1
    return counts


def noise_of(image: np.ndarray) -> float:
    """Estimates the noise's standard deviation in grey levels, by the median second difference (Immerkaer 1996)."""
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    second = cv2.filter2D(rim.grey(image), -1, kernel)
    return float(np.median(np.abs(second)) * 1.4826 / 6)


def realism(pairs: list[Pair], real: str) -> dict[str, Any]:
    """Computes the KID between crops of real masks and those of both programs, on the crops that both masked."""
    crops: dict[str, list[np.ndarray]] = {name: [] for name in (*NAMES, "bare")}
    for pair in pairs:
        if pair.theirs is None:
            continue
        eyes = pair.mesh[[[33, 133], [362, 263]]].mean(1).astype(np.float64)
        below = [kid.lower_face(image, eyes) for image in (pair.ours, pair.theirs, pair.gt)]
        if all(crop is not None for crop in below):
            for name, crop in zip(crops, below, strict=True):
                crops[name].append(crop)  # type: ignore[arg-type]
    vectors = {name: kid.features(images) for name, images in crops.items()}
    truth = kid.features(kid.real_crops(real))
    rng = np.random.default_rng(0)
    halves = rng.permutation(len(truth))
    draws = kid.bootstrap(truth, vectors["ours"], vectors["theirs"], rng)
    return {
        "real": len(truth), "drawn": len(vectors["ours"]),
        "kid": {name: round(kid.kid(truth, rows), 4) for name, rows in vectors.items()},
        "kid_halves_of_real": round(kid.kid(truth[halves[::2]], truth[halves[1::2]]), 4),
        "nearer": round(float(1 - kid.kid(truth, vectors["ours"]) / kid.kid(truth, vectors["theirs"])), 3),
        "nearer_95": [round(float(q), 3) for q in np.percentile(draws, [2.5, 97.5])],
    }  # fmt: skip


def draw_sheet(pairs: list[Pair], path: Path) -> None:
    """Writes rows of crops: MaskTheFace's above ours."""
    both = [pair for pair in pairs if pair.theirs is not None][: 3 * SHEET]
    rows = []
    for first in range(0, len(both), SHEET):
        some = both[first : first + SHEET]
        rows += [
            np.hstack([pair.theirs for pair in some if pair.theirs is not None]),
            np.hstack([p.ours for p in some]),
        ]
    sheet = cv2.resize(np.vstack(rows), None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    path.write_bytes(codecs.encode_lossless(sheet, "png"))


def train(work: Path, labelled: list[str], seeds: int, steps: int) -> dict[str, object]:
    """Trains segmenters on both data sets, and compares them on the labels of others."""
    runs = work / "runs"
    runs.mkdir(exist_ok=True)
    for seed in range(seeds):
        for name in NAMES:
            segm.train_and_score(work / name, work / "ours", labelled, runs / f"{name}-{seed}", seed, steps)
    return segm.compare(runs, "ours", ["theirs"], seeds)


if __name__ == "__main__":
    main()
