"""A shell onto a face: carried over in 3-D, projected, rasterised to the place of it that is seen at each pixel."""

import math
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from jaxtyping import Bool, Float32, Int, Int32, Shaped
from numpy import ndarray

from maskgen.head import Head, umeyama
from maskgen.shell import Shell

FAR = 100  # widths of the box from which the viewer looks at it
UNSEEN = -1.0
EYE = np.eye(4, dtype=np.float32)
_AROUND = np.ones((3, 3), np.uint8)

Places = Float32[ndarray, "h w 3"]


@dataclass(frozen=True)
class Fit:
    """How the canonical head lies in a picture: `scale * turn @ (point + sway) + offset`.

    Attributes:
        scale: pixels a head unit.
        turn: rotation of the head.
        offset: where the head's origin lies, x, y, z in pixels.
        sway: what this face's steady mesh points differ by, in head units and the head's frame, as shares of the
            head's `modes`.
    """

    scale: float
    turn: Float32[ndarray, "3 3"]
    offset: Float32[ndarray, "3"]
    sway: Float32[ndarray, "m 3"]


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

    def inside(self, other: "Box") -> tuple[slice, slice]:
        """To cut the box out of an array of the pixels of a larger one."""
        return (
            slice(self.y0 - other.y0, self.y1 - other.y0),
            slice(self.x0 - other.x0, self.x1 - other.x0),
        )


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


def fit_head(mesh: Float32[ndarray, "468 3"], head: Head) -> Fit:
    """The head's place in the picture of `mesh`, in the mesh's pixels."""
    steady = mesh[head.steady].astype(np.float64)
    canonical = head.mesh[head.steady].astype(np.float64)
    scale, turn, offset = umeyama(canonical, steady)
    sway = (steady - offset) @ turn / scale - canonical
    return Fit(
        scale, turn.astype(np.float32), offset.astype(np.float32), head.modes @ sway.astype(np.float32)
    )


def carry(shell: Shell, fit: Fit, loose: Looseness) -> Carried:
    """The shell in the picture, following the face's own shape."""
    points = shell.everything + shell.follow @ fit.sway
    middle = points[: shell.points.size // 3].mean(0)
    sine, cosine = (
        math.sin(math.radians(loose.tilt)) * loose.size,
        math.cos(math.radians(loose.tilt)) * loose.size,
    )
    change = np.array([[cosine - 1, sine, 0], [-sine, cosine - 1, 0], [0, 0, loose.size - 1]], np.float32)
    change = (points - middle) @ change + np.array([0, loose.down, 0], np.float32)
    placed = (points + shell.slack * change) @ (fit.turn.T * np.float32(fit.scale)) + fit.offset
    grid, straps = np.split(placed, [shell.points.size // 3])
    return Carried(
        grid.reshape(shell.points.shape), straps.reshape(shell.straps.shape), shell.strap_normals @ fit.turn.T
    )


def box_around(points: Float32[ndarray, "*n 3"], margin: float, height: int, width: int) -> Box:
    """The pixels around points, inside the picture; empty where all lie outside."""
    flat = points.reshape(-1, 3)
    (left, top, _), (right, bottom, _) = flat.min(0).tolist(), flat.max(0).tolist()
    x0, x1 = (min(max(x, 0), width) for x in (math.floor(left - margin), math.ceil(right + margin) + 1))
    y0, y1 = (min(max(y, 0), height) for y in (math.floor(top - margin), math.ceil(bottom + margin) + 1))
    return Box(x0, y0, x1, y1)


def rasterise(grid: Float32[ndarray, "rows columns 3"], box: Box) -> Places:
    """Which place of a grid is seen at each pixel of `box`.

    Of what looks away only the cells next to the fold are drawn, so that the outline is the fold's and not that of
    whole cells; the rest is behind the head. OpenCV draws in perspective: from far away, and with each point moved
    aside by as much as its depth brings it in, that is no perspective at all.

    Returns:
        Row and column of the place, 0-1 from the first line of the grid to the last, and nothing in the last channel;
        `UNSEEN` in all of them where no place is seen.
    """
    height, width = box.shape
    far = np.float32(FAR * max(height, width))
    points = grid.reshape(-1, 3) - np.array(
        [box.x0 + width / 2 - 0.5, box.y0 + height / 2 - 0.5, -far], np.float32
    )
    points[:, :2] *= points[:, 2:] * np.array([1 / far, -1 / far], np.float32)
    points[:, 2] *= -1
    places = np.full((height, width, 3), UNSEEN, np.float32)
    depth = np.full((height, width), 2 * far, np.float32)
    rows, columns = grid.shape[:2]
    cv2.triangleRasterize(
        points,
        _triangles(rows, columns)[_facing(grid)].reshape(-1, 3),
        _own_places(rows, columns),
        places,
        depth,
        EYE,
        2 * math.atan(height / 2 / far),
        float(far) / 2,
        float(far) * 2,
        _raster_settings(),
    )
    return places


def pick_rows(table: Shaped[ndarray, "n k"], at: Int[ndarray, "m"]) -> Shaped[ndarray, "m k"]:
    """`table[at]`, several times as fast: a row is moved in one piece."""
    rows = table.view(np.dtype((np.void, table.itemsize * table.shape[1]))).reshape(-1)
    return rows.take(at).view(table.dtype).reshape(-1, table.shape[1])


def put_rows(table: Shaped[ndarray, "n k"], at: Int[ndarray, "m"], rows: Shaped[ndarray, "m k"]) -> None:
    """`table[at] = rows` for a contiguous `table`, several times as fast."""
    whole = np.dtype((np.void, table.itemsize * table.shape[1]))
    table.view(whole).reshape(-1)[at] = np.ascontiguousarray(rows, table.dtype).view(whole).reshape(-1)


def _facing(grid: Float32[ndarray, "rows columns 3"]) -> Bool[ndarray, "cells"]:
    """The cells of a grid that look at the viewer, and those next to them."""
    down = grid[1:, 1:, :2] - grid[:-1, :-1, :2]
    up = grid[:-1, 1:, :2] - grid[1:, :-1, :2]
    front = up[..., 0] * down[..., 1] > up[..., 1] * down[..., 0]
    return cv2.dilate(front.view(np.uint8), _AROUND).reshape(-1).view(bool)


@cache
def _triangles(rows: int, columns: int) -> Int32[ndarray, "cells 2 3"]:
    """The two triangles of each cell of a grid, as indices of its points."""
    at = np.arange(rows * columns, dtype=np.int32).reshape(rows, columns)
    a, b, c, d = (part.reshape(-1) for part in (at[:-1, :-1], at[:-1, 1:], at[1:, 1:], at[1:, :-1]))
    return np.stack([np.stack([a, b, c], -1), np.stack([a, c, d], -1)], axis=1)


@cache
def _own_places(rows: int, columns: int) -> Float32[ndarray, "points 3"]:
    """What `rasterise` gives at each point of a grid."""
    row, column = np.meshgrid(np.linspace(0, 1, rows), np.linspace(0, 1, columns), indexing="ij")
    return np.stack([row, column, 0 * row], axis=-1).reshape(-1, 3).astype(np.float32)


@cache
def _raster_settings() -> cv2.TriangleRasterizeSettings:
    """What looks away is drawn too, and values run evenly between the corners."""
    settings = cv2.TriangleRasterizeSettings()
    settings.setShadingType(cv2.RASTERIZE_SHADING_SHADED)
    settings.setCullingMode(cv2.RASTERIZE_CULLING_NONE)
    return settings
