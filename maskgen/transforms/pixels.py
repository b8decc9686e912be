"""Pixels of an image of any kind that a training loop holds, as RGB bytes, and the way back.

torch is not imported: a tensor exists only where the caller imported it.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy import ndarray
from PIL import Image

from maskgen.errors import InputError
from maskgen.types import BRIGHTNESS, Plane, RGBImage

KINDS = "a Pillow image, a NumPy array (h, w, 3) or a torch tensor (3, h, w)"
_LUMA = np.array([BRIGHTNESS], np.float32)


@dataclass(frozen=True)
class OpenImage:
    """Image whose pixels can be read and replaced.

    Attributes:
        pixels: RGB, 0-255, not to be written to.
        rebuild: builds the image of the same kind from changed pixels and the map of the changes; every value outside
            the map stays as it was, to the bit.
        plane: converts a plane of numbers to the kind of array that goes with the image.
    """

    pixels: RGBImage
    rebuild: Callable[[RGBImage, Plane], Any]
    plane: Callable[[Plane], Any]


def is_tensor(image: Any) -> bool:
    """Tells whether an object is a tensor of torch, without importing torch."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(image, torch.Tensor)


def open_image(image: Any) -> OpenImage:
    """Opens an image.

    Args:
        image: Pillow image of mode RGB or L; NumPy array `h w 3`, `h w 1` or `h w`, or torch tensor `3 h w` or
            `1 h w`, of uint8 or of floats from 0 to 1. Grey images stay grey.

    Raises:
        InputError: it is something else; the message says what to do.
    """
    if isinstance(image, Image.Image):
        return _open_pillow(image)
    if is_tensor(image):
        return _open_tensor(image)
    if isinstance(image, ndarray):
        return _open_array(image)
    raise InputError(f"image: got {type(image).__name__}; give {KINDS}")


def _open_pillow(image: Image.Image) -> OpenImage:
    if image.mode not in ("RGB", "L"):
        raise InputError(f"image: got a Pillow image of mode {image.mode}; convert it first: .convert('RGB')")
    if not image.width or not image.height:
        raise InputError(f"image: got a Pillow image of {image.width} x {image.height} pixels")
    opened = _open_array(np.asarray(image))

    def rebuild(result: RGBImage, map: Plane) -> Image.Image:
        changed = image.copy()  # and one window of it replaced: half the time of a whole new image
        left, top, width, height = cv2.boundingRect(map)
        window = slice(top, top + height), slice(left, left + width)
        changed.paste(Image.fromarray(opened.rebuild(result, map)[window]), (left, top))
        return changed

    return OpenImage(opened.pixels, rebuild, opened.plane)


def _open_array(image: ndarray) -> OpenImage:
    shape = image.shape
    if image.ndim == 4:
        raise InputError(f"image: got a batch of shape {shape}; give one image at a time, in the Dataset")
    if image.ndim not in (2, 3) or not image.size or (image.ndim == 3 and shape[2] not in (1, 3)):
        advice = ". Arrays have their channels last" if image.ndim == 3 and shape[0] in (1, 3) else ""
        raise InputError(f"image: got an array of shape {shape}; give (h, w, 3), (h, w, 1) or (h, w){advice}")
    levels = _levels(image)
    grey = image.ndim == 2 or shape[2] == 1
    pixels = np.ascontiguousarray(cv2.cvtColor(levels, cv2.COLOR_GRAY2RGB) if grey else levels)

    def rebuild(result: RGBImage, map: Plane) -> ndarray:
        found = _luma(result).reshape(shape) if grey else result
        if image.dtype == np.uint8:
            return found
        changed = image.copy()
        at = map > 0
        changed[at] = (found[at] * np.float32(1 / 255)).astype(image.dtype)
        return changed

    return OpenImage(pixels, rebuild, lambda plane: plane)


def _open_tensor(image: Any) -> OpenImage:
    shape = tuple(image.shape)
    if image.ndim == 4:
        raise InputError(f"image: got a batch of shape {shape}; give one image at a time, in the Dataset")
    if image.ndim != 3 or shape[0] not in (1, 3) or not image.numel():
        advice = ". Tensors have their channels first" if image.ndim == 3 and shape[-1] in (1, 3) else ""
        raise InputError(f"image: got a tensor of shape {shape}; give (3, h, w) or (1, h, w){advice}")
    plain = image.detach().cpu()
    if plain.is_floating_point() and plain.element_size() != 4:  # NumPy knows no bfloat16
        plain = plain.float()
    planes = _levels(plain.numpy())
    pixels = cv2.merge(list(planes) * (3 // shape[0]))

    def rebuild(result: RGBImage, map: Plane) -> Any:
        found = _luma(result)[None] if shape[0] == 1 else np.stack(cv2.split(result))
        if not image.is_floating_point():
            return image.new_tensor(found)
        new = image.new_tensor(found * np.float32(1 / 255))
        return image.detach().where(image.new_tensor(map) == 0, new)

    return OpenImage(pixels, rebuild, lambda plane: plain.new_tensor(plane, dtype=_torch().uint8))


def _torch() -> Any:
    return sys.modules["torch"]


def _levels(values: ndarray) -> ndarray:
    """Converts bytes, or floats from 0 to 1, to bytes.

    Raises:
        InputError: they are neither.
    """
    if values.dtype == np.uint8:
        return values
    if values.dtype.kind != "f":
        raise InputError(f"image: got values of {values.dtype}; give uint8, or floats from 0 to 1")
    low, high = float(values.min()), float(values.max())
    if not -0.01 <= low <= high <= 1.01:  # not a number is neither; resampling overshoots a little
        raise InputError(
            f"image: got floats from {low:.3g} to {high:.3g}; give 0 to 1: put masks on before Normalize"
        )
    return np.rint(np.clip(values, 0, 1) * np.float32(255)).astype(np.uint8)


def _luma(pixels: RGBImage) -> Plane:
    return cv2.transform(pixels, _LUMA)
