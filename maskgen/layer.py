"""A mask as a layer in the photo: texture, the photo's light on its surface, straps, softness, grain, shadow.

Intensities are linear, approximated by squares of pixel values; so a light of `g` multiplies a pixel by `sqrt(g)`.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float32, Shaped, UInt8
from numpy import ndarray

from maskgen.light import LUMA, Light, grain_field
from maskgen.shell import COLUMNS, MARGIN, ROWS, Shell
from maskgen.straps import draw_straps
from maskgen.templates import Mask, tint_of
from maskgen.warp import Box, Carried, Fit, Looseness, Seen, box_around, carry, rasterise

SHADOW_REACH = 0.07  # head units
SHADOW_DEPTH = 0.42  # share of the light that contact takes away
STRAP_LIGHT = 0.75  # straps lie at the side of the face
FOLD = 1024
RELIEF_GAIN = 1.5  # folds shade themselves beside turning from the light


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
    mask: Mask, shell: Shell, texture: tuple[UInt8[ndarray, "h w 4"], ...], tint: tuple[float, float, float],
    fit: Fit, light: Light, loose: Looseness, softness: float, rng: np.random.Generator, shape: tuple[int, int],
) -> Layer | None:  # fmt: skip
    """The layer of a mask on a face, or None where it lies outside the picture.

    Args:
        mask: the family.
        shell: it, worn in some way.
        texture: its albedo in a colour, all sizes, premultiplied.
        tint: the mask's colour, 0-1, which straps may share.
        fit: the head's place in the picture.
        light: of the photo on this face.
        loose: how it sits.
        softness: deviation in pixels of the blur that an edge of the photo has.
        rng: for the straps' colour and the grain.
        shape: height and width of the picture.
    """
    carried = carry(shell, fit, loose)
    box = box_around(carried, 2.2 * SHADOW_REACH * fit.scale + 2, *shape)
    if min(box.shape) < 4:
        return None
    colour = np.zeros((*box.shape, 4), np.float32)
    seen = rasterise(carried.grid, shell.uv, box)
    colour.reshape(-1, 4)[seen.at] = _lit_texture(mask, texture, carried, seen, light, fit.scale)
    strap = draw_straps(carried, tuple(width * fit.scale for width in shell.strap_widths), box)
    held = np.flatnonzero(strap)
    strap.reshape(-1)[held] *= 1 - colour.reshape(-1, 4)[held, 3]
    colour.reshape(-1, 4)[held] += strap.reshape(-1)[held, None] * _strap_colour(mask, tint, light, rng)
    if softness > 0.2:
        colour = cv2.GaussianBlur(colour, (0, 0), softness, borderType=cv2.BORDER_REPLICATE)
        strap = cv2.GaussianBlur(strap, (0, 0), softness, borderType=cv2.BORDER_REPLICATE)
    opacity = cv2.extractChannel(colour, 3)
    grain = grain_field(rng, box.shape, softness) * (opacity * np.float32(light.grain))
    colour = cv2.add(colour, cv2.merge([grain, grain, grain, np.zeros_like(grain)]))
    return Layer(box, colour, strap, _contact_shadow(opacity, fit.scale, light))


def _lit_texture(
    mask: Mask, texture: tuple[ndarray, ...], carried: Carried, seen: Seen, light: Light, scale: float
) -> Float32[ndarray, "n 4"]:
    """Premultiplied RGB, 0-255, and opacity, 0-1, of the mask where it is seen."""
    across = float(np.linalg.norm(carried.grid[ROWS // 2, -1] - carried.grid[ROWS // 2, 0]))
    level = int(np.clip(np.floor(np.log2(texture[0].shape[0] / max(across, 1.0))), 0, len(texture) - 1))
    places = _places(seen.uv)
    here = _lookup(texture[level], places, len(seen.at)).astype(np.float32)
    slope = _lookup(mask.slope[level], places, len(seen.at))
    shading = _lookup(_shading(carried.grid, light, scale), places, len(seen.at))
    shade = shading[:, 0] - slope[:, 0] * shading[:, 1] - slope[:, 1] * shading[:, 2]
    if light.saturation < 1:
        here[:, :3] = _desaturated(here[:, :3], light.saturation)
    lit = np.sqrt(np.clip(shade, 0.12, 1.9))
    factors = np.empty_like(here)
    factors[:] = np.append(np.sqrt(light.gain), np.float32(1 / 255))
    for channel in range(3):
        factors[:, channel] *= lit
    return here * factors


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


def _strap_colour(
    mask: Mask, tint: tuple[float, float, float], light: Light, rng: np.random.Generator
) -> Float32[ndarray, "4"]:
    """RGB, 0-255, of the straps of one wearing, and opacity 1."""
    names = mask.template.look.strap_colours
    name = names[rng.integers(len(names))]
    albedo = np.array([tint if name == "mask" else tint_of(name, 1.0)], np.float32)
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
