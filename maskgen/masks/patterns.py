"""Cloth patterns: procedural, seeded, seamless tiles that define where a second and a third colour lie.

A tile has no colours of its own. Its channels, 0-255, are: weight of the second colour, weight of the third colour, and
shade (128 leaves the light unchanged). So one tile serves all colours and all families.
"""

import math
from collections.abc import Callable
from functools import cache

import cv2
import numpy as np
from jaxtyping import Float, UInt8
from numpy import ndarray

SIZE = 256
VARIANTS = 4  # number of seeds of each pattern
Grid = Float[ndarray, "#256 #256"]  # a side of length 1 is broadcast: the values are constant along it
_X = np.arange(SIZE)[None] / SIZE
_Y = _X.T
_NOWHERE = np.zeros((1, 1))


def _soft(x: Float[ndarray, "h w"], width: float = 0.006) -> Float[ndarray, "h w"]:
    """Computes a step at 0, blurred over `width`, so that edges are not jagged."""
    return np.clip(x / width / 2 + 0.5, 0, 1)


def _noise(rng: np.random.Generator, sigma: float, stretch: float = 1.0) -> Grid:
    """Generates seamless noise of unit variance; `stretch` > 1 stretches it horizontally."""
    across, down = _gaussian(sigma * stretch), _gaussian(sigma)
    waves = np.fft.rfft2(rng.standard_normal((SIZE, SIZE)))
    waves *= np.outer(down, across[: waves.shape[1]])
    field = np.fft.irfft2(waves)
    return field / field.std()


def _gaussian(sigma: float) -> Float[ndarray, "256"]:
    """Computes the frequency response of a Gaussian blur, truncated at 4 sigma, on a periodic row."""
    middle = round(8 * sigma + 1) // 2
    weights = np.zeros(SIZE)
    weights[: 2 * middle + 1] = cv2.getGaussianKernel(2 * middle + 1, sigma)[:, 0]
    return np.fft.fft(np.roll(weights, -middle)).real


def _around(x: float, y: float, reach: float) -> tuple[tuple[ndarray, ndarray], ndarray, ndarray]:
    """Returns the pixels within `reach` of a position in the tile, and their offsets to the right and down."""
    columns, rows = (
        np.arange(math.floor((at - reach) * SIZE), math.ceil((at + reach) * SIZE) + 1) % SIZE for at in (x, y)
    )
    at = rows[:, None], columns[None]
    return at, _from_middle(at[1] / SIZE - x + 0.5), _from_middle(at[0] / SIZE - y + 0.5)


def _from_middle(x: Float[ndarray, "h w"]) -> Float[ndarray, "h w"]:
    """Computes the signed offset of each position from the centre of its cell of width 1."""
    return x % 1 - 0.5


def _flat() -> Grid:
    return np.zeros((SIZE, SIZE))


Layers = tuple[Grid, Grid, Grid]  # weight of the second colour, of the third, shade around 0


def _check(rng: np.random.Generator) -> Layers:
    """Draws gingham or tartan: bands across and down, darker where they cross."""
    count = int(rng.integers(4, 10))
    across, down = (_soft(np.sin(2 * np.pi * count * axis), 0.15) for axis in (_X, _Y))
    thin = _soft(np.cos(2 * np.pi * count * _X + 2) - 0.96, 0.02) + _soft(
        np.cos(2 * np.pi * count * _Y + 2) - 0.96, 0.02
    )
    return (across + down) / 2, np.clip(thin, 0, 1) * float(rng.random() < 0.5), _weave_shade(64) * 0.4


def _stripes(rng: np.random.Generator) -> Layers:
    """Draws horizontal, vertical or diagonal stripes; their number is whole, so that the tile is seamless."""
    a, b = [(0, 1), (1, 0), (1, 1), (1, -1)][rng.integers(4)]
    count = int(rng.integers(5, 16))
    wave = np.sin(2 * np.pi * count * (a * _X + b * _Y))
    return _soft(wave - rng.uniform(-0.4, 0.6), 0.12), _NOWHERE, _weave_shade(64) * 0.4


def _dots(rng: np.random.Generator) -> Layers:
    """Draws polka dots on a staggered grid."""
    count = int(rng.integers(4, 11))
    size = rng.uniform(0.18, 0.34)
    row = np.floor(_Y * count)
    x = _from_middle(_X * count + 0.5 * (row % 2) * (count % 2 == 0))
    y = _from_middle(_Y * count)
    return _soft(size - np.hypot(x, y), 0.03), _NOWHERE, _NOWHERE


def _floral(rng: np.random.Generator) -> Layers:
    """Draws flowers of five to seven petals among leaves."""
    petals, leaves = _flat(), _flat()
    for _ in range(26):
        x, y, turn = rng.random(), rng.random(), rng.uniform(0, 2 * np.pi)
        if rng.random() < 0.55:
            size, count = rng.uniform(0.05, 0.12), int(rng.integers(5, 8))
            at, dx, dy = _around(x, y, size + 0.004)
            radius, angle = np.hypot(dx, dy), np.arctan2(dy, dx) + turn
            petals[at] = np.maximum(petals[at], _soft(size * (0.65 + 0.35 * np.cos(count * angle)) - radius))
            leaves[at] = np.maximum(leaves[at], _soft(size * 0.22 - radius))
        else:
            at, dx, dy = _around(x, y, 0.066)
            along, side = dx * np.cos(turn) + dy * np.sin(turn), -dx * np.sin(turn) + dy * np.cos(turn)
            leaves[at] = np.maximum(leaves[at], _soft(0.018 - np.abs(side) - (along / 0.06) ** 2 * 0.018))
    return petals * (1 - leaves), leaves, 0.10 * _noise(rng, 2.0) * petals


def _camo(rng: np.random.Generator) -> Layers:
    """Draws blots of three colours."""
    first, second = _noise(rng, 16.0, 1.5), _noise(rng, 14.0, 1.5)
    blot = _soft(second - 0.45, 0.05)
    return _soft(first - 0.1, 0.05) * (1 - blot), blot, _NOWHERE


def _gradient(rng: np.random.Generator) -> Layers:
    """Blends one colour into another and back."""
    wave = 0.5 - 0.5 * np.cos(2 * np.pi * (_Y if rng.random() < 0.7 else _X))
    return wave * 0.65, _NOWHERE, _weave_shade(64) * 0.4


def _knit(rng: np.random.Generator) -> Layers:
    """Draws columns of knitted stitches, like plaits."""
    count = int(rng.integers(14, 24))
    column = _from_middle(_X * count)
    stitch = np.sin(2 * np.pi * (_Y * count * 1.0 + np.abs(column) * 0.9))
    shade = 0.55 * stitch * np.cos(np.pi * column) - 0.35 * _soft(np.abs(column) - 0.42, 0.05)
    return _NOWHERE, _NOWHERE, shade


def _weave(rng: np.random.Generator) -> Layers:
    """Draws coarse linen: threads over and under each other, some of them thicker."""
    count = int(rng.integers(28, 44))
    shade = _weave_shade(count) * 1.1 + 0.12 * _noise(rng, 0.7, 8.0) + 0.12 * _noise(rng, 0.7, 8.0).T
    return _NOWHERE, _NOWHERE, shade


def _paisley(rng: np.random.Generator) -> Layers:
    """Draws the print of bandanas: drops with dotted rims, and dots between."""
    drops, rims = _flat(), _flat()
    for i in range(14):
        x, y, turn = (
            (i % 4) / 4 + rng.uniform(-0.05, 0.05),
            (i // 4) / 4 + rng.uniform(-0.05, 0.05),
            rng.uniform(0, 6.3),
        )
        at, dx, dy = _around(x, y, 0.153)
        along, side = dx * np.cos(turn) + dy * np.sin(turn), -dx * np.sin(turn) + dy * np.cos(turn)
        side = side + 6 * along**2
        width = 0.055 * np.clip(1 - (along / 0.10), 0.1, 1.4)
        shape = np.hypot(along / 0.10, side / np.maximum(width, 0.01)) - 1
        rims[at] = np.maximum(rims[at], _soft(0.14 - np.abs(shape), 0.06))
        drops[at] = np.maximum(drops[at], _soft(-shape - 0.45, 0.06))
    dots = _soft(0.16 - np.hypot(_from_middle(_X * 12), _from_middle(_Y * 12)), 0.04)
    dots = dots * (1 - _soft(rims + drops - 0.1, 0.1))
    return np.clip(rims + 0.8 * dots, 0, 1), drops * (1 - rims), _NOWHERE


def _print(rng: np.random.Generator) -> Layers:
    """Draws a small maker's badge on a cheek: rings, a star or bars, with a line of glyphs under it."""
    x0, y0 = rng.choice([0.30, 0.70]) + rng.uniform(-0.03, 0.03), rng.uniform(0.46, 0.60)
    dx, dy = _X - x0, _Y - y0
    radius = np.hypot(dx, dy)
    size, kind = rng.uniform(0.030, 0.055), rng.integers(3)
    if kind == 0:
        badge = _soft(size * 0.18 - np.abs(radius - size * 0.8)) + _soft(size * 0.35 - radius)
    elif kind == 1:
        angle = np.arctan2(dy, dx)
        badge = _soft(size * (0.7 + 0.3 * np.cos(int(rng.integers(4, 8)) * angle)) - radius)
    else:
        bars = _soft(np.sin(dy / size * 7) - 0.1, 0.2)
        badge = _soft(size - np.abs(dx)) * bars * _soft(size * 0.8 - np.abs(dy))
    glyphs = _flat()
    count = int(rng.integers(4, 8))
    for i in range(count):
        gx, tall = x0 + (i - (count - 1) / 2) * 0.017, rng.uniform(0.006, 0.011)
        stem = _soft(0.006 - np.abs(_X - gx), 0.003) * _soft(tall - np.abs(_Y - y0 - size - 0.022), 0.003)
        glyphs = np.maximum(glyphs, stem)
    return np.clip(badge + glyphs, 0, 1), _NOWHERE, _NOWHERE


def _weave_shade(count: int) -> Grid:
    """Shades woven threads that pass over and under each other."""
    return 0.25 * np.sin(2 * np.pi * count * _X) * np.sin(2 * np.pi * count * _Y)


_DRAW: dict[str, Callable[[np.random.Generator], Layers]] = {
    "camo": _camo, "check": _check, "dots": _dots, "floral": _floral, "gradient": _gradient, "knit": _knit,
    "paisley": _paisley, "print": _print, "stripes": _stripes, "weave": _weave,
}  # fmt: skip
PATTERNS = tuple(_DRAW)
ONCE = ("print",)  # placed once on the mask instead of being repeated
STRETCHED = ("gradient",)  # stretched to the mask's shape


@cache
def pattern(name: str, variant: int) -> tuple[UInt8[ndarray, "_ _ 4"], ...]:
    """Draws a pattern's tile as a pyramid, each level half the size of the previous one; once per process.

    The last channel is empty: four channels are looked up in half the time of three.
    """
    rng = np.random.default_rng([variant + 11, *name.encode()])
    second, third, shade = _DRAW[name](rng)
    tile = np.zeros((SIZE, SIZE, 4), np.uint8)
    for channel, plane in enumerate((second * 255, third * 255, 128 + 127 * np.clip(shade, -1, 1))):
        tile[..., channel] = np.rint(np.clip(plane, 0, 255, out=plane), out=plane)
    levels = [tile]
    while levels[-1].shape[0] > 16:
        half = levels[-1].shape[0] // 2
        levels.append(cv2.resize(levels[-1], (half, half), interpolation=cv2.INTER_AREA))
    return tuple(levels)


@cache
def wrinkles() -> Float[ndarray, "256 256 4"]:
    """Computes the slopes, across and down, of a seamless creased surface; their standard deviation is 1.

    The last two channels are empty.
    """
    rng = np.random.default_rng(7)
    surface = _noise(rng, 7.0, 2.2) + 0.5 * _noise(rng, 4.0, 3.0) - 0.8 * np.abs(_noise(rng, 10.0, 1.8))
    across = (np.roll(surface, -1, 1) - np.roll(surface, 1, 1)) / 2
    down = (np.roll(surface, -1, 0) - np.roll(surface, 1, 0)) / 2
    slopes = np.dstack([across, down])
    tile = np.zeros((SIZE, SIZE, 4), np.float32)
    tile[..., :2] = slopes / slopes.std()
    return tile
