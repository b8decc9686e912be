"""Layer of a mask over a photo: projected cloth, straps, occluding hair, blur, grain and contact shadow."""

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
from maskgen.rendering.projection import Box, Looseness, Places, box_around
from maskgen.rendering.stage import Stage
from maskgen.rendering.straps import draw_straps

SHADOW_REACH = 0.07  # head units: sigma of the shadow's blur
REACHES = 2.2  # sigmas beyond which a shadow is too faint to see
SHARP = 0.2  # pixels: no blur below this sigma
SHADOW_DEPTH = 0.42  # fraction of the light that contact takes away
STRAP_LIGHT = 0.75  # fraction of the light on straps, which lie at the side of the face
BLUR_REACH = 2.5  # sigmas beyond which a pixel's weight is below a hundredth
HALF = 128  # opacity from which a flat mask is painted
REMEMBERED = 256  # cached blur kernels
COARSE = 1.25  # pixels: smallest sigma, on the coarser grid, of a shadow that is drawn on a coarser grid

_NOTHING = np.zeros((0, 0), np.uint8)


@dataclass(frozen=True)
class Layer:
    """Mask, straps and shadow over the photo inside `box`.

    Attributes:
        box: the pixels it covers.
        colour: premultiplied RGB, and opacity, 0-255.
        strap: the part of the opacity that belongs to straps, 0-255.
        shade: fraction of the photo's light that the shadow leaves, 0-255.
    """

    box: Box
    colour: UInt8[ndarray, "h w 4"]
    strap: UInt8[ndarray, "h w"]
    shade: UInt8[ndarray, "h w"]


@dataclass(frozen=True)
class DressedMask:
    """Mask ready to be drawn on a face.

    Attributes:
        mask: the family.
        shell: the family's surface, worn in one way.
        dress: colours and pattern.
        loose: how its seat differs from the ideal.
    """

    mask: Mask
    shell: Shell
    dress: Dress
    loose: Looseness


def draw_layer(stage: Stage, dressed: DressedMask, rng: np.random.Generator) -> Layer | None:
    """Draws the layer of a mask over a face.

    Args:
        stage: the face; its image is only read.
        dressed: the mask.
        rng: for creases and grain.

    Returns:
        the layer, or None if the mask lies outside the image.
    """
    mask, shell, dress = dressed.mask, dressed.shell, dressed.dress
    fit, light, softness = stage.fit, stage.light, stage.softness
    height, width = stage.image.shape[:2]
    place = seat(shell, fit, dressed.loose, stage.face.mesh, _edge(softness), (height, width))
    if place is None:
        return None
    if mask.template.look.flat:
        colour = _painted(bare(mask, shell, fit.scale), dress, place.places)
        plain = np.zeros(place.box.shape, np.uint8)
        return Layer(place.box, colour, plain, cv2.bitwise_not(plain))
    cloth = weave(mask, shell, dress, place.carried.grid, fit.scale, light, rng)
    hidden = _NOTHING
    if mask.template.straps:  # a mask without straps is wound round the head, over the hair
        hidden = in_front(stage.image, place.box, place.places, light, cloth.light)
    colour = np.empty((*place.box.shape, 4), np.uint8)
    _drape(cloth.texels, place.places, hidden, colour)
    tile, tile_top, tile_left = pick_grain(rng, softness)
    box = _whole_box(place, fit.scale, softness, height, width)
    straps = draw_straps(place.carried, shell, fit.scale, stage.image, light.skin, box)
    straps = _soft(straps[..., None], softness)[..., 0] if shell.strap_widths else straps
    layer, strap = np.empty((*box.shape, 4), np.uint8), np.empty(box.shape, np.uint8)
    _finish(
        _soft(colour, softness), straps, tile, _strap_colour(dress, light), float(light.grain),
        place.box.x0 - box.x0, place.box.y0 - box.y0, tile_left, tile_top, layer, strap,
    )  # fmt: skip
    return Layer(box, layer, strap, _contact_shadow(layer, fit.scale, light))


def _edge(softness: float) -> float:
    """Computes how many pixels around a mask its soft edge may reach."""
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
    """Projects a cloth into the photo by bilinear sampling; a pixel that shows no cloth stays 0.

    Args:
        cloth: premultiplied RGB and opacity, 0-255.
        places: the point of the cloth that is visible at each pixel.
        hidden: opacity of what occludes the cloth, 0-255; empty if nothing does.
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
    """Paints a flat mask in its first colour wherever its opacity is at least `HALF`; 0 elsewhere."""
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
    """Adds the photo's grain to a mask, and draws its straps below it.

    Args:
        colour: the mask, premultiplied RGB and opacity, 0-255.
        straps: opacity of the straps, 0-255.
        tile: grain of sigma 1, repeated.
        strap: R, G, B, 0-255, of the straps.
        grain: sigma of the photo's grain, in grey levels.
        left, top: the layer's column and row at which the mask begins.
        tile_left, tile_top: the tile's column and row at the mask's first pixel.
        layer: the result.
        seen: opacity of the straps that the mask does not cover, 0-255: a second result.
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
    """Blurs a layer by the photo's own blur; `softness` is sigma in pixels."""
    if softness <= SHARP:
        return layer
    blurred = np.empty_like(layer)
    _blur(layer, *_taps(round(softness, 2)), blurred)
    return blurred


@lru_cache(REMEMBERED)
def _taps(sigma: float) -> tuple[UInt16[ndarray, "taps"], UInt16[ndarray, "taps"]]:
    """Computes the right half of a Gaussian kernel in whole numbers that sum to 256, and to 65,536 (16 bits)."""
    bell = _bell(sigma).astype(np.float64)
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
    """Blurs an image by a separable kernel; pixels beyond the edge repeat the edge.

    Args:
        layer: image of any number of channels.
        down: vertical weights by distance from the pixel; the whole kernel sums to 256.
        across: horizontal weights by distance; the whole kernel sums to 65,536, or to one less.
        result: of the shape of `layer`.
    """
    reach, (h, w) = len(down) - 1, layer.shape[:2]
    around = np.pad(layer.astype(np.uint32), ((reach, reach), (reach, reach), (0, 0)), mode="edge")
    away = [abs(k - reach) for k in range(2 * reach + 1)]
    lines = np.add.reduce([around[k : k + h] * int(down[far]) for k, far in enumerate(away)])
    sums = np.add.reduce([lines[:, k : k + w] * int(across[far]) >> 16 for k, far in enumerate(away)])
    result[:] = sums + 128 >> 8


def _strap_colour(dress: Dress, light: Light) -> Int32[ndarray, "3"]:
    """Computes the colour of the straps: R, G, B, 0-255."""
    lit = [
        min(albedo * math.sqrt(gain * STRAP_LIGHT), 1.0)
        for albedo, gain in zip(dress.strap, light.gain.tolist(), strict=True)
    ]
    grey = sum(share * channel for share, channel in zip(LUMA.tolist(), lit, strict=True))
    return np.array([round(255 * (grey + (channel - grey) * light.saturation)) for channel in lit], np.int32)


def _contact_shadow(layer: UInt8[ndarray, "h w 4"], scale: float, light: Light) -> UInt8[ndarray, "h w"]:
    """Computes the fraction of the light that is left beside the mask: darker at the contact, away from the light."""
    reach = max(SHADOW_REACH * scale, 0.5)
    # a wide blur is computed on a grid of every 2nd, 4th, .. pixel: x = (x' + .5) * step - .5 + offset
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
def _bell(sigma: float) -> Float32[ndarray, "taps"]:
    """Computes a Gaussian's weights up to `BLUR_REACH` sigmas."""
    reach = math.ceil(BLUR_REACH * sigma)
    weights = np.exp(-0.5 * np.square(np.arange(-reach, reach + 1) / sigma))
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
    """Casts a shadow: shifts and blurs the layer's opacity, and takes it from the light.

    Args:
        layer: the last channel is the opacity, 0-255.
        weights: the blur's kernel on the coarse grid of every `step`-th pixel.
        step: spacing of the coarse grid in pixels.
        right, down: position of the coarse grid's first point on the layer, in pixels.
        depth: fraction of the light that full opacity takes.
        small, blurred: buffers on the coarse grid.
        shade: fraction of the light that is left, 0-255: the result.
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
    """Finds the two of `side` points around each position, and the fraction of the way between them."""
    at = np.clip(at, 0, side - 1)
    first = at.astype(np.int64)
    return first, np.minimum(first + 1, side - 1), at - first.astype(np.float32)
