"""Estimation of the photo's light from the visible skin: brightness, direction and colour.

Intensities are linear, approximated by the square of the pixel value over 255. Normals have unit length, point away
from the head, and are in the image's frame (x right, y down, z away from the viewer).
"""

import math
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from jaxtyping import Float32, Float64, Int, Int64, UInt8
from numpy import ndarray

from maskgen.faces.canonical_head import Head
from maskgen.native import compiled
from maskgen.types import BRIGHTNESS, RGBImage

SKIN_CHROMA = 1.46, 0.90, 0.62  # R, G, B over luminance of skin under white light, linear
LUMA = np.array(BRIGHTNESS, np.float32)
SKIN_ALBEDO = 0.34  # linear albedo of light skin, relative to a white mask
# prior of `Light.direction`: in most rooms light comes from above and the front
FALLOFF = np.array([0.0, -0.25, -0.45], np.float32)
_LUMA, _FALLOFF = LUMA.tolist(), FALLOFF.tolist()
_EVEN = np.full(3, 0.6, np.float32)  # gain if too little skin is visible
_NO_SKIN = np.zeros(0, np.float32)
LEAST_SEEN = 12  # visible triangles that an estimate requires
SPREAD, SLACK = 2.5, 0.02  # outliers: farther from the median grey than SPREAD * MAD + SLACK
PRIOR = 6.0  # weight of `FALLOFF` in the fit, in samples
BRIGHTEST = 50  # one pixel in 50 counts as a photo's brightest parts

Colour = tuple[float, float, float]


@dataclass(frozen=True)
class Light:
    """Light on a face.

    Attributes:
        gain: linear R, G, B of a white surface that faces the viewer.
        direction: change of the light with the normal, relative to a surface that faces the viewer.
        grain: standard deviation of the photo's noise in grey levels.
        saturation: from 0 for a grey photo to 1 for a coloured one.
        skin: linear R, G, B of the skin, or empty if too little was visible.
    """

    gain: Float32[ndarray, "3"]
    direction: Float32[ndarray, "3"]
    grain: float
    saturation: float
    skin: Float32[ndarray, "c"]


def lit_along(along: Float32[ndarray, "*n"], direction: Float32[ndarray, "3"]) -> Float32[ndarray, "*n"]:
    """Computes the light on surfaces, relative to one that faces the viewer.

    Args:
        along: dot product of each normal with `direction`.
        direction: `Light.direction`.
    """
    return np.clip(along + (1 + direction[2]), np.float32(0.25), np.float32(1.7))


def skin_triangles(head: Head) -> Int[ndarray, "t 3"]:
    """Selects triangles of forehead, upper cheeks and nose bridge: skin that no mask, eye or brow covers."""
    x, y, _ = np.moveaxis(head.mesh[head.triangles].mean(1), -1, 0)
    eyes = (np.abs(np.abs(x) - 0.5) < 0.36) & (y > -0.42) & (y < 0.20)
    return head.triangles[(y > -0.85) & (y < 0.42) & (np.abs(x) < 0.95) & ~eyes]


def estimate_light(
    image: RGBImage, mesh: Float32[ndarray, "468 3"], triangles: Int64[ndarray, "t 3"]
) -> Light:
    """Estimates the light on a face.

    Args:
        image: RGB image of the face.
        mesh: the face's mesh, in pixels of `image`.
        triangles: result of `skin_triangles`.
    """
    image = np.ascontiguousarray(image)
    most = len(triangles)
    skin, normals, bends = (np.empty((most, columns), np.float32) for columns in (3, 3, 2))
    count = _sample(image, mesh, triangles, LUMA, skin, normals, bends)
    sums = np.empty(10, np.int64)
    bright = _levels(image, BRIGHTEST, sums)
    saturation = _saturation(sums)
    if count < LEAST_SEEN:
        return Light(_EVEN, FALLOFF, 1.0, saturation, _NO_SKIN)
    found = np.empty(14)
    _weigh(skin[:count], normals[:count], bends[:count], LUMA, SPREAD, SLACK, found)
    # second differences cancel slopes of the light and leave noise with sqrt(6) times the sigma
    grain, front, red, green, blue, *sums_of_products = found.tolist()
    tone = red, green, blue
    gain = np.array(_white(bright / 255, tone, front, saturation), np.float32)
    direction = np.array(_direction(*sums_of_products), np.float32)
    return Light(gain, direction, grain * 1.4826 / math.sqrt(6), saturation, np.array(tone, np.float32))


@compiled
def _sample(
    image: UInt8[ndarray, "h w 3"],
    mesh: Float32[ndarray, "points 3"],
    triangles: Int64[ndarray, "t 3"],
    luma: Float32[ndarray, "3"],
    skin: Float32[ndarray, "t 3"],
    normals: Float32[ndarray, "t 3"],
    bends: Float32[ndarray, "t 2"],
) -> int:
    """Samples 3 x 3 pixels at the centres of triangles that lie in the image and face the viewer.

    Args:
        image: RGB, 0-255.
        mesh: x, y in pixels of `image`, and z.
        triangles: indices of mesh points.
        luma: luma weights of R, G, B.
        skin: result: linear colour of each sample's mean.
        normals: result: unit normals, away from the head.
        bends: result: absolute second differences of the grey levels across and down.

    Returns:
        Number of sampled triangles; their results are in the first rows.
    """
    a, b, c = mesh[triangles].transpose(1, 2, 0)
    (ux, uy, uz), (vx, vy, vz) = b - a, c - a
    x, y, z = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
    length = np.sqrt(x * x + y * y + z * z) + np.float32(1e-9)
    if 2 * np.count_nonzero(z > 0) > len(triangles):
        length = -length
    normal = np.stack([x, y, z], axis=1) / length[:, None]
    column, row = (a[:2] + b[:2] + c[:2]) * np.float32(1 / 3)
    height, width = image.shape[:2]
    inside = (column > 1) & (row > 1) & (column < width - 2) & (row < height - 2)
    visible = np.flatnonzero(inside & (normal[:, 2] < np.float32(-0.15)))
    i, j = row[visible].astype(np.intp), column[visible].astype(np.intp)
    around = np.stack([image[i + k // 3 - 1, j + k % 3 - 1] for k in range(9)])
    r, g, b = np.moveaxis(around.astype(np.float32), -1, 0)
    grey = r * luma[0] + g * luma[1] + b * luma[2]
    count = len(visible)
    skin[:count] = np.square(around.sum(0, dtype=np.int32).astype(np.float32) * np.float32(1 / 2295))
    normals[:count] = normal[visible]
    bends[:count, 0] = np.abs(grey[3] - 2 * grey[4] + grey[5])
    bends[:count, 1] = np.abs(grey[1] - 2 * grey[4] + grey[7])
    return count


@compiled
def _weigh(
    skin: Float32[ndarray, "n 3"],
    normals: Float32[ndarray, "n 3"],
    bends: Float32[ndarray, "n 2"],
    luma: Float32[ndarray, "3"],
    spread: float,
    slack: float,
    found: Float64[ndarray, "14"],
) -> None:
    """Computes statistics of the skin samples, without those that are much lighter or darker than most.

    Args:
        skin, normals, bends: results of `_sample`; the order of `bends` may change.
        luma: luma weights of R, G, B.
        spread, slack: samples whose grey is farther from the median than spread * MAD + slack are left out, where MAD
            is the median absolute deviation.
        found: results: medians of the bends, of the skin's grey, and of R, G, B; then, row by row, the upper triangle
            of the sums of products of (x, y, z + 1) of the normals with each other and, last in each row, with the
            relative difference of the grey from its median.
    """
    grey = skin[:, 0] * luma[0] + skin[:, 1] * luma[1] + skin[:, 2] * luma[2]
    away = np.abs(grey - _median(grey))
    keep = away < np.float32(spread) * np.float32(_median(away)) + np.float32(slack)
    skin, grey, normals = skin[keep], grey[keep], normals[keep].astype(np.float64)
    found[0] = _median(bends.reshape(-1))
    found[1] = np.float32(_median(grey)) + np.float32(1e-4)
    found[2:5] = [_median(channel) for channel in skin.T]
    relative = grey / np.float32(found[1]) - np.float32(1)
    off = normals[:, 0], normals[:, 1], normals[:, 2] + 1, relative.astype(np.float64)
    found[5:] = [np.add.accumulate(off[j] * off[k])[-1] for j in range(3) for k in range(j, 4)]


def _median(values: Float32[ndarray, "n"]) -> float:
    """Computes the median; ten times as fast as `np.median` for a few hundred values."""
    ordered, middle = np.sort(values), len(values) // 2
    return float(ordered[middle] if len(values) % 2 else (ordered[middle - 1] + ordered[middle]) / 2)


def _direction(
    xx: float, xy: float, xz: float, x: float, yy: float, yz: float, y: float, zz: float, z: float
) -> Colour:
    """Fits `Light.direction` to the last nine results of `_weigh` by ridge regression towards `FALLOFF`."""
    xx, yy, zz = xx + PRIOR, yy + PRIOR, zz + PRIOR
    x, y, z = (of + PRIOR * usual for of, usual in zip((x, y, z), _FALLOFF, strict=True))
    # Cramer's rule: a library call does not pay for three unknowns
    a, b, c = yy * zz - yz * yz, xz * yz - xy * zz, xy * yz - xz * yy
    d, e, f = xx * zz - xz * xz, xy * xz - xx * yz, xx * yy - xy * xy
    right, down, away = a * x + b * y + c * z, b * x + d * y + e * z, c * x + e * y + f * z
    size, whole = math.sqrt(right * right + down * down + away * away), xx * a + xy * b + xz * c
    gain = min(1 / whole, 1.1 / size)
    return right * gain, down * gain, away * gain


@compiled
def _levels(image: UInt8[ndarray, "h w 3"], rare: int, sums: Int64[ndarray, "10"]) -> int:
    """Measures the brightest level and the second moments of the colours of the whole image.

    Args:
        image: RGB, 0-255.
        rare: at most one pixel in `rare` is brighter than the returned level.
        sums: result: row by row, the upper triangle of the sums of products of (R, G, B, 1) with each other, over every
            eighth pixel of every eighth row.

    Returns:
        The least level that max(R, G, B) exceeds in at most one pixel in `rare`, among every fourth pixel of every
        fourth row.
    """
    brightest = np.sort(image[::4, ::4].max(-1).reshape(-1))
    sparse = image[::8, ::8].reshape(-1, 3).astype(np.int64)
    pixels = np.column_stack([sparse, np.ones(len(sparse), np.int64)])
    sums[:] = (pixels.T @ pixels)[np.triu_indices(4)]
    return int(brightest[len(brightest) - 1 - len(brightest) // rare])


def _saturation(sums: Int64[ndarray, "10"]) -> float:
    """Measures how colourful a photo is, 0-1, by the spread of its chroma: small for grey or single-ink photos."""
    rr, rg, rb, r, gg, gb, g, bb, b, count = sums.tolist()
    r, g, b = r / count, g / count, b / count
    rr, gg, bb = rr / count - r * r, gg / count - g * g, bb / count - b * b
    rg, rb, gb = rg / count - r * g, rb / count - r * b, gb / count - g * b
    of_r, of_g, of_b = _LUMA
    # covariance of the grey with each channel, and the variance of the grey
    with_r = of_r * rr + of_g * rg + of_b * rb
    with_g = of_r * rg + of_g * gg + of_b * gb
    with_b = of_r * rb + of_g * gb + of_b * bb
    grey = of_r * with_r + of_g * with_g + of_b * with_b
    spreads = rr - 2 * with_r + grey, gg - 2 * with_g + grey, bb - 2 * with_b + grey
    sigma = sum(math.sqrt(max(spread, 0.0)) for spread in spreads) / 3
    return _within((sigma - 1.5) / 4, 0.0, 1.0)


def _white(bright: float, tone: Colour, front: float, saturation: float) -> Colour:
    """Estimates linear R, G, B of a white surface, 0-1, from the skin and the photo's brightest parts."""
    level = math.sqrt(_within(front / SKIN_ALBEDO, 0.05, 1.3) * _within(bright**2, 0.15, 1.0))
    level = _within(level, 0.12, 1.05)
    r, g, b = (channel / usual for channel, usual in zip(tone, SKIN_CHROMA, strict=True))
    of_r, of_g, of_b = _LUMA
    grey = max(of_r * r + of_g * g + of_b * b, 1e-6)
    # half of the tint, since the rest may be the skin's own colour; 0 for a grey photo
    strength = 0.5 * saturation
    r, g, b = (_within(channel / grey, 0.5, 2.0) ** strength for channel in (r, g, b))
    return r * level, g * level, b * level


def _within(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)


@cache
def _grain_tile(blur: int) -> Float32[ndarray, "512 512"]:
    """Draws noise of unit variance, blurred by a sigma of `blur` eighths of a pixel; each mask uses a crop of it."""
    if blur <= 2:
        return np.random.default_rng(0).standard_normal((512, 512), dtype=np.float32)
    field = cv2.GaussianBlur(_grain_tile(0), (0, 0), blur / 8, borderType=cv2.BORDER_REFLECT)
    return field / field.std()


def pick_grain(rng: np.random.Generator, blur: float) -> tuple[Float32[ndarray, "512 512"], int, int]:
    """Returns a tile of unit-variance noise, blurred by a sigma of `blur` pixels, and a random start row and column."""
    top, left = int(rng.integers(128)), int(rng.integers(128))
    return _grain_tile(min(round(blur * 8), 32)), top, left


def grain_field(rng: np.random.Generator, shape: tuple[int, int], blur: float) -> Float32[ndarray, "h w"]:
    """Draws noise of unit variance, blurred by a sigma of `blur` pixels."""
    tile, top, left = pick_grain(rng, blur)
    if max(shape) > 384:
        tile = np.tile(tile, (shape[0] // 512 + 2, shape[1] // 512 + 2))
    return tile[top : top + shape[0], left : left + shape[1]]
