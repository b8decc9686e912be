"""Light and colour: the reference's own are taken off, those of the masked photo are put on."""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float32
from numpy import ndarray

Colours = Float32[ndarray, "h w 3"]
Weights = Float32[ndarray, "h w"]

SMOOTH = 0.8  # eye distances; sigma below which differences of light count as the reference's own features
HOLE_WEIGHT = 0.1  # weight of the network's result under the mask, beside 1 of the skin that both photos show
LIMITS = (0.4, 2.5)  # bounds of the correction, linear, relative to its mean over the face
FLOOR = 1e-3  # weight of the mean over the face, where neither photo shows skin nearby
SHARED = (
    0.15  # eye distances; sigma of the shapes whose colours are the mean of the reference's and the network's
)
SHARE = 0.5  # weight of the network's in that mean
# Weights of the mean colour under the mask, of CIELAB's a and b: that of the relit reference, of the network's result,
# and of the skin above the mask. Rounded from a regression of the true colour on 119 pairs of LFW's validation split.
CHROMA = np.array([[0.75, 0.0, 0.25], [0.34, 0.33, 0.33]], np.float32)
RAMP = 0.1  # eye distances; sigma over which the shift of the mean colour sets in, so that no edge shows
LEAST_SKIN = 20  # pixels, at the side of `COARSE`; with less skin above the mask its colour is not used
COARSE = 160  # pixels; longest side at which the corrections are computed


@dataclass(frozen=True)
class Evidence:
    """Colours of a face, as far as a masked photo shows them.

    Attributes:
        colours: RGB, 0-255: the masked photo, with the network's result under the mask.
        covered: 1 where the mask is, else 0.
        eyes: distance of the eyes in pixels.
    """

    colours: Colours
    covered: Weights
    eyes: float


def relit(texture: Colours, skin: Weights, target: Evidence) -> Colours:
    """Moves the smooth part of the texture's colours to that of the target.

    1. The ratio of both photos' colours, blurred by `SMOOTH`, per channel and in linear intensity, approximated by the
       square of the pixel value, is taken over, measured mostly on the skin that both show. It contains exposure, white
       balance, skin tone, and the direction of the light.
    2. Shapes larger than `SHARED` are averaged with the network's result, which knows less of the person and more of
       the light under the mask. Features that are smaller, such as lips, beard and wrinkles, are the reference's.
    3. The mean hue and saturation under the mask are the weighted mean of three estimates, see `CHROMA`.

    Args:
        texture: RGB, 0-255.
        skin: 0-1, weight of each pixel in the comparison: 0 where the texture shows no skin.
        target: the masked photo.
    """
    size = _coarse(skin.shape)
    small_texture, wanted, small_skin, covered = (
        _resized(one, size) for one in (texture, target.colours, skin, target.covered)
    )
    eyes = target.eyes * size[0] / skin.shape[1]
    weight = small_skin * (1 - (1 - np.float32(HOLE_WEIGHT)) * covered)
    ratio = _ratio(small_texture, wanted, weight, SMOOTH * eyes)
    small = _lit(small_texture, ratio)
    step = np.float32(SHARE) * _smooth(wanted - small, small_skin, SHARED * eyes)
    step += _chroma_step(small, step, wanted, small_skin, covered, eyes)
    return _lit(texture, _enlarged(ratio, skin.shape)) + _enlarged(step, skin.shape)


def _chroma_step(
    lit: Colours, step: Colours, wanted: Colours, skin: Weights, covered: Weights, eyes: float
) -> Colours:
    """Computes the change of `lit + step`, RGB, that gives it the mean hue and saturation of `CHROMA`."""
    hidden, bare = (skin > 0.5) & (covered > 0.5), (skin > 0.5) & (covered < 0.01)
    if not hidden.any():
        return np.zeros_like(lit)
    estimates = [_chroma(lit, hidden), _chroma(wanted, hidden)]
    estimates.append(_chroma(wanted, bare) if bare.sum() >= LEAST_SKIN else estimates[0])
    colours = np.clip(lit + step, 0, 255) / np.float32(255)
    shift = (CHROMA * np.stack(estimates, 1)).sum(1) - _chroma(colours * 255, hidden)
    ramp = cv2.GaussianBlur(covered, (0, 0), max(RAMP * eyes, 0.3))
    lab = cv2.cvtColor(colours, cv2.COLOR_RGB2LAB)
    lab[..., 1:] += shift * ramp[..., None]
    return (cv2.cvtColor(lab, cv2.COLOR_LAB2RGB) - colours) * np.float32(255)


def _chroma(colours: Colours, where: Bool[ndarray, "h w"]) -> Float32[ndarray, "2"]:
    """Computes the mean of CIELAB's a and b."""
    pixels = np.clip(colours[where], 0, 255)[None] / np.float32(255)
    return cv2.cvtColor(pixels.astype(np.float32), cv2.COLOR_RGB2LAB)[0, :, 1:].mean(0)


def _smooth(colours: Colours, weight: Weights, sigma: float) -> Colours:
    """Blurs where `weight` is, without what lies outside."""
    weight = weight + np.float32(1e-4)
    blurred = cv2.GaussianBlur(colours * weight[..., None], (0, 0), sigma, borderType=cv2.BORDER_CONSTANT)
    return blurred / cv2.GaussianBlur(weight, (0, 0), sigma, borderType=cv2.BORDER_CONSTANT)[..., None]


def _ratio(texture: Colours, target: Colours, weight: Weights, sigma: float) -> Colours:
    """Computes the correction: one factor per channel, and within `LIMITS` of it, a smooth field."""
    total = max(float(weight.sum()), 1e-6)
    blurred, means = [], []
    for picture in (target, texture):
        lit = _linear(picture) * weight[..., None]
        mean = np.maximum(lit.sum((0, 1)) / total, 1e-5).astype(np.float32)
        smooth = cv2.GaussianBlur(lit, (0, 0), sigma, borderType=cv2.BORDER_CONSTANT)
        blurred.append((smooth + np.float32(FLOOR) * mean) / mean)
        means.append(mean)
    local = np.clip(blurred[0] / np.maximum(blurred[1], 1e-7), LIMITS[0], LIMITS[1])
    return (local * (means[0] / means[1])).astype(np.float32)


def _lit(texture: Colours, ratio: Colours) -> Colours:
    return np.sqrt(np.clip(_linear(texture) * ratio, 0, 1)) * np.float32(255)


def _linear(colours: Colours) -> Colours:
    return np.square(np.clip(colours, 0, 255) * np.float32(1 / 255))


def _coarse(shape: tuple[int, ...]) -> tuple[int, int]:
    """Returns columns and rows of the size at which corrections are computed."""
    shrink = min(1.0, COARSE / max(shape))
    return max(1, round(shape[1] * shrink)), max(1, round(shape[0] * shrink))


def _resized(plane: Float32[ndarray, "..."], size: tuple[int, ...]) -> Float32[ndarray, "..."]:
    return cv2.resize(plane, size, interpolation=cv2.INTER_AREA) if size != plane.shape[1::-1] else plane


def _enlarged(field: Colours, shape: tuple[int, ...]) -> Float32[ndarray, "tall wide 3"]:
    if field.shape[:2] == tuple(shape):
        return field
    return cv2.resize(field, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR)
