"""A shell onto a face: carried over in 3-D, projected, rasterised to the u, v seen at each pixel."""

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from jaxtyping import Float32, Int, Shaped
from numpy import ndarray

from maskgen.head import Head, umeyama
from maskgen.shell import Shell

ON_EDGE = 1e-3  # pixels; a pixel so near to an edge is on it, so that neighbours leave no gap
EDGE_ON = 1e-6  # square pixels, twice the area up to which a triangle is seen as a line


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

    Every cell of the grid is two triangles on either side of a diagonal, and every triangle a span of pixels in each
    row that it meets; far cells write their pixels first, near ones over them. Of what looks away only the cells next
    to the fold are drawn, so that the outline is the fold's and not that of whole cells; the rest is behind the head.
    """
    height, width = box.shape
    sides, slopes = _triangles(grid - np.array([box.x0, box.y0, 0], np.float32), uv)
    which, y, left, count = _spans(sides, height, width)
    first = np.cumsum(count) - count
    at = np.arange(count.sum()) + np.repeat(y * width + left - first, count)
    nearest = np.full(height * width, -1, np.int32)
    nearest[at] = np.repeat(which, count)
    at = np.flatnonzero(nearest >= 0)
    row = (at * (1 / width) + 0.5 / width).astype(np.int32)  # exact, and faster than a division of integers
    x, y = (at - row * width).astype(np.float32), row.astype(np.float32)
    flat = pick_rows(slopes, nearest[at])
    seen = np.empty((len(at), 2), np.float32)
    for i in (0, 1):
        seen[:, i] = flat[:, i] * x + flat[:, i + 2] * y + flat[:, i + 4]
    return Seen(at, seen)


def pick_rows(table: Shaped[ndarray, "n k"], at: Int[ndarray, "m"]) -> Shaped[ndarray, "m k"]:
    """`table[at]`, several times as fast: a row is moved in one piece."""
    rows = table.view(np.dtype((np.void, table.itemsize * table.shape[1]))).reshape(-1)
    return rows.take(at).view(table.dtype).reshape(-1, table.shape[1])


def put_rows(table: Shaped[ndarray, "n k"], at: Int[ndarray, "m"], rows: Shaped[ndarray, "m k"]) -> None:
    """`table[at] = rows` for a contiguous `table`, several times as fast."""
    whole = np.dtype((np.void, table.itemsize * table.shape[1]))
    table.view(whole).reshape(-1)[at] = np.ascontiguousarray(rows, table.dtype).view(whole).reshape(-1)


def _triangles(
    grid: Float32[ndarray, "rows columns 3"], uv: Float32[ndarray, "rows columns 2"]
) -> tuple[Float32[ndarray, "t 8"], Float32[ndarray, "t 6"]]:
    """The triangles of a grid that can be seen, far cells first.

    Returns:
        What bounds each: y of its upper and lower corner; x and y of its middle corner, x of the long side there;
        slopes dx / dy of the long side, and of the sides above and below the middle corner.
        u and v as affine functions of x, y: u by x, v by x, u by y, v by y, u and v at 0, 0.
    """
    planes = np.ascontiguousarray(np.concatenate([grid, uv], axis=-1).reshape(-1, 5).T)
    x, y, z, u, v = planes.take(_corners(*grid.shape[:2]), axis=1)
    ab_x, ab_y, ac_x, ac_y = x[1] - x[0], y[1] - y[0], x[2] - x[0], y[2] - y[0]
    area = ab_x * ac_y - ab_y * ac_x
    depth = z[0, 0] + z[1, 0] + z[2, 0] + z[2, 1]
    slopes = np.empty((area.size, 6), np.float32)
    with np.errstate(divide="ignore", invalid="ignore"):  # of triangles without an area, which are left out
        for i, value in enumerate((u, v)):
            ab, ac = value[1] - value[0], value[2] - value[0]
            by_x, by_y = (ab * ac_y - ac * ab_y) / area, (ac * ab_x - ab * ac_x) / area
            rest = value[0] - by_x * x[0] - by_y * y[0]
            for k, column in enumerate((by_x, by_y, rest)):
                slopes[:, 2 * k + i] = column.reshape(-1)
    front = (area > EDGE_ON).any(0).reshape(grid.shape[0] - 1, -1)
    near = cv2.dilate(front.view(np.uint8), np.ones((3, 3), np.uint8)).reshape(-1) > 0
    cells = np.argsort(-depth, kind="stable")
    both = np.stack([cells, cells + len(cells)], axis=1).reshape(-1)
    drawn = both[(near & (np.abs(area) > EDGE_ON)).reshape(-1)[both]]
    return pick_rows(_sides(x.reshape(3, -1), y.reshape(3, -1)), drawn), pick_rows(slopes, drawn)


def _sides(x: Float32[ndarray, "3 t"], y: Float32[ndarray, "3 t"]) -> Float32[ndarray, "t 8"]:
    """What bounds triangles, as `_triangles` says."""
    count = x.shape[1]
    down = np.argsort(y, axis=0) * count + np.arange(count)
    (x0, x1, x2), (y0, y1, y2) = x.take(down), y.take(down)
    flat = np.float32(1e-9)  # a side that lies flat bounds no row
    long = (x2 - x0) / np.maximum(y2 - y0, flat)
    sides = np.empty((count, 8), np.float32)
    sides[:, 0], sides[:, 1], sides[:, 2], sides[:, 3] = y0, y2, x1, y1
    sides[:, 4], sides[:, 5] = x0 + long * (y1 - y0), long
    sides[:, 6] = (x1 - x0) / np.maximum(y1 - y0, flat)
    sides[:, 7] = (x2 - x1) / np.maximum(y2 - y1, flat)
    return sides


def _spans(
    sides: Float32[ndarray, "t 8"], height: int, width: int
) -> tuple[Int[ndarray, "s"], Int[ndarray, "s"], Int[ndarray, "s"], Int[ndarray, "s"]]:
    """For each row that a triangle meets: the triangle, the row, the first pixel and how many there are."""
    top = np.maximum(np.ceil(sides[:, 0]), 0).astype(np.int64)
    rows = np.maximum(np.minimum(np.floor(sides[:, 1]), height - 1).astype(np.int64) - top + 1, 0)
    which = np.repeat(np.arange(len(rows)), rows)
    y = np.arange(len(which)) + np.repeat(top - (np.cumsum(rows) - rows), rows)
    _, _, middle, middle_y, across, long, above, below = pick_rows(sides, which).T
    step = y.astype(np.float32) - middle_y
    across = across + long * step
    middle = middle + np.where(step < 0, above, below) * step
    left = np.maximum(np.ceil(np.minimum(across, middle) - ON_EDGE), 0).astype(np.int64)
    right = np.minimum(np.floor(np.maximum(across, middle) + ON_EDGE), width - 1).astype(np.int64)
    return which, y, left, np.maximum(right - left + 1, 0)


@cache
def _corners(rows: int, columns: int) -> Int[ndarray, "3 2 cells"]:
    """The three corners of the two triangles of each cell of a grid, as indices of its points."""
    at = np.arange(rows * columns).reshape(rows, columns)
    a, b, c, d = (part.reshape(-1) for part in (at[:-1, :-1], at[:-1, 1:], at[1:, 1:], at[1:, :-1]))
    return np.stack([np.stack([a, a]), np.stack([b, c]), np.stack([c, d])])
