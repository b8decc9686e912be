"""Built-in photo in a dozen variants: mirrored, rotated, seen from the side, near and far, in other light."""

from collections.abc import Callable

import cv2
import numpy as np

from maskgen.assets import asset
from maskgen.images import codecs
from maskgen.types import RGBImage

PHOTO = "demo/astronaut.jpg"
HEAD = (226.0, 116.0)  # centre of the face in pixels
HEAD_RADII = (66.0, 84.0)  # half width and half height of the head in pixels
HEAD_DEPTH = 58.0  # distance in pixels of the nose from the plane of the ears


def sample_photo() -> RGBImage:
    """Returns the unchanged photo."""
    photo = codecs.decode(asset(PHOTO).read_bytes(), max_pixels=1 << 20, background=255)
    assert isinstance(photo, np.ndarray), photo
    return photo


def _moved(photo: RGBImage, *, angle: float = 0.0, scale: float = 1.0) -> RGBImage:
    """Rotates the photo by `angle` degrees (positive: clockwise) about the face and scales it."""
    matrix = cv2.getRotationMatrix2D(HEAD, -angle, scale)
    size = (photo.shape[1], photo.shape[0])
    return cv2.warpAffine(photo, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)


def _turned(photo: RGBImage, *, yaw: float = 0.0, pitch: float = 0.0) -> RGBImage:
    """Turns the head by degrees, signs as in `types.Pose`: pixels move by their depth on a rounded head."""
    y, x = np.indices(photo.shape[:2], np.float32)
    rho = ((x - HEAD[0]) / HEAD_RADII[0]) ** 2 + ((y - HEAD[1]) / HEAD_RADII[1]) ** 2
    depth = HEAD_DEPTH * np.maximum(1 - rho, 0)
    across, down = depth * np.float32(np.sin(np.radians(yaw))), depth * np.float32(-np.sin(np.radians(pitch)))
    return cv2.remap(photo, x - across, y - down, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)


def _lit(
    photo: RGBImage, *, gain: tuple[float, float, float], gamma: float = 1.0, side: float = 0.0
) -> RGBImage:
    """Changes the light: a gain per channel, a gamma, and a lamp at the side (fraction; positive: on the right)."""
    ramp = 1 + side * np.linspace(-1, 1, photo.shape[1])[None, :, None]
    light = (photo / 255.0) ** gamma * np.array(gain) * ramp
    return (np.clip(light, 0, 1) * 255).round().astype(np.uint8)


def _grey(photo: RGBImage) -> RGBImage:
    return cv2.cvtColor(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)


def _grain(photo: RGBImage) -> RGBImage:
    noise = np.random.default_rng(0).normal(0, 14, photo.shape)
    return np.clip(photo + noise, 0, 255).astype(np.uint8)


def _mirror(photo: RGBImage) -> RGBImage:
    return np.ascontiguousarray(photo[:, ::-1])


LOOKS: dict[str, Callable[[RGBImage], RGBImage]] = {
    "as-taken": lambda photo: photo,
    "mirrored": _mirror,
    "tilted-left": lambda photo: _moved(photo, angle=-18.0),
    "tilted-right": lambda photo: _moved(_mirror(photo), angle=15.0, scale=1.1),
    "turned-left": lambda photo: _turned(photo, yaw=-24.0),
    "turned-right": lambda photo: _turned(photo, yaw=24.0),
    "up": lambda photo: _turned(photo, yaw=-14.0, pitch=14.0),
    "down": lambda photo: _turned(photo, yaw=14.0, pitch=-14.0),
    "near": lambda photo: _moved(photo, scale=1.7),
    "far": lambda photo: cv2.resize(photo, (320, 320), interpolation=cv2.INTER_AREA),
    "dusk": lambda photo: _lit(photo, gain=(0.52, 0.58, 0.78), gamma=1.15),
    "lamp": lambda photo: _lit(photo, gain=(1.08, 0.95, 0.72), gamma=1.3, side=0.75),
    "grey": lambda photo: _grey(_lit(_mirror(photo), gain=(1.1, 1.1, 1.1), gamma=1.25, side=-0.4)),
    "grain": lambda photo: _grain(_moved(photo, angle=6.0)),
}
