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
from maskgen.warp import Box, Fit, Looseness, Seen

SHADOW_REACH = 0.07  # head units
SHADOW_DEPTH = 0.42  # share of the light that contact takes away
STRAP_LIGHT = 0.75  # straps lie at the side of the face
FOLD = 1024  # columns of the rectangle that a list of points is folded into
RELIEF_GAIN = 0.9  # measured: nearest to real masks on the judge's features between 0.6 and 1.0


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
        colour.reshape(-1, 4)[seen.at] = _flat_colour(mask, dress, seen)
        return Layer(box, colour, np.zeros(box.shape, np.float32), np.ones(box.shape, np.float32))
    colour.reshape(-1, 4)[seen.at] = _lit_colour(mask, dress, place, light, fit.scale, picture, rng)
    strap = draw_straps(carried, shell, fit.scale, picture, light.skin, box)
    held = np.flatnonzero(strap)
    strap.reshape(-1)[held] *= 1 - colour.reshape(-1, 4)[held, 3]
    colour.reshape(-1, 4)[held] += strap.reshape(-1)[held, None] * _strap_colour(dress, light)
    if softness > 0.2:
        colour = cv2.GaussianBlur(colour, (0, 0), softness, borderType=cv2.BORDER_REPLICATE)
        strap = cv2.GaussianBlur(strap, (0, 0), softness, borderType=cv2.BORDER_REPLICATE)
    opacity = cv2.extractChannel(colour, 3)
    grain = grain_field(rng, box.shape, softness) * (opacity * np.float32(light.grain))
    colour = cv2.add(colour, cv2.merge([grain, grain, grain, np.zeros_like(grain)]))
    return Layer(box, colour, strap, _contact_shadow(opacity, fit.scale, light))


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
    colour = _dressed(mask, dress, places, count, across)
    slope = _lookup(_level(mask.slope, across), places, count)
    if mask.template.look.wrinkles > 0:
        slope = slope + _creases(mask.template.look.wrinkles, places, count, rng)
    shading = _lookup(_shading(carried.grid, light, scale), places, count)
    shade = shading[:, 0] - slope[:, 0] * shading[:, 1] - slope[:, 1] * shading[:, 2]
    if light.saturation < 1:
        colour[:, :3] = _desaturated(colour[:, :3], light.saturation)
    lit = np.sqrt(np.clip(shade, 0.12, 1.9))
    factors = np.empty_like(colour)
    factors[:] = np.append(np.sqrt(light.gain), np.float32(1))
    for channel in range(3):
        factors[:, channel] *= lit
    if mask.template.straps:  # what is wound round the head goes over the hair
        factors *= (1 - in_front(picture, box, seen, light, shading[:, 0]))[:, None]
    return colour * factors


def _flat_colour(mask: Mask, dress: Dress, seen: Seen) -> Float32[ndarray, "n 4"]:
    """The mask's colour as it is where it is opaque, nothing elsewhere."""
    colour = _dressed(mask, dress, _places(seen.uv), len(seen.at), 1e6)
    opaque = colour[:, 3:] >= 0.5
    return np.where(
        opaque, np.append(np.array(dress.tints[0], np.float32) * 255, np.float32(1)), np.float32(0)
    )


def _dressed(
    mask: Mask, dress: Dress, places: Float32[ndarray, "r f 2"], count: int, across: float
) -> Float32[ndarray, "n 4"]:
    """Premultiplied RGB, 0-255, and opacity, 0-1, of the mask in its colours, under even light."""
    albedo = _lookup(_level(mask.albedo, across), places, count).astype(np.float32)
    result = np.empty((count, 4), np.float32)
    tints = [np.array(tint, np.float32) for tint in dress.tints]
    if dress.pattern == "plain":
        result[:, :3] = albedo[:, :1] * tints[0]
    else:
        tile = _pattern_at(dress, places, count, across)
        mixed = tints[0] + tile[:, :1] * (tints[1] - tints[0])
        mixed += tile[:, 1:2] * (tints[2] - mixed)
        result[:, :3] = mixed * (albedo[:, :1] * (0.5 + tile[:, 2:]))
    if mask.overlay:
        result[:, :3] += _lookup(_level(mask.overlay, across), places, count)
    result[:, 3] = albedo[:, 1] * np.float32(1 / 255)
    return result


def _pattern_at(
    dress: Dress, places: Float32[ndarray, "r f 2"], count: int, across: float
) -> Float32[ndarray, "n 3"]:
    """The pattern's tile, 0-1, repeated over the mask."""
    tile = _level(pattern(dress.pattern, dress.variant), across / dress.repeats)
    return _lookup(tile, _repeated(places, dress.repeats, dress.shift), count) * np.float32(1 / 255)


def _creases(
    depth: float, places: Float32[ndarray, "r f 2"], count: int, rng: np.random.Generator
) -> Float32[ndarray, "n 2"]:
    """Slopes of creases, another piece of them for each wearing."""
    amount = np.float32(depth * rng.uniform(0.3, 1.0))
    shift = rng.random(2)
    return _lookup(wrinkles(), _repeated(places, 0.8, (float(shift[0]), float(shift[1]))), count) * amount


def _repeated(
    places: Float32[ndarray, "r f 2"], repeats: float, shift: tuple[float, float]
) -> Float32[ndarray, "r f 2"]:
    """The places on a tile that is repeated over the mask."""
    moved = cv2.add(cv2.multiply(places, (repeats, repeats, 0.0, 0.0)), (*shift, 0.0, 0.0))
    return moved - np.floor(moved)


def _level(pyramid: tuple[ndarray, ...], across: float) -> ndarray:
    """The level of a pyramid whose width is next above `across` pixels, so that nothing is skipped."""
    return pyramid[int(np.clip(np.log2(pyramid[0].shape[1] / max(across, 1.0)), 0, len(pyramid) - 1))]


def _places(uv: Float32[ndarray, "n 2"]) -> Float32[ndarray, "r f 2"]:
    """Where u, v lie on a picture over the shell's grid, 0-1 across and down.

    OpenCV's remap takes no more than 32,766 rows, so the list of points is folded into a rectangle.
    """
    places = np.zeros((-(-len(uv) // FOLD), FOLD, 2), np.float32)
    # u runs from -1 - 2 MARGIN to 1 + 2 MARGIN, v from -MARGIN to 1 + MARGIN
    flat = places.reshape(-1, 2)[: len(uv)]
    np.multiply(uv, np.array([0.5, 1], np.float32) / (1 + 2 * MARGIN), out=flat, casting="same_kind")
    flat += np.array([0.5 + MARGIN, MARGIN], np.float32) / (1 + 2 * MARGIN)
    return places


def _lookup(picture: ndarray, places: Float32[ndarray, "r f 2"], count: int) -> Shaped[ndarray, "n c"]:
    """Values of a picture at the first `count` places."""
    rows, columns = picture.shape[:2]
    at = cv2.multiply(places, (columns - 1.0, rows - 1.0, 0.0, 0.0))
    values = cv2.remap(picture, at, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return values.reshape(-1, values.shape[-1])[:count]


def _shading(
    grid: Float32[ndarray, "rows columns 3"], light: Light, scale: float
) -> Float32[ndarray, "rows columns 3"]:
    """At each grid point: the light, and how it changes with a slope along u / 2 and v.

    A rise of h head units over a way of s turns the normal by h / s against the way; a slope is the rise over the
    whole texture, which spans |tangent| / scale head units.
    """
    across, down = _differences(grid, 1), _differences(grid, 0)
    normal = np.cross(down, across)
    normal /= np.sqrt((normal**2).sum(-1, keepdims=True)) + 1e-6
    result = np.empty_like(grid)
    result[..., 0] = light.on(normal)
    for i, (tangent, steps) in enumerate(((across, COLUMNS - 1), (down, ROWS - 1))):
        gain = RELIEF_GAIN * scale / steps
        result[..., i + 1] = (tangent @ light.direction) * gain / ((tangent**2).sum(-1) + 1e-6)
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


def _desaturated(colour: Float32[ndarray, "n 3"], saturation: float) -> Float32[ndarray, "n 3"]:
    """The colours drawn towards their grey."""
    grey = (colour @ LUMA)[:, None]
    return grey + (colour - grey) * np.float32(saturation)


def _contact_shadow(opacity: Float32[ndarray, "h w"], scale: float, light: Light) -> Float32[ndarray, "h w"]:
    """What is left of the light beside the mask: darker where it touches, away from the light."""
    reach = SHADOW_REACH * scale
    away = -light.direction[:2] * np.float32(0.8 * reach)
    shift = np.array([[1, 0, away[0]], [0, 1, away[1]]], np.float32)
    moved = cv2.warpAffine(opacity, shift, opacity.shape[::-1], borderMode=cv2.BORDER_REPLICATE)
    return 1 - np.float32(SHADOW_DEPTH) * cv2.GaussianBlur(moved, (0, 0), max(reach, 0.5))
