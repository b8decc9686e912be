"""A mask as a layer in the photo: its cloth carried over, straps, what hangs before it, softness, grain, shadow."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float32, Shaped, UInt8
from numpy import ndarray

from maskgen.cloth import Cloth, bare, desaturated, weave
from maskgen.dress import Dress
from maskgen.front import in_front
from maskgen.light import Light, grain_field
from maskgen.seat import Seat, seat
from maskgen.shell import Shell
from maskgen.straps import draw_straps
from maskgen.templates import Mask
from maskgen.types import Picture
from maskgen.warp import Box, Fit, Looseness, Places, box_around, pick_rows, put_rows

SHADOW_REACH = 0.07  # head units, deviation of its softness
REACHES = 2.2  # deviations beyond which a shadow is too faint to see
SHARP = 0.2  # pixels; a softness below it is none
SHADOW_DEPTH = 0.42  # share of the light that contact takes away
STRAP_LIGHT = 0.75  # straps lie at the side of the face
BLUR_REACH = 3  # deviations of a blur beyond which nothing is left of a pixel
COARSE = 2.0  # pixels; deviation down to which a blurred thing is drawn on a coarser grid


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
    height, width = picture.shape[:2]
    place = seat(shell, fit, loose, mesh, _edge(softness), (height, width))
    if place is None:
        return None
    if mask.template.look.flat:
        colour = _painted(bare(mask, shell, fit.scale), dress, place.places)
        plain = np.zeros(place.box.shape, np.uint8)
        return Layer(place.box, colour, plain, cv2.bitwise_not(plain))
    cloth = weave(mask, shell, dress, place.carried.grid, fit.scale, light, rng)
    colour = _carried(cloth.texels, place.places)
    if mask.template.straps:  # what is wound round the head goes over the hair
        _put_behind(colour, cloth, place, light, picture)
    colour = _grained(_soft(colour, softness), softness, light.grain, rng)
    box = _whole_box(place, fit.scale, softness, height, width)
    layer = np.zeros((*box.shape, 4), np.uint8)
    layer[place.box.inside(box)] = colour
    straps = draw_straps(place.carried, shell, fit.scale, picture, light.skin, box)
    strap = _hang_straps(layer, _soft(straps, softness), _strap_colour(dress, light))
    return Layer(box, layer, strap, _contact_shadow(cv2.extractChannel(layer, 3), fit.scale, light))


def _edge(softness: float) -> float:
    """Pixels around a mask that its soft edge may reach."""
    return BLUR_REACH * softness + 1


def _whole_box(place: Seat, scale: float, softness: float, height: int, width: int) -> Box:
    """The pixels around a mask, its straps and its shadow."""
    points = np.concatenate([place.carried.grid.reshape(-1, 3), place.carried.straps.reshape(-1, 3)])
    return box_around(points, max(REACHES * SHADOW_REACH * scale + 2, _edge(softness)), height, width)


def _carried(cloth: Float32[ndarray, "tall wide *c"], places: Places) -> Float32[ndarray, "h w *c"]:
    """What of a cloth is seen at each pixel; nothing where none of it is."""
    tall, wide = cloth.shape[:2]
    row, column, _ = cv2.split(places)
    return cv2.remap(cloth, column * wide - np.float32(0.5), row * tall - np.float32(0.5), cv2.INTER_LINEAR)


def _painted(opacity: Float32[ndarray, "tall wide"], dress: Dress, places: Places) -> UInt8[ndarray, "h w 4"]:
    """The mask's colour as it is where it is opaque, nothing elsewhere."""
    opaque = cv2.compare(_carried(opacity, places), 0.5, cv2.CMP_GE)
    colour = np.rint(np.append(np.array(dress.tints[0]), 1) * 255).astype(np.uint8)
    return cv2.bitwise_and(cv2.merge([opaque] * 4), np.broadcast_to(colour, (*opaque.shape, 4)).copy())


def _put_behind(
    colour: Float32[ndarray, "r c 4"], cloth: Cloth, place: Seat, light: Light, picture: Picture
) -> None:
    """Take from a mask what hair and the rims of glasses hide of it."""
    at, hidden = in_front(picture, place.box, place.places, light, cloth.light)
    if len(at):
        pixels = colour.reshape(-1, 4)
        put_rows(pixels, at, pick_rows(pixels, at) * (1 - hidden)[:, None])


def _grained(
    colour: Float32[ndarray, "h w 4"], softness: float, grain: float, rng: np.random.Generator
) -> UInt8[ndarray, "h w 4"]:
    """A mask with the photo's grain, its opacity 0-255 as its colours are."""
    opacity = cv2.extractChannel(colour, 3)
    noise = cv2.multiply(opacity, grain_field(rng, opacity.shape, softness), scale=grain)
    return cv2.add(colour, cv2.merge([noise, noise, noise, opacity * np.float32(254)]), dtype=cv2.CV_8U)


def _hang_straps(
    layer: UInt8[ndarray, "h w 4"], straps: UInt8[ndarray, "h w"], colour: Float32[ndarray, "4"]
) -> UInt8[ndarray, "h w"]:
    """Draw straps of an opacity into a layer, below the mask; what is seen of them."""
    pixels, at = layer.reshape(-1, 4), np.flatnonzero(straps)
    there = pick_rows(pixels, at)
    shown = straps.reshape(-1)[at] * (255 - there[:, 3].astype(np.float32)) * np.float32(1 / 255)
    seen = np.zeros(layer.shape[:2], np.uint8)
    seen.reshape(-1)[at] = np.rint(shown)
    put_rows(pixels, at, np.minimum(np.rint(there + shown[:, None] * colour), 255))
    return seen


def _soft(layer: Shaped[ndarray, "h w *c"], softness: float) -> Shaped[ndarray, "h w *c"]:
    """A layer as blurred as the photo; `softness` is the deviation in pixels."""
    if softness <= SHARP:
        return layer
    side = 2 * math.ceil(BLUR_REACH * softness) + 1
    return cv2.GaussianBlur(layer, (side, side), softness, borderType=cv2.BORDER_REPLICATE)


def _strap_colour(dress: Dress, light: Light) -> Float32[ndarray, "4"]:
    """R, G, B and opacity, 0-1, of the straps."""
    albedo = np.array([dress.strap], np.float32)
    lit = np.minimum(albedo * np.sqrt(light.gain * np.float32(STRAP_LIGHT)), 1)
    return np.append(desaturated(lit, light.saturation), np.float32(1))


def _contact_shadow(opacity: UInt8[ndarray, "h w"], scale: float, light: Light) -> UInt8[ndarray, "h w"]:
    """What is left of the light beside the mask: darker where it touches, away from the light."""
    reach = max(SHADOW_REACH * scale, 0.5)
    # so soft a thing is blurred on a grid of every second, fourth, .. pixel: x = (x' + .5) * step - .5 - away
    step = 2 ** max(0, int(math.log2(reach / COARSE)))
    height, width = opacity.shape
    small = (-(-width // step), -(-height // step))
    right, down = ((0.5 - 0.8 * reach * towards) / step - 0.5 for towards in light.direction[:2].tolist())
    there = np.array([[1 / step, 0, right], [0, 1 / step, down]], np.float32)
    moved = cv2.warpAffine(opacity, there, small, borderMode=cv2.BORDER_REPLICATE)
    side = 2 * math.ceil(BLUR_REACH * reach / step) + 1
    shade = cv2.bitwise_not(
        cv2.convertScaleAbs(cv2.GaussianBlur(moved, (side, side), reach / step), alpha=SHADOW_DEPTH)
    )
    if step > 1:
        shade = cv2.resize(shade, (small[0] * step, small[1] * step), interpolation=cv2.INTER_LINEAR)
    return np.ascontiguousarray(shade[:height, :width])
