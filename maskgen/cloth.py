"""A mask's cloth, laid flat: its colours and pattern under the photo's light, as a small picture over its own u, v.

All of it is smooth over the cloth: what the template shows, the pattern, the creases, and the light on the shell. So
it is put together here, on about as many texels as the mask will have pixels, each step a few whole planes; `layer`
then carries it into the photo at once. Intensities are linear, approximated by squares of pixel values; so a light of
`g` multiplies a pixel by `sqrt(g)`.

A cloth has a whole, even number of texels in each cell of the shell's grid. Texel x, y lies in column (x + 1/2) / n
and row (y + 1/2) / m of the grid, with n and m texels a cell.
"""

from dataclasses import dataclass
from functools import cache, lru_cache

import cv2
import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from maskgen.dress import Dress
from maskgen.light import LUMA, Light
from maskgen.patterns import pattern, wrinkles
from maskgen.shell import COLUMNS, ROWS, Shell
from maskgen.templates import Mask

CELLS_ACROSS, CELLS_DOWN = COLUMNS - 1, ROWS - 1
MOST = 26, 32  # texels a cell, across and down: as many as the templates' own pictures have
REMEMBERED = 64  # templates at a size; half a megabyte each, as a rule
RELIEF_GAIN = 0.9  # measured: nearest to real masks on the judge's features between 0.6 and 1.0
DARKEST, BRIGHTEST = 0.12, 1.9  # light on creases and relief
CREASES = 0.8  # share of the tile of creases that a mask shows

Plane = Float32[ndarray, "h w"]


@dataclass(frozen=True)
class Cloth:
    """A mask's cloth, laid flat.

    Attributes:
        texels: premultiplied RGB, 0-255, and opacity, 0-1.
        light: on the bare shell, relative to a surface that faces the viewer.
    """

    texels: Float32[ndarray, "h w 4"]
    light: Plane


@dataclass(frozen=True)
class _Swatch:
    """A template at a size: the planes of `Mask.surface`, and the overlay's R, G, B, if any."""

    grey: Plane
    opacity: Plane
    slope_u: Plane
    slope_v: Plane
    overlay: tuple[Plane, ...]


def weave(
    mask: Mask,
    shell: Shell,
    dress: Dress,
    grid: Float32[ndarray, "rows columns 3"],
    scale: float,
    light: Light,
    rng: np.random.Generator,
) -> Cloth:
    """The cloth of a mask in a dress under a light.

    Args:
        mask: the family.
        shell: it, worn in some way.
        dress: its colours and pattern.
        grid: the shell in the picture.
        scale: pixels a head unit.
        light: of the photo on this face.
        rng: for creases.
    """
    size = cloth_size(shell, scale)
    swatch = _swatch(mask, size)
    shade, by_u, by_v = _on_cloth(_shading(grid, light, scale), size)
    slope_u, slope_v = swatch.slope_u, swatch.slope_v
    if mask.template.look.wrinkles > 0:
        crease_u, crease_v = _creases(mask.template.look.wrinkles, size, rng)
        slope_u, slope_v = slope_u + crease_u, slope_v + crease_v
    lit = cv2.sqrt(np.clip(shade - slope_u * by_u - slope_v * by_v, DARKEST, BRIGHTEST))
    red, green, blue = np.sqrt(light.gain)
    channels = _dyed(dress, swatch, size, light.saturation)
    return Cloth(
        cv2.merge(
            [
                channels[0] * (lit * red),
                channels[1] * (lit * green),
                channels[2] * (lit * blue),
                swatch.opacity,
            ]
        ),
        shade,
    )


def bare(mask: Mask, shell: Shell, scale: float) -> Plane:
    """The opacity of a cloth that is drawn without light."""
    return _swatch(mask, cloth_size(shell, scale)).opacity


def cloth_size(shell: Shell, scale: float) -> tuple[int, int]:
    """Width and height in texels of the cloth of a shell: about as many as pixels it would have laid flat."""
    across, down = (extent * scale for extent in shell.extent)
    texels = (across / CELLS_ACROSS, MOST[0]), (down / CELLS_DOWN, MOST[1])
    wide, tall = (min(max(2 * round(wanted / 2 + 0.25), 2), most) for wanted, most in texels)
    return wide * CELLS_ACROSS, tall * CELLS_DOWN


@lru_cache(REMEMBERED)
def _swatch(mask: Mask, size: tuple[int, int]) -> _Swatch:
    overlay = cv2.split(_shrunk(mask.overlay, size).astype(np.float32))[:3] if mask.overlay else ()
    grey, opacity, slope_u, slope_v = cv2.split(_shrunk(mask.surface, size))
    return _Swatch(grey, opacity, slope_u, slope_v, tuple(overlay))


def _shrunk(pyramid: tuple[ndarray, ...], size: tuple[int, int]) -> ndarray:
    """The smallest level of a pyramid that is no smaller than `size`, brought to it."""
    large = [level for level in pyramid if level.shape[1] >= size[0] and level.shape[0] >= size[1]]
    return cv2.resize(large[-1] if large else pyramid[0], size, interpolation=cv2.INTER_AREA)


def _dyed(dress: Dress, swatch: _Swatch, size: tuple[int, int], saturation: float) -> list[Plane]:
    """R, G, B, 0-255, of the cloth under even light."""
    grey = swatch.grey
    tints = desaturated(np.array(dress.tints, np.float32), saturation)
    if dress.artwork:
        tile = _tile_on(dress.artwork.levels, dress, size) * np.float32(dress.strength / 255)
        tile[..., :3] = desaturated(tile[..., :3], saturation)
        *inks, cover = cv2.split(tile)
        channels = [grey * (tint * (1 - cover) + ink) for tint, ink in zip(tints[0], inks, strict=True)]
    elif dress.pattern == "plain":
        channels = [grey * tint for tint in tints[0]]
    else:
        tile = _tile_on(pattern(dress.pattern, dress.variant), dress, size) * np.float32(1 / 255)
        second, third, shade, _ = cv2.split(tile)
        grey = grey * (0.5 + shade)
        channels = []
        for one, two, three in tints.T:
            mixed = one + second * (two - one)
            channels.append((mixed + third * (three - mixed)) * grey)
    if swatch.overlay:
        over = swatch.overlay
        if saturation < 1:
            over = tuple(cv2.split(desaturated(cv2.merge(over), saturation)))
        channels = [a + b for a, b in zip(channels, over, strict=True)]
    return channels


def _tile_on(levels: tuple[ndarray, ...], dress: Dress, size: tuple[int, int]) -> Float32[ndarray, "h w 4"]:
    """A tile, 0-255, repeated over the cloth, to the nearest texel."""
    wide, tall = (max(round(side / count), 1) for side, count in zip(size, dress.repeats, strict=True))
    tile = _shrunk(levels, (wide, tall))
    left, top = (round(shift * side) % side for shift, side in zip(dress.shift, (wide, tall), strict=True))
    tile = np.roll(tile, (-top, -left), (0, 1)) if left or top else tile
    right, below = max(size[0] - wide, 0), max(size[1] - tall, 0)
    return cv2.copyMakeBorder(tile, 0, below, 0, right, cv2.BORDER_WRAP)[: size[1], : size[0]].astype(
        np.float32
    )


def _creases(depth: float, size: tuple[int, int], rng: np.random.Generator) -> tuple[Plane, Plane]:
    """Slopes of creases across and down, another piece of them for each wearing."""
    amount = np.float32(depth * rng.uniform(0.3, 1.0))
    across, down = _crease_planes()
    side = len(across) // 2
    left, top = rng.integers(0, side, 2).tolist()
    piece = slice(top, top + round(CREASES * side)), slice(left, left + round(CREASES * side))
    return cv2.resize(across[piece], size) * amount, cv2.resize(down[piece], size) * amount


@cache
def _crease_planes() -> tuple[Plane, Plane]:
    """The slopes of a creased surface, twice over across and down, so that any piece of it can be cut out."""
    across, down = (np.tile(plane, (2, 2)) for plane in cv2.split(wrinkles())[:2])
    return across, down


def _on_cloth(values: Float32[ndarray, "rows columns 3"], size: tuple[int, int]) -> tuple[Plane, ...]:
    """Values at the grid's points, at each texel between them."""
    wide, tall = size[0] // CELLS_ACROSS, size[1] // CELLS_DOWN
    # enlarged by whole factors, a point becomes the middle of as many texels; half the outermost lie beyond the cloth
    large = cv2.resize(values, (COLUMNS * wide, ROWS * tall), interpolation=cv2.INTER_LINEAR)
    return tuple(cv2.split(large[tall // 2 : tall // 2 + size[1], wide // 2 : wide // 2 + size[0]]))


def _shading(
    grid: Float32[ndarray, "rows columns 3"], light: Light, scale: float
) -> Float32[ndarray, "rows columns 3"]:
    """At each grid point: the light, and how it changes with a slope along u / 2 and v.

    A rise of h head units over a way of s turns the normal by h / s against the way; a slope is the rise over the
    whole texture, which spans |tangent| / scale head units.
    """
    across, down = _differences(grid, 1), _differences(grid, 0)
    aa, dd, ad = (
        np.einsum("ijk,ijk->ij", one, two) for one, two in ((across, across), (down, down), (across, down))
    )
    x, y, z = light.direction.tolist()
    turned = down @ np.array([[0, z, -y], [-z, 0, x], [y, -x, 0]], np.float32)  # times across: the normal's
    length = np.sqrt(np.maximum(aa * dd - ad * ad, 0)) + np.float32(1e-6)
    even = light.along(np.einsum("ijk,ijk->ij", turned, across) / length)
    gain = np.float32(RELIEF_GAIN * scale)
    by_u = (across @ light.direction) * (gain / CELLS_ACROSS) / (aa + np.float32(1e-6))
    by_v = (down @ light.direction) * (gain / CELLS_DOWN) / (dd + np.float32(1e-6))
    return cv2.merge([even, by_u, by_v])


def _differences(grid: Float32[ndarray, "rows columns 3"], axis: int) -> Float32[ndarray, "rows columns 3"]:
    """Central differences of a grid along an axis, one-sided at its ends."""
    result = np.empty_like(grid)
    lines, target = (grid, result) if axis == 0 else (grid.swapaxes(0, 1), result.swapaxes(0, 1))
    np.subtract(lines[2:], lines[:-2], out=target[1:-1])
    target[1:-1] *= np.float32(0.5)
    target[0], target[-1] = lines[1] - lines[0], lines[-1] - lines[-2]
    return result


def desaturated(colour: Float32[ndarray, "*n 3"], saturation: float) -> Float32[ndarray, "*n 3"]:
    """The colours drawn towards their grey."""
    if saturation == 1:
        return colour
    grey = (colour @ LUMA)[..., None]
    return grey + (colour - grey) * np.float32(saturation)
