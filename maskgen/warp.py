"""A shell onto a face: carried over in 3-D, projected, rasterised to the u, v seen at each pixel."""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float32, Int
from numpy import ndarray

from maskgen.head import Head, umeyama
from maskgen.shell import Shell


@dataclass(frozen=True)
class Fit:
    """How the canonical head lies in a picture: `scale * turn @ (point + sway) + offset`.

    Attributes:
        scale: pixels a head unit.
        turn: rotation of the head.
        offset: where the head's origin lies, x, y, z in pixels.
        sway: what this face's steady mesh points differ by, in head units and the head's frame.
    """

    scale: float
    turn: Float32[ndarray, "3 3"]
    offset: Float32[ndarray, "3"]
    sway: Float32[ndarray, "s 3"]


@dataclass(frozen=True)
class Box:
    """A rectangle of pixels: columns x0 to x1, rows y0 to y1, the ends not included."""

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
        """To cut the box out of an array."""
        return slice(self.y0, self.y1), slice(self.x0, self.x1)


@dataclass(frozen=True)
class Looseness:
    """How one wearing differs from the ideal: `down` in head units, `tilt` in degrees, `size` a factor."""

    down: float = 0.0
    tilt: float = 0.0
    size: float = 1.0


@dataclass(frozen=True)
class Carried:
    """A shell in a picture: x, y in pixels, z in the same unit, smaller is nearer to the viewer.

    Attributes:
        grid: its points.
        straps: of its straps.
        strap_normals: of the skin under them; z < 0 looks at the viewer.
    """

    grid: Float32[ndarray, "rows columns 3"]
    straps: Float32[ndarray, "k n 3"]
    strap_normals: Float32[ndarray, "k n 3"]


@dataclass(frozen=True)
class Seen:
    """The pixels of a box in which a shell is seen.

    Attributes:
        at: their indices in the flattened box.
        uv: u and v there.
    """

    at: Int[ndarray, "n"]
    uv: Float32[ndarray, "n 2"]


def fit_head(mesh: Float32[ndarray, "468 3"], head: Head) -> Fit:
    """The head's place in the picture of `mesh`, in the mesh's pixels."""
    steady = mesh[head.steady].astype(np.float64)
    canonical = head.mesh[head.steady].astype(np.float64)
    scale, turn, offset = umeyama(canonical, steady)
    sway = (steady - offset) @ turn / scale - canonical
    return Fit(scale, turn.astype(np.float32), offset.astype(np.float32), sway.astype(np.float32))


def carry(shell: Shell, fit: Fit, loose: Looseness) -> Carried:
    """The shell in the picture, following the face's own shape."""
    count = shell.points.shape[0] * shell.points.shape[1]
    swayed = shell.follow @ fit.sway
    grid = shell.points.reshape(-1, 3) + swayed[:count]
    straps = shell.straps.reshape(-1, 3) + swayed[count:]
    middle = grid.mean(0)
    sine, cosine = np.sin(np.radians(loose.tilt)), np.cos(np.radians(loose.tilt))
    tilt = np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]], np.float32) * np.float32(loose.size)
    shift = np.array([0, loose.down, 0], np.float32)
    moved = (grid - middle) @ tilt.T + (middle + shift)
    # straps go with the mask where they leave it and stay at the ear
    slack = np.linspace(1, 0, shell.straps.shape[1], dtype=np.float32)[None, :, None]
    pull = ((straps - middle) @ tilt.T + (middle + shift) - straps).reshape(shell.straps.shape) * slack
    turn = fit.turn.T * np.float32(fit.scale)
    return Carried(
        (moved @ turn + fit.offset).reshape(shell.points.shape),
        (straps.reshape(shell.straps.shape) + pull) @ turn + fit.offset,
        shell.strap_normals @ fit.turn.T,
    )


def box_around(carried: Carried, margin: float, height: int, width: int) -> Box:
    """The pixels around a carried shell, inside the picture; empty where it lies outside."""
    points = np.concatenate([carried.grid.reshape(-1, 3), carried.straps.reshape(-1, 3)])[:, :2]
    low = np.floor(points.min(0) - margin).astype(int)
    high = np.ceil(points.max(0) + margin).astype(int) + 1
    x0, y0 = (int(a) for a in np.clip(low, 0, (width, height)))
    x1, y1 = (int(a) for a in np.clip(high, 0, (width, height)))
    return Box(x0, y0, max(x0, x1), max(y0, y1))


def rasterise(
    grid: Float32[ndarray, "rows columns 3"], uv: Float32[ndarray, "rows columns 2"], box: Box
) -> Seen:
    """The u, v of the nearest front-facing point of a grid at each pixel of `box`.

    Every cell of the grid is two triangles on either side of a diagonal. A cell proposes all pixels of its bounding
    box; the diagonal says which triangle to test; far cells write first, near ones over them. Of what looks away only
    the cells next to the fold are drawn, so that the outline is the fold's and not that of whole cells; the rest is
    behind the head.
    """
    corners = _cell_corners(grid[..., :2] - np.array([box.x0, box.y0], np.float32))
    tests, front = _triangle_tests(corners, _cell_corners(uv))
    low = np.maximum(np.ceil(corners.min(1)), 0).astype(np.int32)
    high = np.minimum(np.floor(corners.max(1)), (box.shape[1] - 1, box.shape[0] - 1)).astype(np.int32)
    span = high - low + 1
    depth = _cell_corners(grid[..., 2:]).sum((1, 2))
    order = np.argsort(-depth, kind="stable")
    near = cv2.dilate(front.reshape(grid.shape[0] - 1, -1).view(np.uint8), np.ones((3, 3), np.uint8))
    order = order[((span > 0).all(1) & (near.ravel() > 0))[order]]
    which, x, y = _candidates(low[order], span[order])
    return _paint(tests[order], which, x, y, box.shape)


def _cell_corners(values: Float32[ndarray, "rows columns c"]) -> Float32[ndarray, "cells 4 c"]:
    """What the corners of each cell carry: top left, top right, bottom right, bottom left."""
    stacked = np.stack([values[:-1, :-1], values[:-1, 1:], values[1:, 1:], values[1:, :-1]], axis=2)
    return stacked.reshape(-1, 4, values.shape[2])


def _candidates(low: Int[ndarray, "c 2"], span: Int[ndarray, "c 2"]) -> tuple[ndarray, ndarray, ndarray]:
    """Cell, x and y of every pixel of every bounding box, cell after cell; indices are 32 bits for speed."""
    tall, wide = span[:, 1], span[:, 0]
    row_cell = np.repeat(np.arange(len(low), dtype=np.int32), tall)  # one entry a row of a box
    row_first = np.cumsum(tall, dtype=np.int32) - tall
    row_y = np.arange(len(row_cell), dtype=np.int32) + (low[:, 1] - row_first)[row_cell]
    row_wide = wide[row_cell]
    first = np.cumsum(row_wide, dtype=np.int32) - row_wide
    row_x = low[row_cell, 0] - first
    x = np.arange(int(row_wide.sum()), dtype=np.int32) + np.repeat(row_x, row_wide)
    return np.repeat(row_cell, row_wide), x, np.repeat(row_y, row_wide)


def _triangle_tests(
    corners: Float32[ndarray, "c 4 2"], uv: Float32[ndarray, "c 4 2"]
) -> tuple[Float32[ndarray, "c 2 12"], Bool[ndarray, "c"]]:
    """For both triangles of each cell, affine functions of x, y: weights of two corners, and u, v.

    A triangle seen edge-on has weights that no pixel passes. The second result says which cells have one that looks
    at the viewer.
    """
    a = corners[:, [0, 0]]
    edges = np.stack([corners[:, [1, 2]], corners[:, [2, 3]]], axis=2) - a[:, :, None]
    area = edges[:, :, 0, 0] * edges[:, :, 1, 1] - edges[:, :, 0, 1] * edges[:, :, 1, 0]
    thin = np.abs(area) < 1e-6
    inverse = (1 / np.where(thin, np.inf, area))[..., None]
    b = np.stack([edges[:, :, 1, 1], -edges[:, :, 1, 0]], -1) * inverse
    c = np.stack([-edges[:, :, 0, 1], edges[:, :, 0, 0]], -1) * inverse
    result = np.empty((*area.shape, 12), np.float32)
    result[..., 0:2], result[..., 2] = b, -(b * a).sum(-1) - thin
    result[..., 3:5], result[..., 5] = c, -(c * a).sum(-1) - thin
    rise = np.stack([uv[:, [1, 2]], uv[:, [2, 3]]], axis=2) - uv[:, [0, 0]][:, :, None]
    for i in (0, 1):
        values = result[..., 0:3] * rise[:, :, 0, i, None] + result[..., 3:6] * rise[:, :, 1, i, None]
        values[..., 2] += uv[:, :1, i]
        result[..., 6 + 3 * i : 9 + 3 * i] = values
    return result, (area > 1e-6).any(1)


def _paint(
    tests: Float32[ndarray, "c 2 12"], cell: ndarray, x: ndarray, y: ndarray, shape: tuple[int, int]
) -> Seen:
    """Write every candidate that lies in a triangle of its cell, later ones over earlier ones."""
    at_x, at_y = x.astype(np.float32), y.astype(np.float32)

    def value(coefficients: ndarray, of: ndarray) -> ndarray:
        a, b, c = (np.take(np.ascontiguousarray(column), of) for column in coefficients.T)
        return a * at_x + b * at_y + c

    # the second corner's weight in the first triangle is below 0 beyond the diagonal
    which = cell * np.int32(2) + (value(tests[:, 0, :3], cell) < 0)
    table = tests.reshape(-1, 12)
    b, c = value(table[:, :3], which), value(table[:, 3:6], which)
    inside = np.flatnonzero((b >= -1e-4) & (c >= -1e-4) & (b + c <= 1 + 1e-4))
    winner = np.zeros(shape[0] * shape[1], np.int32)
    winner[y[inside] * np.int32(shape[1]) + x[inside]] = which[inside] + 1
    at = np.flatnonzero(winner)
    chosen = np.take(table[:, 6:], winner[at] - 1, axis=0)
    rows, columns = np.divmod(at.astype(np.int32), np.int32(shape[1]))
    uv = chosen[:, 0::3] * columns[:, None] + chosen[:, 1::3] * rows[:, None] + chosen[:, 2::3]
    return Seen(at, uv.astype(np.float32))
