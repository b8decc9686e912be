"""Counts bright rims: pixels of a soft edge that are brighter than the photo under them and the mask beside them.

    python -m benchmarks.masks.rim --src DIR [--n 600] [--seed 0] [--sheet FILE.png] [--json FILE]

A compositor that adds both layers at soft edges leaves such a rim, and a segmenter learns the rim instead of masks. A
pixel within `EDGE` pixels of the mask's outline is counted if its grey level exceeds, by more than the photo's noise
allows, both the brightest pixel of the photo in the 3 x 3 neighbourhood and the brightest inner pixel of the mask
nearby. All families are used, without patterns, because a white dot at an edge is not a rim. Two places are not
compared: parts of a mask too narrow to have inner pixels (between hair and the edge), and the surroundings of straps,
which are separate layers. A control composes the same masks by adding both layers; rims must be found there.
"""

import argparse
import json
from pathlib import Path

import cv2
import numpy as np

from benchmarks.masks.looked import Row, wear_all
from maskgen.rendering.blend import MASK, STRAP
from maskgen.types import RGBImage, Triplet

EDGE, INNER = 2, 2  # pixels: half width of an edge; distance from the outline of inner pixels
# Sides in pixels of the windows for: the brightest inner pixel, an inner pixel beside the edge, a strap.
NEAR, BESIDE, STRAPPED = 61, 13, 9
LEAST, NOISE = 6.0, 4.0  # tolerance: grey levels, plus standard deviations of the photo's noise


def grey(picture: RGBImage) -> np.ndarray:
    """Converts RGB to luma, float32."""
    return cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)


def rim_of(masked: RGBImage, triplet: Triplet, grain: float) -> tuple[np.ndarray, int]:
    """Returns the rim pixels of `masked` as a Boolean map, and the number of edge pixels compared."""
    mask = (triplet.parts == MASK).astype(np.uint8)
    # The border of the image is not an edge: the mask continues beyond it with full opacity.
    inner = cv2.erode(mask, np.ones((2 * INNER + 1, 2 * INNER + 1), np.uint8))
    kernel = np.ones((2 * EDGE + 1, 2 * EDGE + 1), np.uint8)
    edge = (cv2.dilate(mask, kernel) > cv2.erode(mask, kernel)) & (triplet.map > 0)
    edge &= (
        cv2.dilate((triplet.parts == STRAP).astype(np.uint8), np.ones((STRAPPED, STRAPPED), np.uint8)) == 0
    )
    shown = grey(masked)
    under = cv2.dilate(grey(triplet.gt), np.ones((3, 3), np.uint8))
    beside = cv2.dilate(np.where(inner > 0, shown, -1), np.ones((NEAR, NEAR), np.uint8))
    compared = edge & (cv2.dilate(inner, np.ones((BESIDE, BESIDE), np.uint8)) > 0)
    return compared & (shown > np.maximum(under, beside) + LEAST + NOISE * grain), int(compared.sum())


def added(triplet: Triplet) -> RGBImage:
    """Returns the control: the same mask with both layers added at its soft edges, a common mistake."""
    mask = (triplet.parts == MASK).astype(np.float32)
    soft = cv2.GaussianBlur(mask, (0, 0), 1.0)[..., None]
    return np.clip(triplet.masked * soft + triplet.gt * np.minimum(1, 2 * (1 - soft)), 0, 255).astype(
        np.uint8
    )


def count_rims(rows: list[Row]) -> dict[str, object]:
    """Counts rim pixels of our masks and of the control."""
    found: dict[str, list[int]] = {"ours": [], "control": []}
    compared = 0
    for _, stage, triplet in rows:
        for name, masked in (("ours", triplet.masked), ("control", added(triplet))):
            rim, count = rim_of(masked, triplet, stage.light.grain)
            found[name].append(int(rim.sum()))
        compared += count
    ours = found["ours"]
    return {
        "triplets": len(rows),
        "families": len({triplet.faces[0].mask.family for _, _, triplet in rows}),
        "edge_pixels": compared,
        **{
            name: {"pixels": sum(counts), "triplets": int(np.count_nonzero(counts))}
            for name, counts in found.items()
        },
        "worst": [[int(i), ours[i]] for i in np.argsort(ours)[::-1][:10] if ours[i]],
    }


def main() -> None:
    """Prints the counts; the sheet shows edges enlarged four times, ours above the control."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--src", required=True)
    parser.add_argument("--n", type=int, default=600)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sheet")
    parser.add_argument("--json")
    options = parser.parse_args()
    rows = wear_all(options.src, options.n, options.seed, "plain")
    result = count_rims(rows)
    print(json.dumps(result, indent=1))
    if options.json:
        Path(options.json).write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    if options.sheet:
        cv2.imwrite(options.sheet, cv2.cvtColor(_sheet(rows), cv2.COLOR_RGB2BGR))


def _sheet(rows: list[Row]) -> RGBImage:
    """Draws parts of 12 masks, ours above the control, starting with those that have the most rim pixels."""
    order = sorted(
        range(len(rows)),
        key=lambda i: -rim_of(rows[i][2].masked, rows[i][2], rows[i][1].light.grain)[0].sum(),
    )
    columns = []
    for i in order[:12]:
        triplet = rows[i][2]
        at = rim_of(triplet.masked, triplet, rows[i][1].light.grain)[0]
        y, x = np.argwhere(at if at.any() else triplet.parts == MASK)[0]
        top, left = (
            int(np.clip(k - 24, 0, side - 48)) for k, side in zip((y, x), triplet.parts.shape, strict=True)
        )
        cut = slice(top, top + 48), slice(left, left + 48)
        pair = np.vstack([triplet.masked[cut], added(triplet)[cut]])
        columns.append(cv2.resize(pair, None, fx=4, fy=4, interpolation=cv2.INTER_NEAREST))
    return np.vstack([np.hstack(columns[:6]), np.hstack(columns[6:])])


if __name__ == "__main__":
    main()
