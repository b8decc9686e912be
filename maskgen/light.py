"""The photo's own light, read off the visible skin: how bright, from where, of what colour.

Intensities are linear, approximated by the square of the pixel value over 255. Normals are unit, in the picture's
frame (x right, y down, z away from the viewer), pointing away from the head.
"""

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from jaxtyping import Float32, Int
from numpy import ndarray

from maskgen.head import Head
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
    picture: Picture, mesh: Float32[ndarray, "468 3"], triangles: Int[ndarray, "t 3"]
) -> Light:
    """The light on the face whose `mesh` lies in `picture`; `triangles` are those of `skin_triangles`."""
    corners = np.ascontiguousarray(mesh.T).take(
        triangles.T, axis=1
    )  # x, y, z of three corners of each triangle
    (ax, ay, az), (bx, by, bz) = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    normal = np.stack([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx])
    length = np.sqrt(np.einsum("ij,ij->j", normal, normal)) + np.float32(1e-9)
    normal /= -length if normal[2].sum() > 0 else length
    height, width = picture.shape[:2]
    x, y = (corners[:2, 0] + corners[:2, 1] + corners[:2, 2]) * np.float32(1 / 3)
    inside = np.flatnonzero((x > 1) & (y > 1) & (x < width - 2) & (y < height - 2) & (normal[2] < -0.15))
    saturation = _saturation(picture)
    if len(inside) < 12:
        return Light(np.full(3, 0.6, np.float32), FALLOFF, 1.0, saturation, np.zeros(0, np.float32))
    skin, grain = _samples(picture, x[inside].astype(np.intp), y[inside].astype(np.intp))
    luminance = skin @ LUMA
    away = np.abs(luminance - _median(luminance))
    keep = np.flatnonzero(away < 2.5 * _median(away) + 0.02)
    front, direction = _fit(luminance[keep], normal.T[inside[keep]])
    tone = np.array([_median(channel) for channel in skin[keep].T], np.float32)
    return Light(_white(picture, tone, front, saturation), direction, grain, saturation, tone)


def _median(values: Float32[ndarray, "n"]) -> float:
    """The median; numpy's own takes ten times as long for a few hundred values."""
    ordered, middle = np.sort(values), len(values) // 2
    return float(ordered[middle] if len(values) % 2 else (ordered[middle - 1] + ordered[middle]) / 2)


def _samples(
    picture: Picture, column: Int[ndarray, "n"], row: Int[ndarray, "n"]
) -> tuple[Float32[ndarray, "n 3"], float]:
    """Linear colours of 3 x 3 pixels around pixels, and the noise's deviation in grey levels."""
    width = picture.shape[1]
    steps = np.array([i * width + j for i in (-1, 0, 1) for j in (-1, 0, 1)])
    around = picture.reshape(-1, 3).take(row * width + column + steps[:, None], axis=0).astype(np.float32)
    grey = around @ LUMA
    # second differences across and down cancel slopes of the light and leave the noise, sqrt(6) times its deviation
    bends = np.concatenate([grey[3] - 2 * grey[4] + grey[5], grey[1] - 2 * grey[4] + grey[7]])
    grain = _median(np.abs(bends).reshape(-1)) * 1.4826 / np.sqrt(6)
    return (around.mean(0) / 255) ** 2, grain


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
