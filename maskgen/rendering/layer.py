"""A mask as a layer in the photo: its cloth carried over, straps, what hangs before it, softness, grain, shadow."""

import math
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from jaxtyping import Float32, Int32, Int64, UInt8, UInt16
from numpy import ndarray

from maskgen.masks.appearance import Dress
from maskgen.masks.shell import Shell
from maskgen.masks.templates import Mask
from maskgen.native import compiled
from maskgen.rendering.cloth import bare, weave
from maskgen.rendering.lighting import LUMA, Light, pick_grain
from maskgen.rendering.occlusion import in_front
from maskgen.rendering.placement import Seat, seat
from maskgen.rendering.projection import Box, Fit, Looseness, Places, box_around
from maskgen.rendering.straps import draw_straps
from maskgen.types import RGBImage

SHADOW_REACH = 0.07  # head units, deviation of its softness
REACHES = 2.2  # deviations beyond which a shadow is too faint to see
SHARP = 0.2  # pixels; a softness below it is none
SHADOW_DEPTH = 0.42  # share of the light that contact takes away
STRAP_LIGHT = 0.75  # straps lie at the side of the face
BLUR_REACH = 2.5  # deviations of a blur beyond which a hundredth is left of a pixel
HALF = 128  # opacity from which a flat mask is painted
REMEMBERED = 256  # weights of blurs
COARSE = 1.25  # pixels; deviation down to which a blurred thing is drawn on a coarser grid

_NOTHING = np.zeros((0, 0), np.uint8)


@dataclass(frozen=True)
class Layer:
    """What lies over the photo inside `box`.

    Attributes:
        box: the pixels it covers.
        colour: premultiplied RGB, and opacity, 0-255.
        strap: the part of the opacity that is strap, 0-255.
        shade: what the shadow leaves of the light on the photo, 0-255.
    """

    box: Box
    colour: UInt8[ndarray, "h w 4"]
    strap: UInt8[ndarray, "h w"]
    shade: UInt8[ndarray, "h w"]


def draw_layer(
    mask: Mask, shell: Shell, dress: Dress, fit: Fit, mesh: Float32[ndarray, "468 3"], light: Light, loose: Looseness,
    softness: float, rng: np.random.Generator, picture: RGBImage,
) -> Layer | None:  # fmt: skip
    """Draws the layer of a mask on a face, or returns None where it lies outside the image.

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
    height, width = picture.shape[:2]
    place = seat(shell, fit, loose, mesh, _edge(softness), (height, width))
    if place is None:
        return None
    if mask.template.look.flat:
        colour = _painted(bare(mask, shell, fit.scale), dress, place.places)
        plain = np.zeros(place.box.shape, np.uint8)
        return Layer(place.box, colour, plain, cv2.bitwise_not(plain))
    cloth = weave(mask, shell, dress, place.carried.grid, fit.scale, light, rng)
    hidden = _NOTHING
    if mask.template.straps:  # what is wound round the head goes over the hair
        hidden = in_front(picture, place.box, place.places, light, cloth.light)
    colour = np.empty((*place.box.shape, 4), np.uint8)
    _drape(cloth.texels, place.places, hidden, colour)
    tile, tile_top, tile_left = pick_grain(rng, softness)
    box = _whole_box(place, fit.scale, softness, height, width)
    straps = draw_straps(place.carried, shell, fit.scale, picture, light.skin, box)
    straps = _soft(straps[..., None], softness)[..., 0] if shell.strap_widths else straps
    layer, strap = np.empty((*box.shape, 4), np.uint8), np.empty(box.shape, np.uint8)
    _finish(
        _soft(colour, softness), straps, tile, _strap_colour(dress, light), float(light.grain),
        place.box.x0 - box.x0, place.box.y0 - box.y0, tile_left, tile_top, layer, strap,
    )  # fmt: skip
    return Layer(box, layer, strap, _contact_shadow(layer, fit.scale, light))


def _edge(softness: float) -> float:
    """Pixels around a mask that its soft edge may reach."""
    return BLUR_REACH * softness + 1


def _whole_box(place: Seat, scale: float, softness: float, height: int, width: int) -> Box:
    """Finds the pixels around a mask, its straps and its shadow."""
    margin = max(REACHES * SHADOW_REACH * scale + 2, _edge(softness))
    return box_around(place.carried.bounds[1], margin, height, width)


@compiled
def _drape(
    cloth: UInt8[ndarray, "tall wide 4"],
    places: Places,
    hidden: UInt8[ndarray, "hidden_h hidden_w"],
    layer: UInt8[ndarray, "h w 4"],
) -> None:
    """Carries a cloth into the photo: each pixel a mean of four texels, nothing where none of it is seen.

    Args:
        cloth: premultiplied RGB and opacity, 0-255.
        places: which place of it is seen at each pixel.
        hidden: how far something is in front of it, 0-255; or empty for nothing.
        layer: the result.
    """
    size = np.array(cloth.shape[:2], np.float32)
    at = np.clip(places * (size * 256) - np.float32(128), 0, (size - 1) * 256).astype(np.int32)
    (row, column), (v, u) = np.moveaxis(at >> 8, -1, 0), np.moveaxis(at & 255, -1, 0)[..., None]
    texels = np.pad(cloth.astype(np.int32), ((0, 1), (0, 1), (0, 0)), mode="edge")
    top = texels[row, column] * (256 - u) + texels[row, column + 1] * u
    low = texels[row + 1, column] * (256 - u) + texels[row + 1, column + 1] * u
    seen = (top * (256 - v) + low * v + 32768) >> 16
    shown = 255 - hidden[..., None].astype(np.int32) if hidden.size else 255
    layer[:] = np.where(places[..., :1] >= 0, (seen * shown + 127) // 255, 0)


def _painted(cloth: UInt8[ndarray, "tall wide 4"], dress: Dress, places: Places) -> UInt8[ndarray, "h w 4"]:
    """Divides the mask's colour by its opacity; nothing where it is transparent."""
    draped = np.empty((*places.shape[:2], 4), np.uint8)
    _drape(cloth, places, _NOTHING, draped)
    colour = np.rint(np.append(np.array(dress.tints[0]), 1) * 255).astype(np.uint8)
    return np.where(draped[..., 3:] >= HALF, colour, np.uint8(0))


@compiled
def _finish(
    colour: UInt8[ndarray, "inner_h inner_w 4"],
    straps: UInt8[ndarray, "h w"],
    tile: Float32[ndarray, "side side"],
    strap: Int32[ndarray, "3"],
    grain: float,
    left: int,
    top: int,
    tile_left: int,
    tile_top: int,
    layer: UInt8[ndarray, "h w 4"],
    seen: UInt8[ndarray, "h w"],
) -> None:
    """Gives a mask the photo's grain, and draws its straps below it.

    Args:
        colour: the mask, premultiplied RGB and opacity, 0-255.
        straps: their opacity, 0-255.
        tile: grain of unit deviation, repeated.
        strap: R, G, B, 0-255, of the straps.
        grain: its deviation in grey levels.
        left, top: the mask's first column and row in the layer.
        tile_left, tile_top: the tile's at the mask's first.
        layer: the result.
        seen: what of the straps is not under the mask, 0-255: a second result.
    """
    rows, columns = (
        (np.arange(count) + first) % len(tile)
        for count, first in zip(colour.shape[:2], (tile_top, tile_left), strict=True)
    )
    opacity = colour[..., 3:].astype(np.float32)
    noise = tile[rows[:, None], columns][..., None] * np.float32(grain) * (opacity * np.float32(1 / 255))
    inner = slice(top, top + len(colour)), slice(left, left + colour.shape[1])
    layer[:] = 0
    layer[inner][..., :3] = np.clip(colour[..., :3] + noise, 0, opacity) + np.float32(0.5)
    layer[inner][..., 3] = colour[..., 3]
    there = layer.astype(np.int32)
    shown = (straps * (255 - there[..., 3]) + 127) // 255
    seen[:] = shown
    layer[..., :3] = np.minimum(there[..., :3] + (shown[..., None] * strap + 127) // 255, 255)
    layer[..., 3] = there[..., 3] + shown


def _soft(layer: UInt8[ndarray, "h w c"], softness: float) -> UInt8[ndarray, "h w c"]:
    """Blurs a layer as the photo is blurred; `softness` is sigma in pixels."""
    if softness <= SHARP:
        return layer
    blurred = np.empty_like(layer)
    _blur(layer, *_taps(round(softness, 2)), blurred)
    return blurred


@lru_cache(REMEMBERED)
def _taps(deviation: float) -> tuple[UInt16[ndarray, "taps"], UInt16[ndarray, "taps"]]:
    """Weights of a blur, from its middle on, whole numbers: of 256, and of 65,536 as far as 16 bits hold it."""
    bell = _bell(deviation).astype(np.float64)
    half = bell[len(bell) // 2 :]
    coarse, fine = (np.rint(half * one) for one in (256, 65536))
    for weights, one in ((coarse, 256), (fine, 65536)):
        weights[0] = min(one - 2 * weights[1:].sum(), 65535)
    return coarse.astype(np.uint16), fine.astype(np.uint16)


@compiled
def _blur(
    layer: UInt8[ndarray, "h w c"],
    down: UInt16[ndarray, "taps"],
    across: UInt16[ndarray, "taps"],
    result: UInt8[ndarray, "h w c"],
) -> None:
    """Blurs a picture, which goes on beyond its edges as it ends there.

    Args:
        layer: of any number of channels.
        down: weights of a pixel, and of those above and below it by their distance; together 256.
        across: of those left and right of it; together 65,536, or one less.
        result: as `layer`.
    """
    reach, (h, w) = len(down) - 1, layer.shape[:2]
    around = np.pad(layer.astype(np.uint32), ((reach, reach), (reach, reach), (0, 0)), mode="edge")
    away = [abs(k - reach) for k in range(2 * reach + 1)]
    lines = np.add.reduce([around[k : k + h] * int(down[far]) for k, far in enumerate(away)])
    sums = np.add.reduce([lines[:, k : k + w] * int(across[far]) >> 16 for k, far in enumerate(away)])
    result[:] = sums + 128 >> 8


def _strap_colour(dress: Dress, light: Light) -> Int32[ndarray, "3"]:
    """Computes R, G, B, 0-255, of the straps."""
    lit = [
        min(albedo * math.sqrt(gain * STRAP_LIGHT), 1.0)
        for albedo, gain in zip(dress.strap, light.gain.tolist(), strict=True)
    ]
    grey = sum(share * channel for share, channel in zip(LUMA.tolist(), lit, strict=True))
    return np.array([round(255 * (grey + (channel - grey) * light.saturation)) for channel in lit], np.int32)


def _contact_shadow(layer: UInt8[ndarray, "h w 4"], scale: float, light: Light) -> UInt8[ndarray, "h w"]:
    """Computes the fraction of the light that is left beside the mask: darker at the contact, away from the light."""
    reach = max(SHADOW_REACH * scale, 0.5)
    # so soft a thing is blurred on a grid of every second, fourth, .. pixel: x = (x' + .5) * step - .5 + away
    step = 2 ** max(0, int(math.log2(reach / COARSE)))
    height, width = layer.shape[:2]
    small = (-(-height // step), -(-width // step))
    right, down = (0.5 * step - 0.5 + 0.8 * reach * towards for towards in light.direction[:2].tolist())
    shade = np.empty((height, width), np.uint8)
    _cast(
        layer, _bell(round(reach / step, 2)), step, right, down, SHADOW_DEPTH,
        np.empty(small, np.float32), np.empty(small, np.float32), shade,
    )  # fmt: skip
    return shade


@lru_cache(REMEMBERED)
def _bell(deviation: float) -> Float32[ndarray, "taps"]:
    """Computes a Gaussian's weights up to `BLUR_REACH` sigma."""
    reach = math.ceil(BLUR_REACH * deviation)
    weights = np.exp(-0.5 * np.square(np.arange(-reach, reach + 1) / deviation))
    return (weights / weights.sum()).astype(np.float32)


@compiled
def _cast(
    layer: UInt8[ndarray, "h w 4"],
    weights: Float32[ndarray, "taps"],
    step: int,
    right: float,
    down: float,
    depth: float,
    small: Float32[ndarray, "tall wide"],
    blurred: Float32[ndarray, "tall wide"],
    shade: UInt8[ndarray, "h w"],
) -> None:
    """Casts a shadow: a layer's opacity moved, blurred, and taken from the light.

    Args:
        layer: its last channel is the opacity, 0-255.
        weights: of the blur, on a grid of every `step`-th pixel, as long as it is wide.
        step: pixels.
        right, down: where the first point of that grid lies on the opacity.
        depth: share of the light that full opacity takes.
        small, blurred: to work with; on that grid.
        shade: what is left of the light, 0-255: the result.
    """
    whole = np.floor(np.float32(right))
    left = np.arange(small.shape[1]) * step + int(whole)
    left, beside = np.clip([left, left + 1], 0, layer.shape[1] - 1)
    rows = (np.arange(len(small)) * step).astype(np.float32) + np.float32(down)
    upper, lower, share = _between(rows, len(layer))
    opacity = layer[..., 3].astype(np.float32)
    lines = opacity[upper] + (opacity[lower] - opacity[upper]) * share[:, None]
    small[:] = lines[:, left] + (lines[:, beside] - lines[:, left]) * (np.float32(right) - whole)
    for source, result in ((small, blurred), (blurred.T, small.T)):
        around = np.pad(source, ((0, 0), (len(weights) // 2,) * 2), mode="edge")
        total = np.zeros_like(source)
        for k, weight in enumerate(weights):
            total += weight * around[:, k : k + source.shape[1]]
        result[:] = total
    positions = (
        (np.arange(side, dtype=np.float32) + np.float32(0.5)) / np.float32(step) - np.float32(0.5)
        for side in shade.shape
    )
    (upper, lower, share), (left, beside, along) = map(_between, positions, small.shape)
    lines = small[upper] + (small[lower] - small[upper]) * share[:, None]
    taken = (lines[:, left] + (lines[:, beside] - lines[:, left]) * along) * np.float32(depth)
    shade[:] = np.float32(255.5) - np.clip(taken, 0, 255)


def _between(
    at: Float32[ndarray, "n"], side: int
) -> tuple[Int64[ndarray, "n"], Int64[ndarray, "n"], Float32[ndarray, "n"]]:
    """Finds the two of `side` points around each position, and how far from the first it is."""
    at = np.clip(at, 0, side - 1)
    first = at.astype(np.int64)
    return first, np.minimum(first + 1, side - 1), at - first.astype(np.float32)
