"""Projection of a shell onto a face: transforms it in 3-D and rasterises the position visible at each pixel."""

import math
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from jaxtyping import Float32, Float64, Int32, Int64, UInt8
from numpy import ndarray

from maskgen.faces.canonical_head import Head, similarity
from maskgen.masks.shell import Shell
from maskgen.native import compiled

UNSEEN = -1.0  # row and column at a pixel that the mask does not cover
ONE = 256  # corners are rounded to 1 / ONE pixel
BEYOND = 2.0**28  # limit of corner coordinates, in units of 1 / ONE pixel
_AROUND = np.ones((3, 3), np.uint8)

Places = Float32[ndarray, "h w 2"]


@dataclass(frozen=True)
class Fit:
    """Transformation of the canonical head into an image: `scale * turn @ (point + sway) + offset`.

    Attributes:
        scale: pixels per head unit.
        turn: rotation matrix of the head.
        offset: position of the head's origin, x, y, z in pixels.
        sway: displacement of this face's steady mesh points from the canonical head, in head units and the head's
            frame, as coefficients of the head's `modes`.
    """

    scale: float
    turn: Float32[ndarray, "3 3"]
    offset: Float32[ndarray, "3"]
    sway: Float32[ndarray, "m 3"]


@dataclass(frozen=True)
class Box:
    """Rectangle of pixels: columns x0 to x1, rows y0 to y1, with x1 and y1 excluded."""

    x0: int
    y0: int
    x1: int
    y1: int

    @property
    def shape(self) -> tuple[int, int]:
        """Rows, columns."""
        return self.y1 - self.y0, self.x1 - self.x0

    @property
    def slices(self) -> tuple[slice, slice]:
        """Slices that cut the box out of an image."""
        return slice(self.y0, self.y1), slice(self.x0, self.x1)

    def inside(self, other: "Box") -> tuple[slice, slice]:
        """Returns the slices that cut this box out of an array that covers the box `other`."""
        return (
            slice(self.y0 - other.y0, self.y1 - other.y0),
            slice(self.x0 - other.x0, self.x1 - other.x0),
        )


@dataclass(frozen=True)
class Looseness:
    """Deviation of a mask from its ideal position: `down` in head units, `tilt` in degrees, `size` a factor."""

    down: float = 0.0
    tilt: float = 0.0
    size: float = 1.0


@dataclass(frozen=True)
class Carried:
    """Shell in an image: x, y in pixels, z in the same unit; smaller z is nearer to the viewer.

    Attributes:
        grid: points of the shell.
        straps: points of its straps.
        strap_normals: normals of the skin under the straps; z < 0 faces the viewer.
        bounds: least and largest x, y of the grid, then of all points.
    """

    grid: Float32[ndarray, "rows columns 3"]
    straps: Float32[ndarray, "k n 3"]
    strap_normals: Float32[ndarray, "k n 3"]
    bounds: Float32[ndarray, "2 2 2"]


def fit_head(mesh: Float32[ndarray, "468 3"], head: Head) -> Fit:
    """Fits the canonical head to a face's mesh, in pixels of the mesh's image."""
    mesh, mean, products = np.ascontiguousarray(mesh), np.empty(3), np.empty((3, 3))
    _compare(mesh, head.steady, head.steady_centred, mean, products)
    scale, turn = similarity(products, head.spread)
    offset = mean - turn @ (scale * head.steady_mean)
    sway = np.empty((head.modes.shape[0], 3), np.float32)
    _sway(mesh, head.steady, head.steady_mesh, offset, turn / scale, head.modes_of_points, sway)
    return Fit(scale, turn.astype(np.float32), offset.astype(np.float32), sway)


@compiled
def _compare(
    mesh: Float32[ndarray, "n 3"],
    steady: Int64[ndarray, "s"],
    model: Float64[ndarray, "s 3"],
    mean: Float64[ndarray, "3"],
    products: Float64[ndarray, "3 3"],
) -> None:
    """Computes the mean of selected mesh points and their products with the points of a model.

    Args:
        mesh: all points of the mesh.
        steady: indices of the selected points.
        model: the selected points of the model, relative to their mean.
        mean: result: mean of the selected mesh points.
        products: result: sums of products of the mesh's coordinates (rows) with the model's (columns).
    """
    points = mesh[steady].astype(np.float64)
    mean[:] = np.add.accumulate(points)[-1] / len(points)
    products[:] = np.add.accumulate(points[:, :, None] * model[:, None])[-1]


@compiled
def _sway(
    mesh: Float32[ndarray, "n 3"],
    steady: Int64[ndarray, "s"],
    model: Float64[ndarray, "s 3"],
    offset: Float64[ndarray, "3"],
    back: Float64[ndarray, "3 3"],
    modes: Float32[ndarray, "s m"],
    sway: Float32[ndarray, "m 3"],
) -> None:
    """Measures how selected points of a mesh differ from a model.

    Args:
        mesh, steady: see `_compare`.
        model: the selected points of the model.
        offset: position of the model's origin in the mesh's frame.
        back: rotation and scale from the mesh's frame into the model's, for row vectors: `vector @ back`.
        modes: weight of each point in each mode.
        sway: result: coefficients of the difference in the modes.
    """
    x, y, z = (mesh[steady].astype(np.float64) - offset).T[..., None]
    away = (x * back[0] + y * back[1] + z * back[2] - model).astype(np.float32)
    sway[:] = np.add.accumulate(modes[:, :, None] * away[:, None])[-1]


def carry(shell: Shell, fit: Fit, loose: Looseness) -> Carried:
    """Transforms the shell into the image and adapts it to the face's shape."""
    count, tilt = shell.points.size // 3, math.radians(loose.tilt)
    placed, bounds = np.empty((len(shell.slack), 3), np.float32), np.empty((2, 2, 2), np.float32)
    _carry(
        shell.everything, shell.follow, fit.sway, shell.slack, math.cos(tilt) * loose.size - 1,
        math.sin(tilt) * loose.size, loose.size - 1, loose.down, fit.turn, fit.scale, fit.offset, count, placed, bounds,
    )  # fmt: skip
    return Carried(
        placed[:count].reshape(shell.points.shape),
        placed[count:].reshape(shell.straps.shape),
        shell.strap_normals @ fit.turn.T,
        bounds,
    )


@compiled
def _carry(
    points: Float32[ndarray, "3 p"],
    follow: Float32[ndarray, "m p"],
    sway: Float32[ndarray, "m 3"],
    slack: Float32[ndarray, "p"],
    cosine: float,
    sine: float,
    size: float,
    down: float,
    turn: Float32[ndarray, "3 3"],
    scale: float,
    offset: Float32[ndarray, "3"],
    first: int,
    placed: Float32[ndarray, "p 3"],
    bounds: Float32[ndarray, "2 2 2"],
) -> None:
    """Transforms points into an image.

    Args:
        points: `Shell.everything`.
        follow, slack: fields of a shell.
        sway, turn, scale, offset: fields of a fit.
        cosine, sine, size: tilt and size of a looseness; the values of an ideal position are subtracted from cosine
            and size.
        down: `Looseness.down`.
        first: number of points that belong to the grid.
        placed: result: the points in the image.
        bounds: result: `Carried.bounds`.
    """
    at = points.copy()
    for weight, coefficients in zip(follow, sway, strict=True):
        at += weight * coefficients[:, None]
    middle = np.add.accumulate(at[:, :first], axis=1)[:, -1] / np.float32(first)
    x, y, z = at - middle[:, None]
    cos, sin, grow, fall = (np.float32(number) for number in (cosine, sine, size, down))
    at += slack * np.stack([x * cos - y * sin, x * sin + y * cos + fall, z * grow])
    x, y, z = at[..., None]
    placed[:] = (x * turn[:, 0] + y * turn[:, 1] + z * turn[:, 2]) * np.float32(scale) + offset
    for each, points in zip(bounds, (placed[:first], placed), strict=True):
        each[:] = points[:, :2].min(0), points[:, :2].max(0)


def box_around(bounds: Float32[ndarray, "2 2"], margin: float, height: int, width: int) -> Box:
    """Returns the pixels within `margin` of the bounds, cut to the image; empty if all of them lie outside."""
    (left, top), (right, bottom) = bounds.tolist()
    return Box(
        _within(math.floor(left - margin), width), _within(math.floor(top - margin), height),
        _within(math.ceil(right + margin) + 1, width), _within(math.ceil(bottom + margin) + 1, height),
    )  # fmt: skip


def _within(at: int, side: int) -> int:
    return 0 if at < 0 else min(at, side)


def rasterise(grid: Float32[ndarray, "rows columns 3"], box: Box) -> Places | None:
    """Rasterises a grid: computes which position on it is visible at each pixel of `box`.

    Of the cells that face away from the viewer, only those next to the fold are drawn, so that the outline follows the
    fold and not whole cells; the others are behind the head.

    Returns:
        Row and column of the visible position, 0-1 from the first line of the grid to the last; `UNSEEN` where the grid
        does not cover the pixel. None if it covers no pixel.
    """
    places, nearest = np.empty((*box.shape, 2), np.float32), np.empty(box.shape, np.float32)
    return places if _draw_cells(grid, box.x0, box.y0, BEYOND, UNSEEN, places, nearest) else None


@compiled
def _draw_cells(
    grid: Float32[ndarray, "rows columns 3"],
    x0: int,
    y0: int,
    beyond: float,
    unseen: float,
    places: Float32[ndarray, "h w 2"],
    nearest: Float32[ndarray, "h w"],
) -> int:
    """Draws the cells of a grid as two triangles each; at each pixel the nearest triangle wins, on a tie the first.

    A pixel belongs to a triangle if its centre does, edges included. Corners are rounded to multiples of 1 / `ONE`
    pixel, so this test is exact.

    Args:
        grid: x, y and depth.
        x0, y0: centre of the first pixel.
        beyond: limit of the corners' coordinates in units of 1 / `ONE` pixel, so that areas fit into 64 bits.
        unseen: value of `places` at pixels that the grid does not cover.
        places: result: row and column, 0-1 over the grid.
        nearest: result: depth of the visible position.

    Returns:
        1 if the grid covers any pixel, else 0.
    """
    places[:], nearest[:] = unseen, np.inf
    corners = np.rint((grid[..., :2] - np.array([x0, y0], np.float32)) * np.float32(ONE))
    corners = np.clip(corners, -beyond, beyond).astype(np.int32)
    depth, drawn = np.ascontiguousarray(grid[..., 2]), _facing(grid)
    rows, columns = depth.shape
    triangles = _triangles(rows, columns)[drawn.reshape(-1) > 0].reshape(-1, 3)
    (ax, bx, cx), (ay, by, cy) = corners.reshape(-1, 2)[triangles].astype(np.int64).transpose(2, 1, 0)
    whole = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
    # the pixels of each triangle's bounding rectangle, concatenated over all triangles
    (left, right), (top, bottom) = (
        (
            np.maximum(-(-np.minimum(np.minimum(a, b), c) // ONE), 0),
            np.minimum(np.maximum(np.maximum(a, b), c) // ONE, side - 1),
        )
        for (a, b, c), side in (((ax, bx, cx), places.shape[1]), ((ay, by, cy), places.shape[0]))
    )
    wide, tall = np.maximum(right - left + 1, 0), np.maximum(bottom - top + 1, 0)
    count = np.where(whole == 0, 0, wide * tall)
    of = np.repeat(np.arange(len(count)), count)
    nth = np.arange(len(of)) - np.repeat(count.cumsum() - count, count)
    x, y = left[of] + nth % wide[of], top[of] + nth // wide[of]
    # barycentric coordinates of corners b and c, times twice the triangle's area
    dx, dy = x * ONE - ax[of], y * ONE - ay[of]
    sign = np.sign(whole)
    at_b = (dx * (cy - ay)[of] - dy * (cx - ax)[of]) * sign[of]
    at_c = ((bx - ax)[of] * dy - (by - ay)[of] * dx) * sign[of]
    within = np.flatnonzero((at_b >= 0) & (at_c >= 0) & (np.abs(whole)[of] - at_b - at_c >= 0))
    of, pixel = of[within], (y * places.shape[1] + x)[within]
    unit = np.float32(1) / np.abs(whole)[of].astype(np.float32)
    s, t = at_b[within].astype(np.float32) * unit, at_c[within].astype(np.float32) * unit

    def between(values: Float32[ndarray, "_"]) -> Float32[ndarray, "_"]:
        a, b, c = (values[triangles[:, i]][of] for i in range(3))
        return a + (s * (b - a) + t * (c - a))

    row, column = (line.reshape(-1).astype(np.float32) for line in np.indices((rows, columns)))
    z = between(depth.reshape(-1))
    steps = np.float32(1) / np.array([rows - 1, columns - 1], np.float32)
    found = np.stack([between(row) * steps[0], between(column) * steps[1]], axis=1)
    # the nearest last, and on a tie the first triangle last, since the last assignment stays
    order = np.argsort(z, kind="stable")[::-1]
    order = order[z[order] < nearest.reshape(-1)[pixel[order]]]
    places.reshape(-1, 2)[pixel[order]] = found[order]
    nearest.reshape(-1)[pixel[order]] = z[order]
    return int(len(order) > 0)


def _facing(grid: Float32[ndarray, "rows columns 3"]) -> UInt8[ndarray, "down across"]:
    """Marks the cells of a grid that face the viewer, and their neighbours."""
    down = grid[1:, 1:, :2] - grid[:-1, :-1, :2]
    up = grid[:-1, 1:, :2] - grid[1:, :-1, :2]
    front = up[..., 0] * down[..., 1] > up[..., 1] * down[..., 0]
    return cv2.dilate(front.view(np.uint8), _AROUND)


@cache
def _triangles(rows: int, columns: int) -> Int32[ndarray, "cells 2 3"]:
    """Lists the two triangles of each cell of a grid, as indices of its points."""
    at = np.arange(rows * columns, dtype=np.int32).reshape(rows, columns)
    a, b, c, d = (part.reshape(-1) for part in (at[:-1, :-1], at[:-1, 1:], at[1:, 1:], at[1:, :-1]))
    return np.stack([np.stack([a, b, c], -1), np.stack([a, c, d], -1)], axis=1)
