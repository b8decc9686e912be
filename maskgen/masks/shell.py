"""Shell of a mask: its surface on the canonical head, as a small grid of points.

A family's `[shell]` defines where the mask's edges run and how far it stands off the skin. The shell is built from it
once per family and state of wear; `maskgen.rendering.projection` then carries it onto each face.

Textures are addressed by u (-1 at the viewer's left edge, 1 at the right edge) and v (0 at the top edge, 1 at the
bottom edge). The grid reaches slightly beyond the edges, where the textures are transparent, so that the edges are as
soft as the textures make them.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Literal

import cv2
import numpy as np
from jaxtyping import Bool, Float, Float32
from numpy import ndarray
from pydantic import AfterValidator, Field, model_validator

from maskgen.faces.canonical_head import AXIS_Z, AZIMUTHS, HEIGHTS, KERNEL, Head
from maskgen.section import Section

MARGIN = 0.03  # how far the grid reaches beyond the edges, in u / 2 and v
COLUMNS, ROWS = 21, 17
STRAP_STEPS = 9
LEAST_GAP = 0.02  # smallest distance of the edges in head units, so that they do not cross


def _curve(value: list[tuple[float, float, float]]) -> list[tuple[float, float, float]]:
    sides, azimuths, heights = zip(*value, strict=True)
    if sides[0] != 0 or sides[-1] != 1 or min(np.diff(sides)) <= 0:
        raise ValueError("u must grow from 0 in the middle to 1 at the side")
    if azimuths[0] != 0 or not all(0 <= azimuth <= AZIMUTHS[-1] for azimuth in azimuths):
        raise ValueError(f"azimuths must begin with 0 and stay within 0 to {AZIMUTHS[-1]:.0f} degrees")
    if not all(HEIGHTS[0] <= height <= HEIGHTS[-1] for height in heights):
        raise ValueError(f"heights must stay within {HEIGHTS[0]:.1f} to {HEIGHTS[-1]:.1f} head units")
    return value


Curve = Annotated[list[tuple[float, float, float]], Field(min_length=2), AfterValidator(_curve)]
"""(u, azimuth, height) from the middle, u = 0, to the side, u = 1."""


class ShellShape(Section):
    """`[shell]` of a template. Azimuths are in degrees, all lengths in head units (the distance of the eyes)."""

    top: Curve
    """Upper edge, (u, azimuth, height) from the middle to the side."""
    bottom: Curve
    """Lower edge, likewise."""
    lift: Annotated[float, Field(ge=0, le=0.5)] = 0.03
    """Distance from the skin at the edges."""
    taut_down: Annotated[float, Field(ge=0, le=1)] = 1.0
    """1: stretched straight from nose to chin; 0: follows every hollow of the skin."""
    taut_across: Annotated[float, Field(ge=0, le=1)] = 0.7
    """The same from the nose to the cheeks."""
    bulge: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Height of a cup over the skin."""
    bulge_top: Annotated[float, Field(gt=0, lt=1)] = 0.5
    """v of the cup's highest point."""
    ridge: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Height of a fold that stands out along `ridge_along`."""
    ridge_along: Literal["u", "v"] = "u"
    """`u`: the fold runs down the middle (a shaped cloth mask, a KN95); `v`: it runs across (a duckbill)."""
    ridge_width: Annotated[float, Field(gt=0, le=1)] = 0.35
    """Width of the fold in u or v."""

    @model_validator(mode="after")
    def _edges_apart(self) -> "ShellShape":
        u = np.linspace(0, 1, 65)
        gap = edge(self.bottom, u)[1] - edge(self.top, u)[1]
        if gap.min() < LEAST_GAP:
            raise ValueError(
                f"the edges cross or touch: at u = {u[gap.argmin()]:.2f} top is not above bottom"
            )
        return self


class Strap(Section):
    """Strap on the viewer's right; its mirror image is on the left."""

    start: tuple[float, float]
    """u, v on the mask."""
    end: tuple[float, float]
    """Azimuth in degrees and height in head units of the point where it goes out of sight."""
    width: Annotated[float, Field(gt=0, le=0.5)] = 0.035
    """In head units."""
    lift: Annotated[float, Field(ge=0, le=0.3)] = 0.02
    """Distance from the skin, in head units; twice as far halfway along."""
    loop: bool = True
    """True: a loop to the ear, under hair. False: a band around the head, over the hair."""


@dataclass(frozen=True)
class Shell:
    """Surface of a mask on the canonical head, and the lines of its straps.

    Attributes:
        points: grid of points in the head's frame.
        uv: u and v of each point.
        straps: points of each strap from the mask to its end; first all straps on the viewer's right, then those on
            the left.
        strap_normals: normals of the skin under these points.
        strap_widths: width of each strap in head units.
        strap_loops: whether each strap is a loop to the ear, under hair.
        follow: how far each of the head's `modes` of displacement moves each point: first the points of the grid, row
            by row, then those of the straps.
    """

    points: Float32[ndarray, "rows columns 3"]
    uv: Float32[ndarray, "rows columns 2"]
    straps: Float32[ndarray, "k n 3"]
    strap_normals: Float32[ndarray, "k n 3"]
    strap_widths: tuple[float, ...]
    strap_loops: tuple[bool, ...]
    follow: Float32[ndarray, "m p"]

    @cached_property
    def everything(self) -> Float32[ndarray, "3 p"]:
        """x, y and z of the grid's points, row by row, then of the points of the straps."""
        return np.concatenate([self.points.reshape(-1, 3), self.straps.reshape(-1, 3)]).T.copy()

    @cached_property
    def slack(self) -> Float32[ndarray, "p"]:
        """How far, 0-1, each point moves with a loosely worn mask: 1 on the mask, down to 0 at a strap's end."""
        count, straps, steps = self.points.size // 3, *self.straps.shape[:2]
        along = np.tile(np.linspace(1, 0, steps, dtype=np.float32), straps)
        return np.concatenate([np.ones(count, np.float32), along])

    @cached_property
    def over_hair(self) -> Bool[ndarray, "k 1"]:
        """Whether each strap is a band over the hair."""
        return ~np.array(self.strap_loops, bool)[:, None]

    @cached_property
    def extent(self) -> tuple[float, float]:
        """Width and height in head units, measured along the cloth."""
        across, down = (np.linalg.norm(np.diff(self.points, axis=axis), axis=2).sum(axis) for axis in (1, 0))
        return float(np.median(across)), float(np.median(down))

    @property
    def aspect(self) -> float:
        """Width over height."""
        return self.extent[0] / self.extent[1]


def build_shell(shape: ShellShape, straps: list[Strap], head: Head) -> Shell:
    """Builds the shell of `shape` on `head`."""
    u = np.linspace(-1 - 2 * MARGIN, 1 + 2 * MARGIN, COLUMNS)
    v = np.linspace(-MARGIN, 1 + MARGIN, ROWS)
    points = _between_edges(shape, head, u, v)
    points = _stretch_down(points, shape.taut_down)
    points = _even_down(points)
    points = _stretch_across(points, shape.taut_across)
    points = points + _standoff(shape, u, v)[..., None] * outward(points)
    uv = np.stack(np.meshgrid(u, v), axis=-1)
    lines, strap_normals = _strap_lines(straps, points, uv, head)
    everything = np.concatenate([points.reshape(-1, 3), lines.reshape(-1, 3)])
    return Shell(
        points.astype(np.float32),
        uv.astype(np.float32),
        lines.astype(np.float32),
        strap_normals.astype(np.float32),
        tuple(strap.width for strap in straps) * 2,
        tuple(strap.loop for strap in straps) * 2,
        head.modes @ follow_weights(everything, head.steady_mesh).T,
    )


def outward(points: Float[ndarray, "rows columns 3"]) -> Float[ndarray, "rows columns 3"]:
    """Computes unit normals of a grid that point away from the head."""
    across = np.gradient(points, axis=1)
    down = np.gradient(points, axis=0)
    normal = np.cross(down, across)
    return normal / (np.linalg.norm(normal, axis=-1, keepdims=True) + 1e-9)


def follow_weights(points: Float[ndarray, "p 3"], anchors: Float[ndarray, "s 3"]) -> Float32[ndarray, "p s"]:
    """Computes Gaussian weights over `anchors`, wider for points that are far from all of them; each row sums to 1."""
    lengths = (np.square(of).sum(1) for of in (points, anchors))
    squared = np.add.outer(*lengths) - 2 * points @ anchors.T
    nearest = squared.min(1, keepdims=True)
    width = np.maximum(KERNEL, 0.7 * np.sqrt(nearest.clip(0)))
    weights = cv2.exp((nearest - squared) / (2 * width**2))  # takes a fifth of the time of NumPy
    return (weights / weights.sum(1, keepdims=True)).astype(np.float32)


def edge(curve: Curve, u: Float[ndarray, "*n"]) -> tuple[Float[ndarray, "*n"], Float[ndarray, "*n"]]:
    """Interpolates azimuth and height of an edge smoothly at u; the viewer's left is the mirror image of the right."""
    knots = np.array(curve)
    azimuth, height = _smooth_interpolation(np.abs(u), knots[:, 0], knots[:, 1:].T)
    return np.sign(u) * azimuth, height


def _smooth_interpolation(x: ndarray, at: ndarray, values: ndarray) -> ndarray:
    """Interpolates each row of values by cubic Hermite splines with finite-difference slopes.

    Beyond the last knot the interpolation is linear.
    """
    slope = np.gradient(values, at, axis=1)
    i = np.clip(np.searchsorted(at, x, side="right") - 1, 0, len(at) - 2)
    width = at[i + 1] - at[i]
    t = np.clip((x - at[i]) / width, 0, 1)
    over = np.maximum(x - at[-1], 0)
    inside = (
        (2 * t**3 - 3 * t**2 + 1) * values[:, i]
        + (t**3 - 2 * t**2 + t) * width * slope[:, i]
        + (-2 * t**3 + 3 * t**2) * values[:, i + 1]
        + (t**3 - t**2) * width * slope[:, i + 1]
    )
    return inside + np.multiply.outer(slope[:, -1], over)


def _between_edges(shape: ShellShape, head: Head, u: ndarray, v: ndarray) -> ndarray:
    """Computes points on the skin between the edges at every u, v."""
    top_azimuth, top_height = edge(shape.top, u)
    bottom_azimuth, bottom_height = edge(shape.bottom, u)
    down = v[:, None]
    azimuth = top_azimuth * (1 - down) + bottom_azimuth * down
    height = top_height * (1 - down) + bottom_height * down
    return head.surface(azimuth, height)


def _stretch_down(points: ndarray, taut: float) -> ndarray:
    """Pulls each column straight over the hollows of its profile (height, distance from the axis)."""
    x, y, z = np.moveaxis(points, -1, 0)
    radius = np.hypot(x, AXIS_Z - z)
    straight = np.stack([upper_envelope(*line) for line in zip(y.T, radius.T, strict=True)], axis=1)
    pulled = radius + taut * (straight - radius)
    return np.stack([x * pulled / radius, y, AXIS_Z - (AXIS_Z - z) * pulled / radius], axis=-1)


def _stretch_across(points: ndarray, taut: float) -> ndarray:
    """Pulls each row straight over its hollows, as seen from above."""
    result = points.copy()
    for row in range(points.shape[0]):
        x, z = points[row, :, 0], points[row, :, 2]
        front = _monotone_span(x)
        result[row, front, 2] = z[front] + taut * (-upper_envelope(x[front], -z[front]) - z[front])
    return result


def _monotone_span(x: ndarray) -> slice:
    """Finds the middle part of a row over which x grows; beyond it the row runs around the side of the head."""
    middle = len(x) // 2
    steps = np.diff(x) > 1e-4
    left = middle
    while left > 0 and steps[left - 1]:
        left -= 1
    right = middle
    while right < len(x) - 1 and steps[right]:
        right += 1
    return slice(left, right + 1)


def upper_envelope(x: Float[ndarray, "n"], y: Float[ndarray, "n"]) -> Float[ndarray, "n"]:
    """Computes the least concave curve above the points (x, y), at the same x. x must grow.

    Source: Andrew's monotone chain, 1979.
    """
    hull: list[tuple[float, float]] = []
    for c, up in zip(x.tolist(), y.tolist(), strict=True):  # plain floats take a fifth of the time
        while len(hull) > 1:
            (a, low), (b, middle) = hull[-2], hull[-1]
            if (middle - low) * (c - a) > (up - low) * (b - a):
                break
            hull.pop()
        hull.append((c, up))
    at, over = zip(*hull, strict=True)
    return np.interp(x, at, over)


def _even_down(points: ndarray) -> ndarray:
    """Resamples each column at equal distances, so that a texture is not stretched under the chin."""
    steps = np.linalg.norm(np.diff(points, axis=0), axis=2)
    length = np.concatenate([np.zeros((1, points.shape[1])), steps.cumsum(0)])
    even = np.linspace(0, length[-1], len(points))
    columns = zip(even.T, length.T, points.transpose(1, 2, 0), strict=True)
    lines = [[np.interp(at, known, values) for values in line] for at, known, line in columns]
    return np.array(lines).transpose(2, 0, 1)


def _standoff(shape: ShellShape, u: ndarray, v: ndarray) -> ndarray:
    """Computes the distance from the stretched skin at every v, u."""
    across, down = np.abs(u)[None, :].clip(0, 1), v[:, None].clip(0, 1)
    summit = np.where(down < shape.bulge_top, down / shape.bulge_top, (1 - down) / (1 - shape.bulge_top))
    cup = np.sin(np.pi / 2 * summit) * np.sqrt(1 - across**2)
    if shape.ridge_along == "u":
        fold = np.exp(-((across / shape.ridge_width) ** 2)) * np.sin(np.pi * down)
    else:
        fold = np.exp(-(((down - shape.bulge_top) / shape.ridge_width) ** 2)) * (1 - across**2)
    return shape.lift + shape.bulge * cup + shape.ridge * fold


def _strap_lines(straps: list[Strap], grid: ndarray, uv: ndarray, head: Head) -> tuple[ndarray, ndarray]:
    """Computes the points of all straps and the skin's normals under them, each `2 k, STRAP_STEPS, 3`."""
    along = np.linspace(0, 1, STRAP_STEPS)
    both = [(strap, side) for side in (1, -1) for strap in straps]
    at = [((uv - (strap.start[0] * side, strap.start[1])) ** 2).sum(-1).argmin() for strap, side in both]
    start = grid.reshape(-1, 3)[at][:, None]
    end = np.array([(strap.end[0] * side, strap.end[1]) for strap, side in both]).reshape(-1, 2, 1)
    lift = np.array([strap.lift for strap, _ in both])[:, None]
    azimuth0 = np.degrees(np.arctan2(start[..., 0], AXIS_Z - start[..., 2]))
    azimuth = azimuth0 + (end[:, 0] - azimuth0) * along
    skin = head.surface(azimuth, start[..., 1] + (end[:, 1] - start[..., 1]) * along)
    angle = np.radians(azimuth)
    normals = np.stack([np.sin(angle), np.zeros_like(angle), -np.cos(angle)], axis=-1)
    lines = skin + normals * (lift * (1 + np.sin(np.pi * along)))[..., None]
    lines += (start - lines[:, :1]) * ((1 - along) ** 2)[:, None]
    return np.array([_taut(line, along) for line in lines]).reshape(lines.shape), normals


def _taut(line: ndarray, along: ndarray) -> ndarray:
    """Pulls a strap's line straight over hollows, such as the one behind the angle of the jaw."""
    x, y, z = line.T
    radius = np.hypot(x, AXIS_Z - z)
    pull = upper_envelope(along, radius) / radius
    return np.stack([x * pull, y, AXIS_Z - (AXIS_Z - z) * pull], axis=1)
