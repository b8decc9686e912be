"""A shell onto a face: carried over in 3-D, projected, rasterised to the u, v seen at each pixel."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32
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
    """What is seen of a shell inside a box.

    Attributes:
        uv: u and v at each pixel; anything where not `hit`.
        hit: where the shell is seen.
    """

    uv: Float32[ndarray, "h w 2"]
    hit: Bool[ndarray, "h w"]


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
    box; the diagonal says which triangle to test; far cells write first, near ones over them.
    """
    xy = grid[..., :2] - np.array([box.x0, box.y0], np.float32)
    corners = np.stack([xy[:-1, :-1], xy[:-1, 1:], xy[1:, 1:], xy[1:, :-1]], axis=2).reshape(-1, 4, 2)
    low = np.maximum(np.ceil(corners.min(1)), 0).astype(np.int32)
    high = np.minimum(np.floor(corners.max(1)), (box.shape[1] - 1, box.shape[0] - 1)).astype(np.int32)
    span = np.maximum(high - low + 1, 0)
    depth = grid[..., 2]
    depth = depth[:-1, :-1] + depth[1:, 1:] + depth[:-1, 1:] + depth[1:, :-1]
    order = np.argsort(-depth.ravel(), kind="stable")
    order = order[(span[order] > 0).all(1)]
    cell, x, y = _candidates(low[order], span[order])
    tests = _triangle_tests(corners[order], _cell_corners(uv)[order])
    return _paint(tests, cell, x, y, box.shape)


def _cell_corners(values: Float32[ndarray, "rows columns c"]) -> Float32[ndarray, "cells 4 c"]:
    """What the corners of each cell carry: top left, top right, bottom right, bottom left."""
    stacked = np.stack([values[:-1, :-1], values[:-1, 1:], values[1:, 1:], values[1:, :-1]], axis=2)
    return stacked.reshape(-1, 4, values.shape[2])


def _candidates(low: ndarray, span: ndarray) -> tuple[ndarray, ndarray, ndarray]:
    """Cell, x and y of every pixel of every bounding box, cell after cell."""
    rows = np.repeat(np.arange(len(low)), span[:, 1])  # one entry a row of a box
    first = np.cumsum(span[:, 1]) - span[:, 1]
    row_y = np.arange(len(rows)) - first[rows] + low[rows, 1]
    widths = span[rows, 0]
    start = np.cumsum(widths) - widths
    at = np.repeat(np.arange(len(rows)), widths)
    x = np.arange(len(at)) - (start - low[rows, 0])[at]
    return rows[at], x, row_y[at]


def _triangle_tests(
    corners: Float32[ndarray, "c 4 2"], uv: Float32[ndarray, "c 4 2"]
) -> Float32[ndarray, "c 2 12"]:
    """For both triangles of each cell, affine functions of x, y: weights of two corners, and u, v.

    A triangle that looks away has weights that no pixel passes.
    """
    a = corners[:, [0, 0]]
    edges = np.stack([corners[:, [1, 2]], corners[:, [2, 3]]], axis=2) - a[:, :, None]
    area = edges[:, :, 0, 0] * edges[:, :, 1, 1] - edges[:, :, 0, 1] * edges[:, :, 1, 0]
    inverse = 1 / np.where(area > 1e-6, area, np.inf)
    b = np.stack([edges[:, :, 1, 1], -edges[:, :, 1, 0]], -1) * inverse[..., None]
    c = np.stack([-edges[:, :, 0, 1], edges[:, :, 0, 0]], -1) * inverse[..., None]
    never = (area <= 1e-6).astype(np.float32)
    b_at, c_at = -(b * a).sum(-1) - never, -(c * a).sum(-1) - never
    rise = np.stack([uv[:, [1, 2]], uv[:, [2, 3]]], axis=2) - uv[:, [0, 0]][:, :, None]
    weights = np.stack(
        [np.concatenate([b, b_at[..., None]], -1), np.concatenate([c, c_at[..., None]], -1)], 2
    )
    values = np.einsum("ctkj,ctki->ctji", rise, weights)
    values[..., 2] += uv[:, [0, 0]]
    return np.concatenate([weights, values], axis=2).reshape(-1, 2, 12).astype(np.float32)


def _paint(
    tests: Float32[ndarray, "c 2 12"], cell: ndarray, x: ndarray, y: ndarray, shape: tuple[int, int]
) -> Seen:
    """Write every candidate that lies in a triangle of its cell, later ones over earlier ones."""
    height, width = shape
    at_x, at_y = x.astype(np.float32), y.astype(np.float32)
    # the second corner's weight in the first triangle is below 0 beyond the diagonal
    first = tests[:, 0, :3][cell]
    beyond = first[:, 0] * at_x + first[:, 1] * at_y + first[:, 2] < 0
    table = tests.reshape(-1, 12)
    which = cell * 2 + beyond
    w = table[:, :6][which]
    b = w[:, 0] * at_x + w[:, 1] * at_y + w[:, 2]
    c = w[:, 3] * at_x + w[:, 4] * at_y + w[:, 5]
    inside = np.flatnonzero((b >= -1e-4) & (c >= -1e-4) & (b + c <= 1 + 1e-4))
    winner = np.zeros(height * width, np.int64)
    winner[y[inside] * width + x[inside]] = which[inside] + 1
    hit = np.flatnonzero(winner)
    coefficients = table[winner[hit] - 1, 6:]
    rows, columns = np.divmod(hit, width)
    seen = np.zeros((height * width, 2), np.float32)
    seen[hit, 0] = coefficients[:, 0] * columns + coefficients[:, 1] * rows + coefficients[:, 2]
    seen[hit, 1] = coefficients[:, 3] * columns + coefficients[:, 4] * rows + coefficients[:, 5]
    return Seen(seen.reshape(height, width, 2), (winner > 0).reshape(height, width))
