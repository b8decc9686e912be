"""Draw the pictures of the mask library: `python tools/draw_masks.py [FAMILY ...]`.

Everything in `assets/masks/*/{albedo,height,overlay}.png` comes from here, seeded, so that a change of a seam is a
change of a line. Pictures are 512 x 512 over the shell's grid: u from the left edge of the mask to the right, v from
the top to the bottom, with the margin of `maskgen.shell` clear around.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from maskgen.shell import MARGIN

SIZE = 512
MASKS = Path(__file__).parent.parent / "assets/masks"
V, U = np.meshgrid(np.linspace(-MARGIN, 1 + MARGIN, SIZE), np.linspace(-1 - 2 * MARGIN, 1 + 2 * MARGIN, SIZE),
                   indexing="ij")  # fmt: skip
A = np.abs(U)


def smooth(x: np.ndarray) -> np.ndarray:
    """0 below 0, 1 above 1, a cubic between."""
    t = np.clip(x, 0, 1)
    return t * t * (3 - 2 * t)


def line(x: np.ndarray, width: float) -> np.ndarray:
    """1 on x = 0, falling to 0 at `width` as a bell."""
    return np.exp(-((x / width) ** 2) * 2)


def noise(seed: int, sigma: float, stretch: float = 1.0) -> np.ndarray:
    """Smooth noise of unit variance; `stretch` > 1 draws it out along u."""
    field = np.random.default_rng(seed).standard_normal((SIZE, SIZE))
    field = cv2.GaussianBlur(
        field, (0, 0), sigmaX=sigma * stretch, sigmaY=sigma, borderType=cv2.BORDER_REFLECT
    )
    return field / field.std()


def rectangle() -> np.ndarray:
    """Opacity of a mask that fills u, v."""
    soft = 2.0 / SIZE
    return smooth((1 - A) / 2 / soft) * smooth(np.minimum(V, 1 - V) / soft)


def stitches(distance: np.ndarray, along: np.ndarray, count: float, width: float = 0.006) -> np.ndarray:
    """A dashed seam where `distance` is 0."""
    return line(distance, width) * smooth(np.sin(along * count * 2 * np.pi) * 2 + 0.8)


def surgical() -> dict[str, np.ndarray]:
    """Pleated, three folds, bound at the sides, hems with a wire in the upper one."""
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
    """A moulded cup: an embossed ring, two ribs, a soft rim, a metal clip over the nose, small print."""
    radius = np.hypot(U, (V - 0.5) * 2)
    # the outline's corners are cut: a cup is round where a cloth is square
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
    clip = layer(np.full_like(U, 0.72) + 0.10 * line(V - 0.110 - 0.10 * U**2, 0.01), clip_area * opacity)
    text = print_text(["NIOSH  N95", "TC-84A", "PARTICULATE"], (0.50, 0.52), 0.42)
    overlay = over(clip, layer(np.full_like(U, 0.25), 0.75 * text * opacity))
    height += 0.12 * clip_area
    return {"albedo": layer(0.95 * shade, opacity), "height": height, "overlay": overlay}


def cloth() -> dict[str, np.ndarray]:
    """Two panels sewn down the middle, hems stitched all round, a plain weave."""
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


def layer(grey: np.ndarray, opacity: np.ndarray) -> np.ndarray:
    """RGBA, 0-1, from a grey picture and its opacity."""
    return np.dstack([grey, grey, grey, opacity])


def over(top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    """One RGBA picture over another."""
    alpha = top[..., 3] + bottom[..., 3] * (1 - top[..., 3])
    mixed = top[..., :3] * top[..., 3:] + bottom[..., :3] * (bottom[..., 3] * (1 - top[..., 3]))[..., None]
    return np.dstack([mixed / np.maximum(alpha, 1e-6)[..., None], alpha])


def print_text(lines: list[str], centre: tuple[float, float], size: float) -> np.ndarray:
    """Opacity of lines of print around a point (u / 2 + 1/2, v)."""
    page = np.zeros((SIZE, SIZE), np.uint8)
    for i, text in enumerate(lines):
        (width, tall), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, size, 1)
        x = int(centre[0] * SIZE - width / 2)
        y = int(centre[1] * SIZE + (i - (len(lines) - 1) / 2) * tall * 1.8 + tall / 2)
        cv2.putText(page, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, size, 255, 1, cv2.LINE_AA)
    return page / 255.0


FAMILIES: dict[str, Callable[[], dict[str, np.ndarray]]] = {"surgical": surgical, "n95": n95, "cloth": cloth}


def main() -> None:
    """Draw the families named, or all."""
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
