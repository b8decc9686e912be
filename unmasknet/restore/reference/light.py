"""Light and colour: the reference's own are taken off, those of the masked photo are put on."""

import cv2
import numpy as np
from jaxtyping import Float32
from numpy import ndarray

Colours = Float32[ndarray, "h w 3"]
Weights = Float32[ndarray, "h w"]

SMOOTH = 0.4  # eye distances; sigma below which differences of light count as the reference's own features
HOLE_WEIGHT = 0.1  # weight of the network's result under the mask, beside 1 of the skin that both photos show
LIMITS = (0.4, 2.5)  # bounds of the correction, linear, relative to its mean over the face
FLOOR = 1e-3  # weight of the mean over the face, where neither photo shows skin nearby
COARSE = 160  # pixels; longest side at which the correction is computed


def relit(texture: Colours, target: Colours, weight: Weights, eyes: float) -> Colours:
    """Moves the smooth part of the texture's colours to that of the target.

    The correction is the ratio of both photos' colours, blurred by `SMOOTH`, per channel and in linear intensity,
    approximated by the square of the pixel value. It contains exposure, white balance, skin tone, and the direction of
    the light. Features that are smaller, such as lips, beard and wrinkles, are the reference's.

    Args:
        texture: RGB, 0-255.
        target: RGB, 0-255: the masked photo, with the network's result under the mask.
        weight: 0-1, weight of each pixel in the comparison: 0 where the texture shows no skin.
        eyes: distance of the eyes in pixels.
    """
    shrink = min(1.0, COARSE / max(weight.shape))
    size = tuple(max(1, round(side * shrink)) for side in weight.shape[::-1])
    small_texture, small_target, small_weight = (_resized(one, size) for one in (texture, target, weight))
    ratio = _ratio(small_texture, small_target, small_weight, SMOOTH * eyes * shrink)
    if size != weight.shape[::-1]:
        ratio = cv2.resize(ratio, weight.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return np.sqrt(np.clip(_linear(texture) * ratio, 0, 1)) * np.float32(255)


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


def _linear(colours: Colours) -> Colours:
    return np.square(np.clip(colours, 0, 255) * np.float32(1 / 255))


def _resized(plane: Float32[ndarray, "..."], size: tuple[int, ...]) -> Float32[ndarray, "..."]:
    return cv2.resize(plane, size, interpolation=cv2.INTER_AREA) if size != plane.shape[1::-1] else plane
