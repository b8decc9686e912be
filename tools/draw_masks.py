"""Draws the images of the mask library: `python tools/draw_masks.py [FAMILY ...]`.

It writes all files `assets/masks/*/{albedo,height,overlay}.png`, with fixed seeds, so that masks are edited as code.
Images are 512 x 512 pixels over the grid of the shell: u from the left edge of the mask to the right, v from the top to
the bottom, surrounded by the transparent margin of `maskgen.masks.shell`.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from maskgen.masks.shell import MARGIN

SIZE = 512
MASKS = Path(__file__).parent.parent / "assets/masks"
V, U = np.meshgrid(np.linspace(-MARGIN, 1 + MARGIN, SIZE), np.linspace(-1 - 2 * MARGIN, 1 + 2 * MARGIN, SIZE),
                   indexing="ij")  # fmt: skip
A = np.abs(U)


def smooth(x: np.ndarray) -> np.ndarray:
    """Computes a smooth step: 0 below 0, 1 above 1, a cubic between."""
    t = np.clip(x, 0, 1)
    return t * t * (3 - 2 * t)


def line(x: np.ndarray, width: float) -> np.ndarray:
    """Computes a Gaussian line: 1 at x = 0, near 0 beyond `width`."""
    return np.exp(-((x / width) ** 2) * 2)


def noise(seed: int, sigma: float, stretch: float = 1.0) -> np.ndarray:
    """Draws smooth noise of unit variance; `stretch` > 1 elongates it along u."""
    field = np.random.default_rng(seed).standard_normal((SIZE, SIZE))
    field = cv2.GaussianBlur(
        field, (0, 0), sigmaX=sigma * stretch, sigmaY=sigma, borderType=cv2.BORDER_REFLECT
    )
    return field / field.std()


def rectangle() -> np.ndarray:
    """Returns the opacity of a mask that fills u and v."""
    soft = 2.0 / SIZE
    return smooth((1 - A) / 2 / soft) * smooth(np.minimum(V, 1 - V) / soft)


def stitches(distance: np.ndarray, along: np.ndarray, count: float, width: float = 0.006) -> np.ndarray:
    """Draws a dashed seam where `distance` is 0."""
    return line(distance, width) * smooth(np.sin(along * count * 2 * np.pi) * 2 + 0.8)


def surgical() -> dict[str, np.ndarray]:
    """Draws a surgical mask: three pleats, bound sides, hems, a wire in the upper hem."""
    height = np.full_like(U, 0.5)
    shade = np.ones_like(U)
    for middle, depth in ((0.30, 1.0), (0.52, 1.0), (0.74, 0.9)):
        bend = middle + 0.012 * np.cos(U * np.pi / 2) + 0.004 * noise(int(middle * 100), 60)
        fold = (V - bend) / 0.085
        height += (
            0.20 * depth * np.where(fold < 0, smooth(fold + 1), smooth(1 - fold * 5)) * smooth((1.03 - A) * 6)
        )
        shade -= 0.085 * depth * line(V - bend - 0.014, 0.020)
        shade += 0.025 * depth * line(V - bend + 0.012, 0.018)
    bound = smooth((A - 0.935) * 90)
    height += 0.10 * bound + 0.012 * noise(1, 14, 3) * (1 - bound)
    hem = np.minimum(np.abs(V - 0.045), np.abs(V - 0.955))
    shade -= 0.07 * line(hem, 0.006) + 0.09 * line(A - 0.93, 0.010)
    height += 0.16 * line(V - 0.055, 0.02) * smooth((0.55 - A) * 9)
    weld = stitches(A - 0.965, V, 46, 0.012) + stitches(V - 0.022, U, 60) + stitches(V - 0.978, U, 60)
    shade -= 0.06 * weld
    shade += 0.012 * noise(2, 0.8) + 0.012 * noise(3, 18)
    return {"albedo": layer(0.965 * shade, rectangle()), "height": height}


def n95() -> dict[str, np.ndarray]:
    """Draws a moulded cup: an embossed ring, two ribs, a soft rim, a metal nose clip, small print."""
    radius = np.hypot(U, (V - 0.5) * 2)
    # A superellipse: a cup has round corners, cloth has square ones.
    outline = 1.04 - np.maximum(np.abs(U) ** 2.6 + (np.abs(V - 0.5) * 2) ** 2.6, 1e-6) ** (1 / 2.6)
    opacity = smooth(outline / 0.012)
    height = 0.45 + 0.018 * noise(11, 5) + 0.25 * smooth((outline - 0.05) * 14)
    shade = 1 + 0.012 * noise(12, 1.2) + 0.015 * noise(13, 20)
    ring = outline - 0.085
    height -= 0.16 * line(ring, 0.02)
    shade -= 0.10 * line(ring, 0.018) + 0.05 * line(outline - 0.03, 0.012)
    for at in (0.40, 0.62):
        rib = V - at - 0.03 * (1 - U**2)
        height += 0.10 * line(rib, 0.022) * smooth((0.80 - radius) * 8)
        shade -= 0.05 * line(rib - 0.02, 0.014) * smooth((0.80 - radius) * 8)
    clip_area = smooth((0.36 - A) * 40) * smooth((0.020 - np.abs(V - 0.115 - 0.10 * U**2)) * 120)
    clip = layer(np.full_like(U, 0.60) + 0.10 * line(V - 0.110 - 0.10 * U**2, 0.01), clip_area * opacity)
    text = print_text(["NIOSH  N95", "TC-84A", "PARTICULATE"], (0.50, 0.52), 0.42)
    overlay = over(clip, layer(np.full_like(U, 0.25), 0.75 * text * opacity))
    height += 0.12 * clip_area
    return {"albedo": layer(0.95 * shade, opacity), "height": height, "overlay": overlay}


def cloth() -> dict[str, np.ndarray]:
    """Draws a cloth mask: two panels sewn along the middle, stitched hems on all sides, a plain weave."""
    weave = np.sin(U * 400) * np.sin(V * 400)
    height = 0.5 + 0.010 * weave + 0.05 * noise(21, 22, 1.5)
    shade = 1 + 0.020 * weave + 0.012 * noise(22, 0.9) + 0.012 * noise(23, 25)
    seam = A
    height += 0.12 * line(seam - 0.02, 0.035) - 0.22 * line(seam, 0.008)
    shade -= 0.16 * line(seam, 0.008)
    border = np.minimum(np.minimum(V, 1 - V), (1 - A) / 2)
    height += 0.10 * smooth((0.035 - border) * 60)
    shade -= 0.08 * line(border - 0.036, 0.006)
    shade -= 0.06 * (stitches(V - 0.030, U, 46, 0.005) + stitches(V - 0.970, U, 46, 0.005))
    shade -= 0.06 * stitches(A - 0.94, V, 24, 0.008)
    return {"albedo": layer(0.97 * shade, rectangle()), "height": height}


def kn95() -> dict[str, np.ndarray]:
    """Draws a mask folded along the middle: a welded seam, dashed welds along the edges and over the cheeks."""
    height = 0.5 + 0.015 * noise(31, 9)
    shade = 1 + 0.012 * noise(32, 1.0) + 0.012 * noise(33, 20)
    shade -= 0.13 * line(A, 0.012) + 0.05 * line(A - 0.03, 0.010)
    height += 0.14 * line(A, 0.02)
    border = np.minimum(np.minimum(V, 1 - V), (1 - A) / 2)
    shade -= 0.05 * line(border - 0.03, 0.008) + 0.05 * stitches(border - 0.015, U + V, 40, 0.010)
    cheek = V - 0.20 - 0.30 * A
    shade -= 0.06 * stitches(cheek, U, 40, 0.010) * smooth((A - 0.12) * 9)
    height -= 0.10 * line(cheek, 0.014) * smooth((A - 0.12) * 9)
    opacity = rectangle() * smooth((1.18 - A - np.abs(V - 0.5) * 0.55) / 0.02)
    text = print_text(["KN95", "GB2626"], (0.70, 0.56), 0.40)
    return {"albedo": layer(0.96 * shade, opacity), "height": height,
            "overlay": layer(np.full_like(U, 0.45), 0.6 * text * opacity)}  # fmt: skip


def ffp2() -> dict[str, np.ndarray]:
    """Draws a fish-shaped mask of three horizontal panels: two seams that meet at the sides."""
    upper, lower = 0.29 + 0.16 * A**1.6, 0.73 - 0.16 * A**1.6
    height = 0.5 + 0.012 * noise(41, 12, 2)
    shade = 1 + 0.010 * noise(42, 1.0) + 0.012 * noise(43, 22)
    for seam, sign in ((upper, 1), (lower, -1)):
        shade -= 0.12 * line(V - seam, 0.010) + 0.03 * line(V - seam - 0.02 * sign, 0.02)
        height += 0.16 * line(V - seam, 0.03) - 0.14 * line(V - seam, 0.008)
    border = np.minimum(np.minimum(V, 1 - V), (1 - A) / 2)
    shade -= 0.06 * line(border - 0.030, 0.007) + 0.05 * stitches(border - 0.016, U + V, 46, 0.010)
    height += 0.14 * line(V - 0.06, 0.018) * smooth((0.5 - A) * 9)
    opacity = rectangle() * smooth((1.14 - A - np.abs(V - 0.5) * 0.42) / 0.02)
    text = print_text(["FFP2 NR", "EN 149"], (0.68, 0.50), 0.38)
    return {"albedo": layer(0.965 * shade, opacity), "height": height,
            "overlay": layer(np.full_like(U, 0.4), 0.55 * text * opacity)}  # fmt: skip


def duckbill() -> dict[str, np.ndarray]:
    """Draws a duckbill pouch: a horizontal crease, welded edges, a foam strip over the nose."""
    height = 0.5 + 0.015 * noise(51, 14, 2)
    shade = 1 + 0.010 * noise(52, 1.0) + 0.012 * noise(53, 20)
    bill = V - 0.50
    shade -= 0.10 * line(bill, 0.012) + 0.10 * smooth(bill * 6) * smooth((0.75 - V) * 8)
    height += 0.15 * line(bill, 0.03)
    border = np.minimum(np.minimum(V, 1 - V), (1 - A) / 2)
    shade -= 0.06 * line(border - 0.028, 0.007)
    height += 0.18 * line(V - 0.06, 0.02) * smooth((0.5 - A) * 9)
    opacity = rectangle() * smooth((1.12 - A - np.abs(V - 0.5) * 0.40) / 0.02)
    return {"albedo": layer(0.965 * shade, opacity), "height": height}


def cloth2() -> dict[str, np.ndarray]:
    """Draws a flat rectangle of two layers, gathered at the sides, with a wire channel at the top."""
    gather = smooth((A - 0.62) * 3)
    folds = np.sin((V + 0.02 * noise(61, 30)) * 2 * np.pi * 5)
    height = 0.5 + 0.10 * gather * folds + 0.05 * noise(62, 20, 2)
    shade = 1 - 0.06 * gather * smooth(-folds) + 0.012 * noise(63, 0.9) + 0.012 * noise(64, 22)
    border = np.minimum(V, 1 - V)
    shade -= 0.07 * line(border - 0.04, 0.006) + 0.06 * stitches(border - 0.034, U, 46, 0.005)
    shade -= 0.10 * line(A - 0.94, 0.010)
    height += 0.12 * smooth((A - 0.94) * 60) + 0.10 * line(V - 0.05, 0.02) * smooth((0.5 - A) * 9)
    return {"albedo": layer(0.97 * shade, rectangle()), "height": height}


def urethane() -> dict[str, np.ndarray]:
    """Draws a tight foam mask of two halves: one seam and raw edges; its ear loops are cut from the same piece."""
    height = 0.5 + 0.008 * noise(71, 1.2) + 0.02 * noise(72, 26)
    shade = 1 + 0.014 * noise(73, 0.8) + 0.010 * noise(74, 30)
    shade -= 0.12 * line(A, 0.007)
    height += 0.10 * line(A, 0.03) - 0.10 * line(A, 0.007)
    border = np.minimum(np.minimum(V, 1 - V), (1 - A) / 2)
    shade += 0.04 * line(border - 0.006, 0.008)
    slot = smooth((0.055 - np.abs(V - 0.5)) * 60) * smooth((A - 0.90) * 40)
    return {"albedo": layer(0.97 * shade, rectangle() * (1 - slot)), "height": height}


def pleated() -> dict[str, np.ndarray]:
    """Draws a pleated cloth mask: two deep pleats, wide bound sides, a stitched hem."""
    height = np.full_like(U, 0.5) + 0.03 * noise(81, 18, 2)
    shade = 1 + 0.014 * noise(82, 0.9) + 0.012 * noise(83, 22)
    for middle in (0.38, 0.66):
        bend = middle + 0.02 * np.cos(U * np.pi / 2)
        fold = (V - bend) / 0.13
        height += 0.24 * np.where(fold < 0, smooth(fold + 1), smooth(1 - fold * 6)) * smooth((1.03 - A) * 6)
        shade -= 0.13 * line(V - bend - 0.016, 0.022)
    bound = smooth((A - 0.90) * 60)
    height += 0.10 * bound
    shade -= 0.10 * line(A - 0.895, 0.010) + 0.05 * stitches(A - 0.915, V, 30, 0.008)
    hem = np.minimum(V, 1 - V)
    shade -= 0.06 * line(hem - 0.05, 0.006) + 0.06 * stitches(hem - 0.044, U, 46, 0.005)
    return {"albedo": layer(0.97 * shade, rectangle()), "height": height}


def respirator() -> dict[str, np.ndarray]:
    """Draws a rubber half mask: a lip around the edge, a central exhalation valve, a cartridge on each cheek."""
    outline = 1.03 - (A**2.4 + (np.abs(V - 0.5) * 2) ** 2.4 + 1e-6) ** (1 / 2.4)
    opacity = smooth(outline / 0.012)
    height = 0.35 + 0.20 * smooth((outline - 0.06) * 12) + 0.008 * noise(91, 2)
    shade = 1 + 0.015 * noise(92, 14) - 0.14 * line(outline - 0.08, 0.02)
    valve = 0.15 - np.hypot(U * 0.9, (V - 0.66) * 2)
    height += 0.20 * smooth(valve / 0.03)
    shade -= 0.25 * line(valve, 0.014)
    for i in range(-2, 3):
        slat = line(V - 0.66 - i * 0.022, 0.006) * smooth((valve - 0.03) * 60)
        shade -= 0.25 * slat
    disc = 0.31 - np.hypot(A - 0.60, (V - 0.47) * 1.75)
    height += 0.30 * smooth(disc / 0.04)
    ring = 0.86 + 0.05 * noise(93, 1.0) - 0.20 * line(disc - 0.05, 0.012) - 0.12 * line(disc - 0.14, 0.010)
    shade -= 0.35 * line(disc, 0.03)
    cartridge = np.dstack([0.78 * ring, 0.30 * ring, 0.52 * ring, smooth((disc - 0.012) / 0.010) * opacity])
    return {"albedo": layer(0.9 * shade, opacity), "height": height, "overlay": cartridge}


def bandana() -> dict[str, np.ndarray]:
    """Draws a folded square tied behind the head: a rolled upper edge, folds from the ears to the lower point."""
    bend = A * 0.75 + V * 0.55 + 0.05 * noise(101, 34) + 0.04 * U
    drape = 1 - np.abs(np.sin(bend * np.pi * 2.2)) ** 0.6
    hang = smooth(V * 3) * smooth(A * 2.5)
    height = 0.5 + 0.30 * drape * hang + 0.06 * noise(102, 16) + 0.14 * line(V - 0.03, 0.03)
    shade = 1 + 0.014 * noise(103, 0.9) + 0.012 * noise(104, 20) - 0.06 * line(V - 0.065, 0.014)
    shade -= 0.07 * hang * smooth(0.5 - drape)
    point = smooth((1.02 - A - 0.90 * smooth((V - 0.42) / 0.58)) / 0.012)
    return {"albedo": layer(0.96 * shade, rectangle() * point), "height": height}


def gaiter() -> dict[str, np.ndarray]:
    """Draws a tube from the nose to the neck: fine knit, ring-shaped folds where it gathers below the chin."""
    low = smooth((V - 0.52) * 4)
    rings = np.sin((V + 0.05 * np.cos(U * 2) + 0.012 * noise(111, 30, 3)) * 2 * np.pi * 8)
    height = 0.5 + 0.16 * low * rings + 0.03 * noise(112, 20, 2) + 0.08 * line(V - 0.02, 0.02)
    shade = 1 - 0.07 * low * smooth(-rings) + 0.012 * noise(113, 0.8) - 0.05 * line(V - 0.035, 0.006)
    return {"albedo": layer(0.97 * shade, rectangle()), "height": height}


def scarf() -> dict[str, np.ndarray]:
    """Draws a thick knitted scarf: a few deep, slanted, overlapping rolls and a soft edge."""
    wound = V * (1 - 0.16 * A**2) + 0.09 * U + 0.035 * noise(121, 44, 2.5)
    roll = (wound * 3.4) % 1  # 0 where a roll begins, under the roll above
    height = 0.3 + 0.45 * np.sin(np.pi * np.clip(roll, 0, 1) ** 0.7) + 0.05 * noise(122, 8)
    tucked = np.minimum(roll, 1 - roll)
    shade = 1 - 0.30 * line(tucked, 0.10) + 0.03 * noise(123, 1.6)
    edge = rectangle() * smooth((np.minimum(V, 1 - V) + 0.006 * noise(124, 3)) / 0.012)
    return {"albedo": layer(0.95 * shade, edge), "height": height}


def clear() -> dict[str, np.ndarray]:
    """Draws a cloth frame with a transparent window over the mouth, and a reflection on it."""
    window = 1 - ((A / 0.60) ** 3 + (np.abs(V - 0.55) / 0.24) ** 3)
    pane = smooth(window / 0.06)
    height = 0.5 + 0.03 * noise(131, 20) + 0.10 * line(window, 0.10)
    shade = 1 + 0.012 * noise(132, 0.9) - 0.10 * line(window + 0.05, 0.06)
    gleam = 0.16 + 0.30 * line(V - 0.45 - 0.25 * U, 0.05) + 0.10 * line(V - 0.68 - 0.2 * U, 0.03)
    opacity = rectangle() * (1 - pane * (1 - gleam))
    return {"albedo": layer(0.97 * shade, opacity), "height": height,
            "overlay": layer(np.full_like(U, 0.92), pane)}  # fmt: skip


def rectangle_block() -> dict[str, np.ndarray]:
    """Draws a rectangular block, as earlier data sets use to hide faces."""
    return {"albedo": layer(np.ones_like(U), rectangle()), "height": np.full_like(U, 0.5)}


def oval_block() -> dict[str, np.ndarray]:
    """Draws an oval block for the same purpose."""
    return {"albedo": layer(np.ones_like(U), smooth((1 - np.hypot(U, (V - 0.5) * 2)) / 0.01)),
            "height": np.full_like(U, 0.5)}  # fmt: skip


def layer(grey: np.ndarray, opacity: np.ndarray) -> np.ndarray:
    """Combines a grey image and its opacity to RGBA in 0-1."""
    return np.dstack([grey, grey, grey, opacity])


def over(top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    """Composites one RGBA image over another."""
    alpha = top[..., 3] + bottom[..., 3] * (1 - top[..., 3])
    mixed = top[..., :3] * top[..., 3:] + bottom[..., :3] * (bottom[..., 3] * (1 - top[..., 3]))[..., None]
    return np.dstack([mixed / np.maximum(alpha, 1e-6)[..., None], alpha])


def print_text(lines: list[str], centre: tuple[float, float], size: float) -> np.ndarray:
    """Returns the opacity of printed lines around a point (u / 2 + 1/2, v)."""
    page = np.zeros((SIZE, SIZE), np.uint8)
    for i, text in enumerate(lines):
        (width, tall), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, size, 1)
        x = int(centre[0] * SIZE - width / 2)
        y = int(centre[1] * SIZE + (i - (len(lines) - 1) / 2) * tall * 1.8 + tall / 2)
        cv2.putText(page, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, size, 255, 1, cv2.LINE_AA)
    return page / 255.0


FAMILIES: dict[str, Callable[[], dict[str, np.ndarray]]] = {
    "bandana": bandana, "clear": clear, "cloth": cloth, "cloth2": cloth2, "duckbill": duckbill, "ffp2": ffp2,
    "gaiter": gaiter, "kn95": kn95, "n95": n95, "none": rectangle_block, "oval": oval_block, "pleated": pleated,
    "rectangle": rectangle_block, "respirator": respirator, "scarf": scarf, "surgical": surgical, "urethane": urethane,
}  # fmt: skip


def main() -> None:
    """Draws the named families, or all."""
    for name in sys.argv[1:] or FAMILIES:
        folder = MASKS / name
        folder.mkdir(parents=True, exist_ok=True)
        for kind, picture in FAMILIES[name]().items():
            pixels = np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8)
            if pixels.ndim == 3:
                pixels = cv2.cvtColor(pixels, cv2.COLOR_RGBA2BGRA)
            cv2.imwrite(str(folder / f"{kind}.png"), pixels, [cv2.IMWRITE_PNG_COMPRESSION, 9])


if __name__ == "__main__":
    main()
