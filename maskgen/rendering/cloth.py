"""Flat texture of a mask ("cloth"): colours and pattern under the photo's light, as a small image over u, v.

The template, the pattern, the creases and the light on the shell all vary smoothly over the mask. So they are combined
here, on about as many texels as the mask will have pixels, and `layer` maps the result into the photo in one step.
Intensities are linear, approximated by squares of pixel values; so light `g` multiplies a pixel by `sqrt(g)`.

A cloth has an even integer number of texels in each cell of the shell's grid. Texel x, y lies in column (x + 1/2) / n
and row (y + 1/2) / m of the grid, with n x m texels per cell.
"""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from jaxtyping import Float32, Int16, UInt8
from numpy import ndarray

from maskgen.masks.appearance import Dress
from maskgen.masks.patterns import pattern, wrinkles
from maskgen.masks.shell import COLUMNS, ROWS, Shell
from maskgen.masks.templates import Mask
from maskgen.native import compiled
from maskgen.rendering.lighting import LUMA, Light, lit_along
from maskgen.seeds import between

CELLS_ACROSS, CELLS_DOWN = COLUMNS - 1, ROWS - 1
MOST = 26, 32  # texels per cell, across and down: the resolution of the template images
REMEMBERED = 64  # cached (template, size) pairs, usually an eighth of a megabyte each
RELIEF_GAIN = 0.9  # measured: from 0.6 to 1.0, image features are nearest to those of photos of real masks
DARKEST, BRIGHTEST = 0.12, 1.9  # limits of the light on creases and relief
CREASES = 0.8  # fraction of the crease tile that a mask shows
ORIGINS = 256  # possible start positions in the crease tile, across and down
STEEP = 1024  # fixed-point scale of slopes: an integer slope of STEEP is 1
_LIMITS = np.array([DARKEST, BRIGHTEST, *LUMA], np.float32)
_BARE = np.zeros((0, 0, 4), np.uint8)


@dataclass(frozen=True)
class Cloth:
    """Flat texture of a mask.

    Attributes:
        texels: premultiplied RGB and opacity, 0-255; no colour exceeds the opacity.
        light: light on the smooth shell at the grid points, relative to a surface that faces the viewer.
    """

    texels: UInt8[ndarray, "h w 4"]
    light: Float32[ndarray, "rows columns"]


@dataclass(frozen=True)
class _Swatch:
    """Template resampled to one size: the planes of `Mask.surface`, and R, G, B of the overlay, if any.

    Attributes:
        grey, opacity: 0-255.
        slopes: along u / 2 and along v, in units of 1 / `STEEP`.
        overlay: 0-255; empty if the template has no overlay.
    """

    grey: UInt8[ndarray, "h w"]
    opacity: UInt8[ndarray, "h w"]
    slopes: Int16[ndarray, "2 h w"]
    overlay: UInt8[ndarray, "3 tall wide"]


def weave(
    mask: Mask,
    shell: Shell,
    dress: Dress,
    grid: Float32[ndarray, "rows columns 3"],
    scale: float,
    light: Light,
    rng: np.random.Generator,
) -> Cloth:
    """Renders the cloth of a mask in an appearance under a light.

    Args:
        mask: the mask's family.
        shell: shell of the mask for one way of wearing it.
        dress: colours and pattern.
        grid: points of the shell in the image, pixels.
        scale: pixels per head unit.
        light: the photo's light on this face.
        rng: random generator for the creases.
    """
    size = cloth_size(shell, scale)
    swatch = _swatch(mask, size)
    cells = np.empty((*grid.shape[:2], 3), np.float32)
    gain = RELIEF_GAIN * scale
    _shade(np.ascontiguousarray(grid), light.direction, gain / CELLS_ACROSS, gain / CELLS_DOWN, cells)
    depth, top, left = _creases(mask.template.look.wrinkles, rng)
    creases = _crease_tile(size)
    tile, tile_top, tile_left = _tile(dress, size)
    texels = np.empty((size[1], size[0], 4), np.uint8)
    _lay(
        cells, swatch.grey, swatch.opacity, swatch.slopes, swatch.overlay, creases, tile,
        np.array(dress.tints, np.float32), np.sqrt(light.gain), _LIMITS, float(light.saturation), depth / STEEP,
        dress.strength / 255 if dress.artwork else 0.0, top * creases.shape[1] // ORIGINS,
        left * creases.shape[2] // ORIGINS, tile_top, tile_left, texels,
    )  # fmt: skip
    return Cloth(texels, np.ascontiguousarray(cells[..., 0]))


def bare(mask: Mask, shell: Shell, scale: float) -> UInt8[ndarray, "h w 4"]:
    """Returns the texels of a cloth drawn without light: white, premultiplied by the mask's opacity."""
    return cv2.merge([_swatch(mask, cloth_size(shell, scale)).opacity] * 4)


def cloth_size(shell: Shell, scale: float) -> tuple[int, int]:
    """Computes width and height of a shell's cloth in texels: about the pixels that it would cover if laid flat."""
    across, down = (extent * scale for extent in shell.extent)
    texels = (across / CELLS_ACROSS, MOST[0]), (down / CELLS_DOWN, MOST[1])
    wide, tall = (min(max(2 * round(wanted / 2 + 0.25), 2), most) for wanted, most in texels)
    return wide * CELLS_ACROSS, tall * CELLS_DOWN


@lru_cache(REMEMBERED)
def _swatch(mask: Mask, size: tuple[int, int]) -> _Swatch:
    overlay = np.zeros((3, 0, 0), np.uint8)
    if mask.overlay:
        overlay = np.ascontiguousarray(np.moveaxis(_shrunk(mask.overlay, size)[..., :3], -1, 0))
    grey, opacity, *slopes = cv2.split(_shrunk(mask.surface, size))
    return _Swatch(_bytes(grey), _bytes(opacity * 255), _whole_slopes(np.stack(slopes)), overlay)


def _bytes(plane: Float32[ndarray, "h w"]) -> UInt8[ndarray, "h w"]:
    return np.rint(np.clip(plane, 0, 255)).astype(np.uint8)


def _whole_slopes(slopes: Float32[ndarray, "2 h w"]) -> Int16[ndarray, "2 h w"]:
    return np.rint(np.clip(slopes * STEEP, -32768, 32767)).astype(np.int16)


def _shrunk(
    pyramid: tuple[ndarray, ...], size: tuple[int, int], interpolation: int = cv2.INTER_AREA
) -> ndarray:
    """Resamples the smallest level of a pyramid that is no smaller than `size` to that size."""
    large = [level for level in pyramid if level.shape[1] >= size[0] and level.shape[0] >= size[1]]
    return cv2.resize(large[-1] if large else pyramid[0], size, interpolation=interpolation)


def _tile(dress: Dress, size: tuple[int, int]) -> tuple[UInt8[ndarray, "h w 4"], int, int]:
    """Returns the tile that is repeated over the cloth, and the tile's row and column at the first texel."""
    if not (dress.strength if dress.artwork else dress.pattern != "plain"):
        return _BARE, 0, 0  # it is invisible, and `_lay` would read an ink of 0 as a pattern
    levels = dress.artwork.levels if dress.artwork else pattern(dress.pattern, dress.variant)
    wide, tall = (max(round(side / count), 1) for side, count in zip(size, dress.repeats, strict=True))
    left, top = (round(shift * side) % side for shift, side in zip(dress.shift, (wide, tall), strict=True))
    return _shrunk(levels, (wide, tall), cv2.INTER_LINEAR), top, left  # a level is at most twice as large


def _creases(depth: float, rng: np.random.Generator) -> tuple[float, int, int]:
    """Draws the depth of the creases and their start row and column in the tile, in units of 1 / `ORIGINS`."""
    if depth <= 0:
        return 0.0, 0, 0
    amount = depth * between(rng, 0.3, 1.0)
    left, top = int(rng.integers(ORIGINS)), int(rng.integers(ORIGINS))
    return amount, top, left


@lru_cache(REMEMBERED)
def _crease_tile(size: tuple[int, int]) -> Int16[ndarray, "2 h w"]:
    """Computes the slopes of a creased surface across and down, in units of 1 / `STEEP`, for a cloth of `size`."""
    whole = round(size[0] / CREASES), round(size[1] / CREASES)
    return _whole_slopes(np.stack(cv2.split(cv2.resize(wrinkles(), whole))[:2]))


@compiled
def _lay(
    cells: Float32[ndarray, "rows columns 3"],
    grey: UInt8[ndarray, "h w"],
    opacity: UInt8[ndarray, "h w"],
    slopes: Int16[ndarray, "2 h w"],
    overlay: UInt8[ndarray, "3 over_h over_w"],
    creases: Int16[ndarray, "2 crease_h crease_w"],
    tile: UInt8[ndarray, "tile_h tile_w 4"],
    tints: Float32[ndarray, "3 3"],
    gains: Float32[ndarray, "3"],
    limits: Float32[ndarray, "5"],
    saturation: float,
    crease: float,
    ink: float,
    crease_top: int,
    crease_left: int,
    tile_top: int,
    tile_left: int,
    texels: UInt8[ndarray, "h w 4"],
) -> None:
    """Combines template, pattern, creases and light into the texels of a cloth.

    Args:
        cells: result of `_shade`.
        grey, opacity, slopes, overlay: fields of a swatch.
        creases: slopes of a tile that is repeated, in units of 1 / `STEEP`.
        tile: repeated tile, 0-255, or empty. A pattern holds weights of the second and third colour, and shade; an
            image holds premultiplied RGB and opacity.
        tints: R, G, B of the three colours.
        gains: factors of the light on R, G, B of a white surface that faces the viewer.
        limits: least and most light, then the luma weights of R, G, B.
        saturation: saturation of the colours, 0-1.
        crease: factor of the crease slopes.
        ink: factor of the image in `tile`; 0 for a pattern.
        crease_top, crease_left, tile_top, tile_left: rows and columns of the tiles at the first texel.
        texels: result.
    """
    h, w = grey.shape
    rows, columns = np.arange(h), np.arange(w)
    even, by_u, by_v = np.moveaxis(_on_cloth(cells, h, w), -1, 0)
    more = creases[
        :, ((rows + crease_top) % creases.shape[1])[:, None], (columns + crease_left) % creases.shape[2]
    ]
    u, v = slopes.astype(np.float32) * np.float32(1 / STEEP) + more.astype(np.float32) * np.float32(crease)
    lit = np.sqrt(np.clip(even - u * by_u - v * by_v, limits[0], limits[1]))
    dyed = grey[..., None].astype(np.float32)
    if tile.size:
        at = ((rows + tile_top) % tile.shape[0])[:, None], (columns + tile_left) % tile.shape[1]
        dyed = _dyed(dyed, tile[at].astype(np.float32), tints, ink)
    else:
        dyed = dyed * tints[0]
    if overlay.size:
        dyed = dyed + np.moveaxis(overlay, 0, -1).astype(np.float32)
    luma = dyed[..., :1] * limits[2] + dyed[..., 1:2] * limits[3] + dyed[..., 2:] * limits[4]
    colour = (luma + (dyed - luma) * np.float32(saturation)) * (lit[..., None] * gains)
    most = opacity[..., None].astype(np.float32)
    texels[..., :3] = np.clip(colour, 0, most) + np.float32(0.5)
    texels[..., 3] = opacity


def _dyed(
    grey: Float32[ndarray, "h w 1"],
    tile: Float32[ndarray, "h w 4"],
    tints: Float32[ndarray, "3 3"],
    ink: float,
) -> Float32[ndarray, "h w 3"]:
    """Computes R, G, B, 0-255, of a cloth with a pattern or an image, under even light."""
    if ink > 0:
        inks = tile * np.float32(ink)
        return grey * (tints[0] * (1 - inks[..., 3:]) + inks[..., :3])
    second, third, shade = (tile * np.float32(1 / 255))[..., :3, None].transpose(2, 0, 1, 3)
    one, two, three = tints
    mixed = one + second * (two - one)
    return (mixed + third * (three - mixed)) * (grey * (np.float32(0.5) + shade))


def _on_cloth(cells: Float32[ndarray, "rows columns 3"], h: int, w: int) -> Float32[ndarray, "tall wide 3"]:
    """Interpolates values at the grid points linearly at each texel."""
    (row, v), (column, u) = (
        (at // each, ((at % each).astype(np.float32) + np.float32(0.5)) * (np.float32(1) / np.float32(each)))
        for at, each in ((np.arange(h), h // (len(cells) - 1)), (np.arange(w), w // (cells.shape[1] - 1)))
    )
    lines = cells[row] + (cells[row + 1] - cells[row]) * v[:, None, None]
    return lines[:, column] + (lines[:, column + 1] - lines[:, column]) * u[:, None]


@compiled
def _shade(
    grid: Float32[ndarray, "rows columns 3"],
    direction: Float32[ndarray, "3"],
    across_gain: float,
    down_gain: float,
    cells: Float32[ndarray, "rows columns 3"],
) -> None:
    """Computes the light at each grid point, and its change with a slope along u / 2 and v.

    A rise of h head units over a distance of s tilts the normal by h / s against the direction of the rise. A slope is
    the rise over the whole texture, which spans |tangent| / scale head units.

    Args:
        grid: points of the shell in the image, pixels.
        direction: `Light.direction`.
        across_gain, down_gain: gain of the slopes, times pixels per head unit, divided by cells per texture.
        cells: result: the light and its two derivatives.
    """
    across, down = _differences(grid, 1), _differences(grid, 0)
    aa, dd, ad = _dot(across, across), _dot(down, down), _dot(across, down)
    length = np.sqrt(np.maximum(aa * dd - ad * ad, 0)) + np.float32(1e-6)
    cells[..., 0] = lit_along(_dot(np.cross(down, across), direction) / length, direction)
    cells[..., 1] = _dot(across, direction) * np.float32(across_gain) / (aa + np.float32(1e-6))
    cells[..., 2] = _dot(down, direction) * np.float32(down_gain) / (dd + np.float32(1e-6))


def _dot(one: Float32[ndarray, "*n 3"], other: Float32[ndarray, "*_ 3"]) -> Float32[ndarray, "*n"]:
    """Computes dot products; sums in the order x, y, z."""
    return one[..., 0] * other[..., 0] + one[..., 1] * other[..., 1] + one[..., 2] * other[..., 2]


def _differences(grid: Float32[ndarray, "rows columns 3"], axis: int) -> Float32[ndarray, "rows columns 3"]:
    """Computes central differences of a grid along an axis, one-sided at its ends."""
    result = np.empty_like(grid)
    lines, target = (grid, result) if axis == 0 else (grid.swapaxes(0, 1), result.swapaxes(0, 1))
    np.subtract(lines[2:], lines[:-2], out=target[1:-1])
    target[1:-1] *= np.float32(0.5)
    target[0], target[-1] = lines[1] - lines[0], lines[-1] - lines[-2]
    return result
