"""The photo's own light, read off the visible skin: how bright, from where, of what colour.

Intensities are linear, approximated by the square of the pixel value over 255. Normals are unit, in the picture's
frame (x right, y down, z away from the viewer), pointing away from the head.
"""

import math
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from jaxtyping import Float32, Int, Int64, UInt8
from numpy import ndarray

from maskgen.head import Head
from maskgen.native import compiled
from maskgen.types import Picture

SKIN_CHROMA = np.array(
    [1.46, 0.90, 0.62], np.float32
)  # R, G, B over luminance of skin under white light, linear
LUMA = np.array([0.299, 0.587, 0.114], np.float32)
SKIN_ALBEDO = 0.34  # of light skin; what stands between the skin's brightness and a white mask's
FALLOFF = np.array(
    [0.0, -0.25, -0.45], np.float32
)  # light most rooms have, from above and the front, beside 1
_CHROMA = np.eye(3, dtype=np.float32) - LUMA[:, None]  # pixels @ it: less their grey
LEAST_SEEN = 12  # triangles, to tell the light by
PRIOR = 6.0  # samples that `FALLOFF` is worth


@dataclass(frozen=True)
class Light:
    """Light on a face.

    Attributes:
        gain: linear R, G, B of a white surface that faces the viewer.
        direction: change of the light with the normal, relative to a surface that faces the viewer.
        grain: standard deviation of the photo's noise in grey levels.
        saturation: 0 where the photo is grey, 1 where it has colours.
        skin: linear R, G, B of the skin, or empty where none was seen.
    """

    gain: Float32[ndarray, "3"]
    direction: Float32[ndarray, "3"]
    grain: float
    saturation: float
    skin: Float32[ndarray, "c"]


def lit_along(share: Float32[ndarray, "*n"], direction: Float32[ndarray, "3"]) -> Float32[ndarray, "*n"]:
    """Light on surfaces, 1 on one that faces the viewer, by their normals' share along `Light.direction`."""
    return np.clip(share + (1 + direction[2]), np.float32(0.25), np.float32(1.7))


def skin_triangles(head: Head) -> Int[ndarray, "t 3"]:
    """Triangles of forehead, upper cheeks and nose bridge: skin that no mask, eye or brow covers."""
    x, y, _ = np.moveaxis(head.mesh[head.triangles].mean(1), -1, 0)
    eyes = (np.abs(np.abs(x) - 0.5) < 0.36) & (y > -0.42) & (y < 0.20)
    return head.triangles[(y > -0.85) & (y < 0.42) & (np.abs(x) < 0.95) & ~eyes]


def estimate_light(
    picture: Picture, mesh: Float32[ndarray, "468 3"], triangles: Int64[ndarray, "t 3"]
) -> Light:
    """The light on the face whose `mesh` lies in `picture`; `triangles` are those of `skin_triangles`."""
    most = len(triangles)
    skin, normals, bends = (np.empty((most, columns), np.float32) for columns in (3, 3, 2))
    count = _sample(np.ascontiguousarray(picture), mesh, triangles, LUMA, skin, normals, bends)
    saturation = _saturation(picture)
    if count < LEAST_SEEN:
        return Light(np.full(3, 0.6, np.float32), FALLOFF, 1.0, saturation, np.zeros(0, np.float32))
    # second differences cancel slopes of the light and leave the noise, sqrt(6) times its deviation
    grain = _median(bends[:count].reshape(-1)) * 1.4826 / math.sqrt(6)
    luminance = skin[:count] @ LUMA
    away = np.abs(luminance - _median(luminance))
    keep = np.flatnonzero(away < 2.5 * _median(away) + 0.02)
    front, direction = _fit(luminance[keep], normals[keep])
    tone = np.array([_median(channel) for channel in skin[keep].T], np.float32)
    return Light(_white(picture, tone, front, saturation), direction, grain, saturation, tone)


@compiled
def _sample(
    picture: UInt8[ndarray, "h w 3"],
    mesh: Float32[ndarray, "points 3"],
    triangles: Int64[ndarray, "t 3"],
    luma: Float32[ndarray, "3"],
    skin: Float32[ndarray, "t 3"],
    normals: Float32[ndarray, "t 3"],
    bends: Float32[ndarray, "t 2"],
) -> int:
    """What 3 x 3 pixels in the middle of triangles show, of those that lie in the picture and look at the viewer.

    Args:
        picture: RGB.
        mesh: x, y in its pixels, z.
        triangles: indices of its points.
        luma: share of R, G, B in a grey.
        skin: linear colours: a result, as the next two.
        normals: unit, away from the head.
        bends: how far the middle's grey lies off the line between its neighbours, across and down, doubled.

    Returns:
        Of how many triangles there are results, in the first rows.
    """
    a, b, c = mesh[triangles].transpose(1, 2, 0)
    (ux, uy, uz), (vx, vy, vz) = b - a, c - a
    x, y, z = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
    length = np.sqrt(x * x + y * y + z * z) + np.float32(1e-9)
    if 2 * np.count_nonzero(z > 0) > len(triangles):
        length = -length
    normal = np.stack([x, y, z], axis=1) / length[:, None]
    column, row = (a[:2] + b[:2] + c[:2]) * np.float32(1 / 3)
    height, width = picture.shape[:2]
    inside = (column > 1) & (row > 1) & (column < width - 2) & (row < height - 2)
    seen = np.flatnonzero(inside & (normal[:, 2] < np.float32(-0.15)))
    i, j = row[seen].astype(np.intp), column[seen].astype(np.intp)
    around = np.stack([picture[i + k // 3 - 1, j + k % 3 - 1] for k in range(9)])
    r, g, b = np.moveaxis(around.astype(np.float32), -1, 0)
    grey = r * luma[0] + g * luma[1] + b * luma[2]
    count = len(seen)
    skin[:count] = np.square(around.sum(0, dtype=np.int32).astype(np.float32) * np.float32(1 / 2295))
    normals[:count] = normal[seen]
    bends[:count, 0] = np.abs(grey[3] - 2 * grey[4] + grey[5])
    bends[:count, 1] = np.abs(grey[1] - 2 * grey[4] + grey[7])
    return count


def _median(values: Float32[ndarray, "n"]) -> float:
    """The median; numpy's own takes ten times as long for a few hundred values."""
    ordered, middle = np.sort(values), len(values) // 2
    return float(ordered[middle] if len(values) % 2 else (ordered[middle - 1] + ordered[middle]) / 2)


def _fit(
    luminance: Float32[ndarray, "n"], normal: Float32[ndarray, "n 3"]
) -> tuple[float, Float32[ndarray, "3"]]:
    """Luminance of skin facing the viewer, and its relative change with the normal: ridge towards `FALLOFF`."""
    front = _median(luminance) + 1e-4
    relative = luminance / front - 1
    offset = normal - np.array([0, 0, -1], np.float32)
    gram = offset.T @ offset + PRIOR * np.eye(3, dtype=np.float32)
    direction = np.linalg.solve(gram, offset.T @ relative + PRIOR * FALLOFF)
    size = np.linalg.norm(direction)
    return front, (direction * min(1.0, 1.1 / size)).astype(np.float32)


def _saturation(picture: Picture) -> float:
    """How colourful a photo is, 0-1: a grey one, and one printed in a single ink, has few levels of chroma."""
    sparse = picture[::8, ::8].reshape(-1, 3).astype(np.float32)
    _, deviation = cv2.meanStdDev((sparse @ _CHROMA)[None])
    return min(max((float(deviation.mean()) - 1.5) / 4, 0.0), 1.0)


def _white(
    picture: Picture, tone: Float32[ndarray, "3"], front: float, saturation: float
) -> Float32[ndarray, "3"]:
    """Linear R, G, B of a white surface: between what the skin and the photo's brightest parts tell."""
    red, green, blue = cv2.split(picture[::4, ::4])
    levels = np.bincount(cv2.max(cv2.max(red, green), blue).reshape(-1), minlength=256).cumsum()
    brightest = float(np.searchsorted(levels, 0.98 * levels[-1])) / 255
    by_skin = front / SKIN_ALBEDO
    level = float(np.sqrt(np.clip(by_skin, 0.05, 1.3) * np.clip(brightest**2, 0.15, 1.0)))
    chroma = tone / (tone @ LUMA + 1e-6) / SKIN_CHROMA
    # half of it, since the other half may be the skin's own colour; none where the photo has no colours
    cast = np.clip(chroma / (chroma @ LUMA), 0.5, 2.0) ** (0.5 * saturation)
    return (np.clip(level, 0.12, 1.05) * cast).astype(np.float32)


@cache
def _grain_tile(blur: int) -> Float32[ndarray, "512 512"]:
    """Noise of unit variance, as soft as `blur` eighths of a pixel; wearings cut their own piece out of it."""
    field = np.random.default_rng(0).standard_normal((512, 512), dtype=np.float32)
    if blur > 2:
        field = cv2.GaussianBlur(field, (0, 0), blur / 8, borderType=cv2.BORDER_REFLECT)
        field /= field.std()
    return field


def pick_grain(rng: np.random.Generator, blur: float) -> tuple[Float32[ndarray, "512 512"], int, int]:
    """A tile of noise of unit variance, as soft as `blur` pixels; and the row and column of it to begin with."""
    top, left = rng.integers(0, 128, 2).tolist()
    return _grain_tile(min(round(blur * 8), 32)), top, left


def grain_field(rng: np.random.Generator, shape: tuple[int, int], blur: float) -> Float32[ndarray, "h w"]:
    """Noise of unit variance, as soft as `blur` pixels."""
    tile, top, left = pick_grain(rng, blur)
    if max(shape) > 384:
        tile = np.tile(tile, (shape[0] // 512 + 2, shape[1] // 512 + 2))
    return tile[top : top + shape[0], left : left + shape[1]]
