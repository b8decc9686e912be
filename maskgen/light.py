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

    def on(self, normals: Float32[ndarray, "*n 3"]) -> Float32[ndarray, "*n"]:
        """Light on surfaces, 1 on one that faces the viewer."""
        facing = np.array([0, 0, -1], np.float32)
        return np.clip(1 + (normals - facing) @ self.direction, 0.25, 1.7)


def skin_triangles(head: Head) -> Int[ndarray, "t 3"]:
    """Triangles of forehead, upper cheeks and nose bridge: skin that no mask, eye or brow covers."""
    x, y, _ = np.moveaxis(head.mesh[head.triangles].mean(1), -1, 0)
    eyes = (np.abs(np.abs(x) - 0.5) < 0.36) & (y > -0.42) & (y < 0.20)
    return head.triangles[(y > -0.85) & (y < 0.42) & (np.abs(x) < 0.95) & ~eyes]


def estimate_light(
    picture: Picture, mesh: Float32[ndarray, "468 3"], triangles: Int[ndarray, "t 3"]
) -> Light:
    """The light on the face whose `mesh` lies in `picture`; `triangles` are those of `skin_triangles`."""
    corners = mesh[triangles]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normal = normal / (np.linalg.norm(normal, axis=1, keepdims=True) + 1e-9)
    normal = normal * np.sign(-(normal[:, 2].mean()) or 1.0)
    height, width = picture.shape[:2]
    at = corners[..., :2].mean(1)
    inside = (at > 1).all(1) & (at < (width - 2, height - 2)).all(1) & (normal[:, 2] < -0.15)
    if inside.sum() < 12:
        return Light(np.full(3, 0.6, np.float32), FALLOFF, 1.0, _saturation(picture), np.zeros(0, np.float32))
    skin, grain = _samples(picture, at[inside])
    luminance = skin @ LUMA
    keep = (
        np.abs(luminance - np.median(luminance))
        < 2.5 * np.median(np.abs(luminance - np.median(luminance))) + 0.02
    )
    front, direction = _fit(luminance[keep], normal[inside][keep])
    tone = np.median(skin[keep], axis=0).astype(np.float32)
    saturation = _saturation(picture)
    return Light(_white(picture, tone, front, saturation), direction, grain, saturation, tone)


def _samples(picture: Picture, at: Float32[ndarray, "n 2"]) -> tuple[Float32[ndarray, "n 3"], float]:
    """Linear colours of 3 x 3 pixels around points, and the noise's deviation in grey levels."""
    column, row = at.T.astype(np.intp)
    around = np.stack([picture[row + i, column + j] for i in (-1, 0, 1) for j in (-1, 0, 1)]).astype(
        np.float32
    )
    grey = around @ LUMA
    # second differences across and down cancel slopes of the light and leave the noise, sqrt(6) times its deviation
    bends = np.concatenate([grey[3] - 2 * grey[4] + grey[5], grey[1] - 2 * grey[4] + grey[7]])
    grain = float(np.median(np.abs(bends)) * 1.4826 / np.sqrt(6))
    return (around.mean(0) / 255) ** 2, grain


def _fit(
    luminance: Float32[ndarray, "n"], normal: Float32[ndarray, "n 3"]
) -> tuple[float, Float32[ndarray, "3"]]:
    """Luminance of skin facing the viewer, and its relative change with the normal: ridge towards `FALLOFF`."""
    front = float(np.median(luminance)) + 1e-4
    relative = luminance / front - 1
    offset = normal - np.array([0, 0, -1], np.float32)
    gram = offset.T @ offset + PRIOR * np.eye(3, dtype=np.float32)
    direction = np.linalg.solve(gram, offset.T @ relative + PRIOR * FALLOFF)
    size = np.linalg.norm(direction)
    return front, (direction * min(1.0, 1.1 / size)).astype(np.float32)


def _saturation(picture: Picture) -> float:
    """How colourful a photo is, 0-1: a grey one, and one printed in a single ink, has few levels of chroma."""
    sparse = picture[::8, ::8].reshape(-1, 3).astype(np.float32)
    chroma = sparse - (sparse @ LUMA)[:, None]
    return float(np.clip((chroma.std(0).mean() - 1.5) / 4, 0, 1))


def _white(
    picture: Picture, tone: Float32[ndarray, "3"], front: float, saturation: float
) -> Float32[ndarray, "3"]:
    """Linear R, G, B of a white surface: between what the skin and the photo's brightest parts tell."""
    brightest = float(np.percentile(picture[::4, ::4].max(-1), 98)) / 255
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


def grain_field(rng: np.random.Generator, shape: tuple[int, int], blur: float) -> Float32[ndarray, "h w"]:
    """Noise of unit variance, as soft as `blur` pixels."""
    tile = _grain_tile(min(round(blur * 8), 32))
    top, left = rng.integers(0, 128, 2)
    if max(shape) > 384:
        tile = np.tile(tile, (shape[0] // 512 + 2, shape[1] // 512 + 2))
    return tile[top : top + shape[0], left : left + shape[1]]
