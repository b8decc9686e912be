"""KID between photos of real masks and drawn masks, for our masks and the flat baseline.

    python -m benchmarks.masks.kid --real DIR --faces DIR [--n 600] [--seed 0] [--sheet FILE.png] [--json FILE]

`--real` takes photos of people who wear masks, `--faces` any source of `gen-data`. The crops reach from between the
eyes to below the chin and are 128 pixels wide. KID is the unbiased MMD of Binkowski et al. 2018 with the cubic kernel,
on the 1,280 features of EfficientNet-Lite0. The interval is a bootstrap over the images of both sides.
"""

import argparse
import json
from pathlib import Path

import cv2
import numpy as np
import torch

from benchmarks.masks.faces import stages
from benchmarks.masks.flat import paste
from maskgen.errors import Skip
from maskgen.faces.landmarks.blazeface import BlazeFace
from maskgen.faces.landmarks.crop_windows import whole_looks
from maskgen.masks.appearance import pick_mask
from maskgen.rendering.triplet import build_tools, wear_mask
from maskgen.settings import CropSettings, GenSettings, MaskSettings, SourceSettings
from maskgen.sources import build_source, load
from unmasknet.metrics.features import build_lite0

WIDE, TALL, CROP = 2.3, 2.15, 128  # width and height of the crop in eye distances; its width in pixels
WORN = "surgical:4,urethane:4,cloth:4,pleated:2,n95:2,kn95:2,ffp2:1,cloth2:1,bandana:1,gaiter:.5,duckbill:.5,scarf:.3"


def lower_face(picture: np.ndarray, eyes: np.ndarray) -> np.ndarray | None:
    """Cuts out the upright crop below the eyes.

    Returns None if the eyes are less than 12 pixels apart, or if more than a tenth of the crop is outside the image.
    """
    across = eyes[1] - eyes[0]
    unit, middle = float(np.hypot(*across)), eyes.mean(0)
    if unit < 12:
        return None
    scale = CROP / (WIDE * unit)
    cos, sin = across / unit * scale
    linear = np.array([[cos, sin], [-sin, cos]])
    tall = round(CROP * TALL / WIDE)
    matrix = np.column_stack([linear, [CROP / 2, 0] - linear @ middle])
    inside = cv2.warpAffine(np.ones(picture.shape[:2], np.uint8), matrix, (CROP, tall))
    if inside.mean() < 0.9:
        return None
    if scale < 0.5:
        small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        matrix = np.column_stack([linear / scale, matrix[:, 2]])
        picture = small
    return cv2.warpAffine(
        picture, matrix, (CROP, tall), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
    )


def real_crops(folder: str) -> list[np.ndarray]:
    """Returns a crop of the best face of every photo in which the detector finds one."""
    settings, detector = SourceSettings(src=folder), BlazeFace()
    source, crops = build_source(settings), []
    for ref in source.refs():
        photo = load(source, ref, settings)
        if isinstance(photo, Skip):
            continue
        height, width = photo.pixels.shape[:2]
        for look in whole_looks(height, width, 128):
            found = detector.find(photo.pixels, look, 0.5)
            if found:
                crop = lower_face(photo.pixels, found[0].eyes.astype(np.float64))
                crops += [crop] if crop is not None else []
                break
    return crops


def drawn_crops(
    folder: str, n: int, seed: int
) -> tuple[list[np.ndarray], list[np.ndarray], list[np.ndarray]]:
    """Returns crops of n faces: with our mask, with the flat baseline in the same family and colour, and bare."""
    settings = GenSettings(
        source=SourceSettings(src=folder), masks=MaskSettings(masks=WORN, wear="correct"),
        crop=CropSettings(size=256), seed=seed,
    )  # fmt: skip
    source, tools = build_source(settings.source), build_tools(settings)
    ours: list[np.ndarray] = []
    flats: list[np.ndarray] = []
    bare: list[np.ndarray] = []
    for i, _, stage in stages(source, tools, np.random.default_rng(seed)):
        triplet = wear_mask(stage, tools, i)
        worn = pick_mask(tools.wardrobe, np.random.default_rng(i))
        eyes = stage.face.mesh[[[33, 133], [362, 263]], :2].mean(1).astype(np.float64)
        if isinstance(triplet, Skip) or tools.wardrobe.library.template(worn.family).look.flat:
            continue
        crops = [lower_face(p, eyes) for p in (triplet.masked, paste(stage, worn, i)[0], stage.image)]
        if any(crop is None for crop in crops):
            continue
        for into, crop in zip((ours, flats, bare), crops, strict=True):
            assert crop is not None
            into.append(crop)
        if len(ours) == n:
            break
    return ours, flats, bare


def features(crops: list[np.ndarray]) -> np.ndarray:
    """Computes the feature vectors of EfficientNet-Lite0, `n 1280`, float64."""
    network, rows = build_lite0(), []
    with torch.no_grad():
        for i in range(0, len(crops), 32):
            batch = torch.from_numpy(np.stack(crops[i : i + 32])).permute(0, 3, 1, 2).float() / 255
            rows.append(network(batch).vector.double().numpy())
    return np.concatenate(rows)


def kid(one: np.ndarray, other: np.ndarray) -> float:
    """Computes the unbiased squared MMD with the kernel (x . y / d + 1) ** 3; can be negative for similar sets."""

    def kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return (a @ b.T / a.shape[1] + 1) ** 3

    def within(a: np.ndarray) -> float:
        values = kernel(a, a)
        return float((values.sum() - np.trace(values)) / (len(a) * (len(a) - 1)))

    return within(one) + within(other) - 2 * float(kernel(one, other).mean())


def bootstrap(
    real: np.ndarray, ours: np.ndarray, flat: np.ndarray, rng: np.random.Generator, rounds: int = 400
) -> np.ndarray:
    """Returns bootstrap samples of 1 - KID(ours) / KID(flat). The two masked crops of a face stay together."""
    draws = []
    for _ in range(rounds):
        # Each image is used once at most: with duplicates the estimate would be biased.
        a = np.unique(rng.integers(0, len(real), len(real)))
        b = np.unique(rng.integers(0, len(ours), len(ours)))
        draws.append(1 - kid(real[a], ours[b]) / kid(real[a], flat[b]))
    return np.array(draws)


def main() -> None:
    """Prints the distances and writes a sheet."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--real", required=True)
    parser.add_argument("--faces", required=True)
    parser.add_argument("--n", type=int, default=600)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sheet")
    parser.add_argument("--json")
    options = parser.parse_args()
    real = real_crops(options.real)
    ours, flats, bare = drawn_crops(options.faces, options.n, options.seed)
    vectors = {
        name: features(crops)
        for name, crops in (("real", real), ("ours", ours), ("flat", flats), ("bare", bare))
    }
    rng = np.random.default_rng(options.seed)
    halves = rng.permutation(len(real))
    draws = bootstrap(vectors["real"], vectors["ours"], vectors["flat"], rng)
    result = {
        "real": len(real), "drawn": len(ours),
        "kid": {name: round(kid(vectors["real"], vectors[name]), 4) for name in ("ours", "flat", "bare")},
        "kid_halves_of_real": round(kid(vectors["real"][halves[::2]], vectors["real"][halves[1::2]]), 4),
        "nearer": round(float(1 - kid(vectors["real"], vectors["ours"]) / kid(vectors["real"], vectors["flat"])), 3),
        "nearer_95": [round(float(q), 3) for q in np.percentile(draws, [2.5, 97.5])],
        "features": "EfficientNet-Lite0",
    }  # fmt: skip
    print(json.dumps(result, indent=1))
    if options.json:
        Path(options.json).write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    if options.sheet:
        rows = [np.hstack(crops[i : i + 14]) for crops in (real, ours, flats) for i in (0, 14, 28)]
        cv2.imwrite(options.sheet, cv2.cvtColor(np.vstack(rows), cv2.COLOR_RGB2BGR))


if __name__ == "__main__":
    main()
