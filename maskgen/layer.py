"""A mask as a layer in the photo: texture, the photo's light on its surface, straps, softness, grain, shadow.

Intensities are linear, approximated by squares of pixel values; so a light of `g` multiplies a pixel by `sqrt(g)`.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float32, Shaped
from numpy import ndarray

from maskgen.dress import Dress
from maskgen.front import in_front
from maskgen.light import LUMA, Light, grain_field
from maskgen.patterns import pattern, wrinkles
from maskgen.seat import Seat, seat
from maskgen.shell import COLUMNS, MARGIN, ROWS, Shell
from maskgen.straps import draw_straps
from maskgen.templates import Mask
from maskgen.types import Picture
from maskgen.warp import Box, Fit, Looseness, Seen, pick_rows, put_rows

SHADOW_REACH = 0.07  # head units
SHADOW_DEPTH = 0.42  # share of the light that contact takes away
STRAP_LIGHT = 0.75  # straps lie at the side of the face
BLUR_REACH = 3  # deviations of a blur beyond which nothing is left of a pixel
COARSE = 2.0  # pixels; deviation down to which a blurred thing is drawn on a coarser grid
FOLD = 1024  # columns of the rectangle that a list of points is folded into
RELIEF_GAIN = 0.9  # measured: nearest to real masks on the judge's features between 0.6 and 1.0


Channel = Float32[ndarray, "r f"]
Places = Float32[ndarray, "r f 2"]  # 0-1 across and down a picture


@dataclass(frozen=True)
class Layer:
    """What lies over the photo inside `box`.

    Attributes:
        box: the pixels it covers.
        colour: premultiplied RGB, 0-255, and opacity, 0-1.
        strap: the part of the opacity that is strap, 0-1.
        shade: what the shadow leaves of the light on the photo, 0-1.
    """

    box: Box
    colour: Float32[ndarray, "h w 4"]
    strap: Float32[ndarray, "h w"]
    shade: Float32[ndarray, "h w"]


def draw_layer(
    mask: Mask, shell: Shell, dress: Dress, fit: Fit, mesh: Float32[ndarray, "468 3"], light: Light, loose: Looseness,
    softness: float, rng: np.random.Generator, picture: Picture,
) -> Layer | None:  # fmt: skip
    """The layer of a mask on a face, or None where it lies outside the picture.

    Args:
        mask: the family.
        shell: it, worn in some way.
        dress: its colours and pattern.
        fit: the head's place in the picture.
        mesh: of the face, pixels.
        light: of the photo on this face.
        loose: how it sits.
        softness: deviation in pixels of the blur that an edge of the photo has.
        rng: for creases and grain.
        picture: what the layer will lie over.
    """
    place = seat(shell, fit, loose, mesh, 2.2 * SHADOW_REACH * fit.scale + 2, picture.shape[:2])
    if place is None:
        return None
    carried, box, seen = place.carried, place.box, place.seen
    colour = np.zeros((*box.shape, 4), np.float32)
    if mask.template.look.flat:
        put_rows(colour.reshape(-1, 4), seen.at, _flat_colour(mask, dress, seen))
        return Layer(box, colour, np.zeros(box.shape, np.float32), np.ones(box.shape, np.float32))
    put_rows(colour.reshape(-1, 4), seen.at, _lit_colour(mask, dress, place, light, fit.scale, picture, rng))
    strap = draw_straps(carried, shell, fit.scale, picture, light.skin, box)
    _hang_straps(colour.reshape(-1, 4), strap.reshape(-1), _strap_colour(dress, light))
    if softness > 0.2:
        side = 2 * int(np.ceil(BLUR_REACH * softness)) + 1
        colour = cv2.GaussianBlur(colour, (side, side), softness, borderType=cv2.BORDER_REPLICATE)
        strap = cv2.GaussianBlur(strap, (side, side), softness, borderType=cv2.BORDER_REPLICATE)
    opacity = cv2.extractChannel(colour, 3)
    grain = grain_field(rng, box.shape, softness) * (opacity * np.float32(light.grain))
    colour = cv2.add(colour, cv2.merge([grain, grain, grain, np.zeros_like(grain)]))
    return Layer(box, colour, strap, _contact_shadow(opacity, fit.scale, light))


def _hang_straps(
    layer: Float32[ndarray, "n 4"], strap: Float32[ndarray, "n"], colour: Float32[ndarray, "4"]
) -> None:
    """Draw straps of an opacity into a layer, below the mask; `strap` keeps what is seen of them."""
    held = np.flatnonzero(strap > 0)
    there = pick_rows(layer, held)
    strap[held] *= 1 - there[:, 3]
    put_rows(layer, held, there + strap[held, None] * colour)


def _lit_colour(
    mask: Mask,
    dress: Dress,
    place: Seat,
    light: Light,
    scale: float,
    picture: Picture,
    rng: np.random.Generator,
) -> Float32[ndarray, "n 4"]:
    """Premultiplied RGB, 0-255, and opacity, 0-1, of the mask where it is seen."""
    carried, box, seen = place.carried, place.box, place.seen
    across = float(np.linalg.norm(carried.grid[ROWS // 2, -1] - carried.grid[ROWS // 2, 0]))
    places, count = _places(seen.uv), len(seen.at)
    grey, opacity, slope_u, slope_v = cv2.split(_lookup(_level(mask.surface, across), places))
    if mask.template.look.wrinkles > 0:
        crease_u, crease_v, _, _ = cv2.split(_creases(mask.template.look.wrinkles, places, rng))
        slope_u, slope_v = slope_u + crease_u, slope_v + crease_v
    even, by_u, by_v, _ = cv2.split(_lookup(_shading(carried.grid, light, scale), places))
    lit = cv2.sqrt(np.clip(even - slope_u * by_u - slope_v * by_v, 0.12, 1.9))
    if mask.template.straps:  # what is wound round the head goes over the hair
        shown = np.ones_like(lit)
        shown.reshape(-1)[:count] -= in_front(picture, box, seen, light, even.reshape(-1)[:count])
        lit, opacity = lit * shown, opacity * shown
    channels = _dressed(mask, dress, grey, places, across, light.saturation)
    lit_channels = [
        channel * (lit * gain) for channel, gain in zip(channels, np.sqrt(light.gain), strict=True)
    ]
    return cv2.merge([*lit_channels, opacity]).reshape(-1, 4)[:count]


def _flat_colour(mask: Mask, dress: Dress, seen: Seen) -> Float32[ndarray, "n 4"]:
    """The mask's colour as it is where it is opaque, nothing elsewhere."""
    surface = _lookup(mask.surface[0], _places(seen.uv)).reshape(-1, 4)[: len(seen.at)]
    opaque = surface[:, 1:2] >= 0.5
    return np.where(
        opaque, np.append(np.array(dress.tints[0], np.float32) * 255, np.float32(1)), np.float32(0)
    )


def _dressed(
    mask: Mask, dress: Dress, grey: Channel, places: Places, across: float, saturation: float
) -> list[Channel]:
    """R, G, B, 0-255, of the mask in its colours under even light, at each place; `grey` is what they multiply."""
    tints = _desaturated(np.array(dress.tints, np.float32), saturation)
    if dress.artwork:
        drawn = _pattern_at(dress, dress.artwork.levels, places, across) * np.float32(dress.strength)
        drawn[..., :3] = _desaturated(drawn[..., :3], saturation)
        *inks, cover = cv2.split(drawn)
        channels = [grey * (tint * (1 - cover) + ink) for tint, ink in zip(tints[0], inks, strict=True)]
    elif dress.pattern == "plain":
        channels = [grey * tint for tint in tints[0]]
    else:
        second, third, shade, _ = cv2.split(
            _pattern_at(dress, pattern(dress.pattern, dress.variant), places, across)
        )
        grey = grey * (0.5 + shade)
        channels = []
        for one, two, three in tints.T:
            mixed = one + second * (two - one)
            channels.append((mixed + third * (three - mixed)) * grey)
    if mask.overlay:
        over = _lookup(_level(mask.overlay, across), places).astype(np.float32)
        if saturation < 1:
            over[..., :3] = _desaturated(over[..., :3], saturation)
        channels = [a + b for a, b in zip(channels, cv2.split(over), strict=False)]
    return channels


def _pattern_at(
    dress: Dress, levels: tuple[ndarray, ...], places: Places, across: float
) -> Float32[ndarray, "r f 4"]:
    """A tile, 0-1, repeated over the mask."""
    tile = _level(levels, across / dress.repeats[0])
    return _lookup(tile, _repeated(places, dress.repeats, dress.shift)) * np.float32(1 / 255)


def _creases(depth: float, places: Places, rng: np.random.Generator) -> Float32[ndarray, "r f 4"]:
    """Slopes of creases, another piece of them for each wearing."""
    amount = np.float32(depth * rng.uniform(0.3, 1.0))
    shift = rng.random(2)
    return _lookup(wrinkles(), _repeated(places, (0.8, 0.8), (float(shift[0]), float(shift[1])))) * amount


def _repeated(places: Places, repeats: tuple[float, float], shift: tuple[float, float]) -> Places:
    """The places on a tile that is repeated over the mask."""
    moved = places * _pairs(places.shape, repeats)
    moved += _pairs(places.shape, shift)
    return moved - np.floor(moved)


def _level(pyramid: tuple[ndarray, ...], across: float) -> ndarray:
    """The level of a pyramid whose width is next above `across` pixels, so that nothing is skipped."""
    return pyramid[int(np.clip(np.log2(pyramid[0].shape[1] / max(across, 1.0)), 0, len(pyramid) - 1))]


def _places(uv: Float32[ndarray, "n 2"]) -> Places:
    """Where u, v lie on a picture over the shell's grid, 0-1 across and down.

    OpenCV's remap takes no more than 32,766 rows, so the list of points is folded into a rectangle.
    """
    places = np.zeros((-(-len(uv) // FOLD), FOLD, 2), np.float32)
    # u runs from -1 - 2 MARGIN to 1 + 2 MARGIN, v from -MARGIN to 1 + MARGIN
    flat = places.reshape(-1, 2)[: len(uv)]
    np.multiply(uv, _pairs(uv.shape, (0.5 / (1 + 2 * MARGIN), 1 / (1 + 2 * MARGIN))), out=flat)
    flat += _pairs(uv.shape, ((0.5 + MARGIN) / (1 + 2 * MARGIN), MARGIN / (1 + 2 * MARGIN)))
    return places


def _pairs(shape: tuple[int, ...], pair: tuple[float, float]) -> Float32[ndarray, "..."]:
    """A pair of numbers at each place: numpy is slow to repeat one itself."""
    return np.full(shape[:-1], np.array(pair, np.float32).view(np.float64)[0]).view(np.float32).reshape(shape)


def _lookup(picture: ndarray, places: Places) -> Shaped[ndarray, "r f 4"]:
    """Values of a picture of four channels at places."""
    rows, columns = picture.shape[:2]
    at = places * _pairs(places.shape, (columns - 1.0, rows - 1.0))
    return cv2.remap(picture, at, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _shading(
    grid: Float32[ndarray, "rows columns 3"], light: Light, scale: float
) -> Float32[ndarray, "rows columns 4"]:
    """At each grid point: the light, and how it changes with a slope along u / 2 and v; the last channel is empty.

    A rise of h head units over a way of s turns the normal by h / s against the way; a slope is the rise over the
    whole texture, which spans |tangent| / scale head units.
    """
    across, down = _differences(grid, 1), _differences(grid, 0)
    aa, dd = np.einsum("ijk,ijk->ij", across, across), np.einsum("ijk,ijk->ij", down, down)
    ad = np.einsum("ijk,ijk->ij", across, down)
    x, y, z = light.direction
    turned = down @ np.array([[0, z, -y], [-z, 0, x], [y, -x, 0]], np.float32)  # times across: the normal's
    length = np.sqrt(np.maximum(aa * dd - ad * ad, 0)) + np.float32(1e-6)
    result = np.zeros((*grid.shape[:2], 4), np.float32)
    result[..., 0] = light.along(np.einsum("ijk,ijk->ij", turned, across) / length)
    for i, (tangent, squared, steps) in enumerate(((across, aa, COLUMNS - 1), (down, dd, ROWS - 1))):
        gain = RELIEF_GAIN * scale / steps
        result[..., i + 1] = (tangent @ light.direction) * gain / (squared + 1e-6)
    return result


def _differences(grid: Float32[ndarray, "rows columns 3"], axis: int) -> Float32[ndarray, "rows columns 3"]:
    """Central differences of a grid along an axis, one-sided at its ends."""
    lines = np.moveaxis(grid, axis, 0)
    result = np.empty_like(grid)
    target = np.moveaxis(result, axis, 0)
    target[1:-1] = (lines[2:] - lines[:-2]) * np.float32(0.5)
    target[0], target[-1] = lines[1] - lines[0], lines[-1] - lines[-2]
    return result


def _strap_colour(dress: Dress, light: Light) -> Float32[ndarray, "4"]:
    """RGB, 0-255, of the straps, and opacity 1."""
    albedo = np.array([dress.strap], np.float32)
    lit = np.minimum(albedo * np.sqrt(light.gain * np.float32(STRAP_LIGHT)), 1) * np.float32(255)
    return np.append(_desaturated(lit, light.saturation), np.float32(1))


def _desaturated(colour: Float32[ndarray, "*n 3"], saturation: float) -> Float32[ndarray, "*n 3"]:
    """The colours drawn towards their grey."""
    grey = (colour @ LUMA)[..., None]
    return grey + (colour - grey) * np.float32(saturation)


def _contact_shadow(opacity: Float32[ndarray, "h w"], scale: float, light: Light) -> Float32[ndarray, "h w"]:
    """What is left of the light beside the mask: darker where it touches, away from the light."""
    reach = SHADOW_REACH * scale
    away = -light.direction[:2] * np.float32(0.8 * reach)
    # so soft a thing is blurred on a grid of every second, fourth, .. pixel: x = (x' + .5) * step - .5 - away
    step = 2 ** max(0, int(np.log2(max(reach, 0.5) / COARSE)))
    height, width = opacity.shape
    small = (-(-width // step), -(-height // step))
    offset = (away + np.float32(0.5)) / np.float32(step) - np.float32(0.5)
    moved = cv2.warpAffine(
        opacity,
        np.array([[1 / step, 0, offset[0]], [0, 1 / step, offset[1]]], np.float32),
        small,
        borderMode=cv2.BORDER_REPLICATE,
    )
    sigma = max(reach, 0.5) / step
    side = 2 * int(np.ceil(BLUR_REACH * sigma)) + 1
    shade = 1 - np.float32(SHADOW_DEPTH) * cv2.GaussianBlur(moved, (side, side), sigma)
    if step > 1:
        shade = cv2.resize(shade, (small[0] * step, small[1] * step), interpolation=cv2.INTER_LINEAR)
    return np.ascontiguousarray(shade[:height, :width])
