"""Texture of the result: where in a reference each pixel of the target lies, by the two meshes."""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float32, Float64, Int64
from numpy import ndarray

from maskgen.types import RGBImage
from unmasknet.restore.reference.shape import Posed, fading, is_skin, triangles

FINEST = 256  # pixels; longest side at which the map is computed; it is enlarged to the window
FACING = (0.12, 0.40)  # cosines to the reference's viewer between which the texture fades in
HALF = 0.5  # weight below which a pixel is not compared: the points around it lie on the ring or in the mouth
SHRINK_FIRST = 0.75  # scale below which the reference is averaged first


@dataclass(frozen=True)
class Texture:
    """Texture of a reference in the pixels of a window of the target.

    Attributes:
        colours: RGB, 0-255; arbitrary where `weight` is 0.
        weight: 0-1; 0 where the reference shows nothing of the face.
        skin: `weight` without the ring around the jaw and the inside of the mouth: what may be compared.
    """

    colours: Float32[ndarray, "h w 3"]
    weight: Float32[ndarray, "h w"]
    skin: Float32[ndarray, "h w"]


def lay_texture(
    reference: RGBImage, posed: Posed, corner: tuple[int, int], shape: tuple[int, int]
) -> Texture:
    """Warps a reference onto the target.

    Args:
        reference: RGB.
        posed: mesh in both photos.
        corner: column and row of the window in the target photo.
        shape: rows and columns of the window.
    """
    places, weight, skin = _source_map(posed, corner, shape)
    picture = reference
    scale = _scale(posed)
    if scale < SHRINK_FIRST:  # blur first, or shrinking causes aliasing
        picture = cv2.GaussianBlur(reference, (0, 0), 0.45 / scale)
    colours = cv2.remap(
        picture, places[..., 0], places[..., 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    height, width = reference.shape[:2]
    inside = (places[..., 0] >= 0) & (places[..., 0] <= width - 1) & (places[..., 1] >= 0)
    inside &= places[..., 1] <= height - 1
    return Texture(colours.astype(np.float32), weight * inside, skin * inside)


def _scale(posed: Posed) -> float:
    """Computes pixels of the target per pixel of the reference."""
    return float(
        np.ptp(posed.target[:, :2], axis=0).max() / max(np.ptp(posed.source[:, :2], axis=0).max(), 1e-6)
    )


def _source_map(
    posed: Posed, corner: tuple[int, int], shape: tuple[int, int]
) -> tuple[Float32[ndarray, "h w 2"], Float32[ndarray, "h w"], Float32[ndarray, "h w"]]:
    """Computes the position in the reference of each pixel of the window, the weight of the texture, and the skin."""
    shrink = min(1.0, FINEST / max(shape))
    rows, columns = (max(1, round(side * shrink)) for side in shape)
    factor = np.array([columns / shape[1], rows / shape[0]])
    flat = (posed.target[:, :2] - corner + 0.5) * factor - 0.5
    normals = vertex_normals(posed.source)
    facing = np.clip((-normals[:, 2] - FACING[0]) / (FACING[1] - FACING[0]), 0, 1)
    values = np.column_stack([posed.source[:, :2], facing * fading(), facing * is_skin()]).astype(np.float32)
    found = rasterise(flat, posed.target[:, 2], values, triangles(), (rows, columns))
    if (rows, columns) != tuple(shape):
        found = cv2.resize(found, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR)
    weight, skin = np.clip(found[..., 2:], 0, 1).transpose(2, 0, 1)
    return np.ascontiguousarray(found[..., :2]), weight, np.where(skin > HALF, skin, 0).astype(np.float32)


def vertex_normals(points: Float64[ndarray, "points 3"]) -> Float64[ndarray, "points 3"]:
    """Computes unit normals of a mesh with a ring, away from the head; z < 0 faces the viewer."""
    corners = triangles()
    a, b, c = points[corners].transpose(1, 0, 2)
    areas = np.cross(b - a, c - a)
    normals = np.zeros_like(points)
    for corner in range(3):
        np.add.at(normals, corners[:, corner], areas)
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    normals /= np.maximum(length, 1e-9)
    return normals


def rasterise(
    flat: Float64[ndarray, "points 2"],
    depth: Float64[ndarray, "points"],
    values: Float32[ndarray, "points c"],
    corners: Int64[ndarray, "t 3"],
    shape: tuple[int, int],
) -> Float32[ndarray, "h w c"]:
    """Interpolates values at the points of a mesh to the pixels that its triangles cover; the nearest triangle wins.

    Args:
        flat: x, y of the points in pixels of the result.
        depth: smaller is nearer to the viewer.
        values: of the points.
        corners: triangles, in the order of `triangles`; those that face away are left out.
        shape: rows and columns of the result.

    Returns:
        0 in all channels where there is no triangle.
    """
    a, b, c = flat[corners].transpose(1, 0, 2)
    double = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    low = np.maximum(np.ceil(np.minimum(np.minimum(a, b), c)), 0).astype(int)
    high = np.minimum(np.floor(np.maximum(np.maximum(a, b), c)), np.array(shape[::-1]) - 1).astype(int)
    size = np.maximum(high - low + 1, 0)
    size[double >= 0] = 0
    count = size.prod(1)
    of = np.repeat(np.arange(len(corners)), count)
    nth = np.arange(len(of)) - np.repeat(count.cumsum() - count, count)
    x, y = low[of, 0] + nth % size[of, 0], low[of, 1] + nth // size[of, 0]
    dx, dy = x - a[of, 0], y - a[of, 1]
    ab, ac = (b - a)[of], (c - a)[of]
    s, t = (dx * ac[:, 1] - dy * ac[:, 0]) / double[of], (ab[:, 0] * dy - ab[:, 1] * dx) / double[of]
    within = np.flatnonzero((s >= -1e-6) & (t >= -1e-6) & (s + t <= 1 + 1e-6))
    of, s, t, x, y = of[within], s[within], t[within], x[within], y[within]
    first, second, third = corners[of].T
    z = depth[first] + s * (depth[second] - depth[first]) + t * (depth[third] - depth[first])
    order = np.argsort(-z, kind="stable")  # the last assignment stays
    of, s, t, x, y = (
        of[order],
        s[order, None].astype(np.float32),
        t[order, None].astype(np.float32),
        x[order],
        y[order],
    )
    one, two, three = (values[corners[of, corner]] for corner in range(3))
    result = np.zeros((*shape, values.shape[1]), np.float32)
    result[y, x] = one + s * (two - one) + t * (three - one)
    return result
