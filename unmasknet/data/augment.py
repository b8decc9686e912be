"""Resizing and augmentation of a sample; photo, ground truth, map and parts are changed in the same way.

Images are RGB 0-255, maps 0 or 1. Both stages use geometry and colour. Changes for the segmenter alone (occluders,
blur, noise, another JPEG) and for the generator alone (dilating or eroding the map) come after these.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from maskgen.types import BRIGHTNESS, Plane, RGBImage
from unmasknet.settings import REFERENCE_SIDE, AugmentSettings, GanSettings, SegmSettings

JPEG_MAX = 95
Matrix = Float64[ndarray, "2 3"]
IDENTITY = np.array([[1.0, 0, 0], [0, 1, 0]])


@dataclass(frozen=True)
class Views:
    """Images and maps of a sample, all of one size.

    Attributes:
        masked: photo with the mask.
        gt: photo without the mask; the same array as `masked` if a stage needs only one of them.
        map: 1 where the face is hidden.
        parts: 0 untouched, 1 shadow only, 2 strap, 3 mask.
        matrix: transform from pixels of the stored sample to pixels of these images; None: identity.
    """

    masked: RGBImage
    gt: RGBImage
    map: Plane
    parts: Plane
    matrix: Matrix | None = None

    def moved(self, labels: dict[str, Any]) -> dict[str, Any]:
        """Transforms boxes and landmarks of a sample's json into pixels of these images."""
        matrix = IDENTITY if self.matrix is None else self.matrix

        def moved(points: list[Any]) -> ndarray:
            return np.asarray(points, float).reshape(-1, 2) @ matrix[:, :2].T + matrix[:, 2]

        faces = [
            face
            | {"box": moved(face["box"]).flatten().tolist(), "landmarks": moved(face["landmarks"]).tolist()}
            for face in labels["faces"]
        ]
        return labels | {"faces": faces}


def fit_sample(views: Views, size: int, fit: str, rng: np.random.Generator | None) -> Views:
    """Resizes or crops a sample of any size to `size` x `size`.

    Args:
        views: sample as decoded.
        size: side of the result in pixels.
        fit: "resize" scales the largest square around the hole; "crop" cuts a square of `size` around the hole.
        rng: moves the crop at random; None: the crop is centred on the hole.
    """
    height, width = views.map.shape
    if (height, width) == (size, size):
        return views
    side = min(height, width) if fit == "resize" else size
    centre = _map_centre(views.map)
    if rng is not None and fit == "crop":
        centre = centre + rng.uniform(-side / 4, side / 4, 2)
    left, top = (_start(c, length, side) for c, length in zip(centre, (width, height), strict=True))
    square = _cut(views, left, top, side)
    scale = size / side
    # Coordinates refer to pixel centres: the first centre lies half a pixel inside the image.
    matrix = np.array([[scale, 0, (0.5 - left) * scale - 0.5], [0, scale, (0.5 - top) * scale - 0.5]])
    return replace(_scaled(square, size), matrix=matrix)


def _map_centre(map: Plane) -> Float64[ndarray, "2"]:
    """Computes the centre of the hole's bounding box, x and y; of the image if there is no hole."""
    rows, columns = np.flatnonzero(map.any(axis=1)), np.flatnonzero(map.any(axis=0))
    if not len(rows):
        return np.array([map.shape[1] / 2, map.shape[0] / 2])
    return np.array([(columns[0] + columns[-1] + 1) / 2, (rows[0] + rows[-1] + 1) / 2])


def _start(centre: float, length: int, side: int) -> int:
    """Chooses the start of a crop of `side` along one axis; a smaller image is centred in the crop."""
    if length <= side:
        return (length - side) // 2
    return int(np.clip(round(centre - side / 2), 0, length - side))


def _cut(views: Views, left: int, top: int, side: int) -> Views:
    """Crops a square; beyond the border, images are mirrored and maps are 0."""
    height, width = views.map.shape
    before_x, before_y = max(-left, 0), max(-top, 0)
    margins = (before_y, max(top + side - height, 0), before_x, max(left + side - width, 0))
    rows, columns = (
        slice(top + before_y, top + before_y + side),
        slice(left + before_x, left + before_x + side),
    )

    def picture(x: ndarray) -> ndarray:
        return cv2.copyMakeBorder(x, *margins, cv2.BORDER_REFLECT) if any(margins) else x

    def plane(x: ndarray) -> ndarray:
        return cv2.copyMakeBorder(x, *margins, cv2.BORDER_CONSTANT, value=0) if any(margins) else x

    return Views(
        *_pictures(views, lambda x: picture(x)[rows, columns]),
        plane(views.map)[rows, columns],
        plane(views.parts)[rows, columns],
    )


def _scaled(views: Views, size: int) -> Views:
    if views.map.shape == (size, size):
        return views
    kind = cv2.INTER_AREA if size < len(views.map) else cv2.INTER_CUBIC
    soft = cv2.INTER_AREA if size < len(views.map) else cv2.INTER_LINEAR

    def scaled(x: ndarray, how: int) -> ndarray:
        return cv2.resize(x, (size, size), interpolation=how)

    return Views(
        *_pictures(views, lambda x: scaled(x, kind)),
        *_planes(views, lambda planes: scaled(planes, soft)),
    )


def _pictures(views: Views, change: Callable[[ndarray], ndarray]) -> tuple[RGBImage, RGBImage]:
    """Changes photo and ground truth; if both are the same array, it is changed once."""
    masked = change(views.masked)
    return masked, masked if views.gt is views.masked else change(views.gt)


def _planes(views: Views, change: Callable[[ndarray], ndarray]) -> tuple[Plane, Plane]:
    """Changes the geometry of map and parts.

    A pixel that the hole covers even partly becomes 1 in the map. Parts are changed as nested regions (any part; strap
    or mask; mask), so that interpolation between two parts cannot produce a third one.
    """
    regions = [views.map > 0, *(views.parts >= part for part in (1, 2, 3))]
    soft = cv2.split(change(cv2.merge([region.view(np.uint8) * 255 for region in regions])))
    map, *nested = (
        (plane > limit).view(np.uint8) for plane, limit in zip(soft, (0, 127, 127, 127), strict=True)
    )
    return map, nested[0] + nested[1] + nested[2]


def augment(views: Views, settings: SegmSettings | GanSettings, rng: np.random.Generator) -> Views:
    """Augments a sample for its stage.

    The generator's photo is replaced by the ground truth outside the true map, which removes the noise of the second
    JPEG there. The segmenter's photo stays as decoded: after such a replacement the noise changes along the edge of
    the map, and a network would learn to detect that edge.
    """
    chosen = settings.augment
    views = _recoloured(_moved(views, chosen, rng), chosen, rng)
    if isinstance(settings, SegmSettings):
        return worsened(views, chosen, rng)
    views = replace(views, masked=cv2.copyTo(views.masked, views.map, views.gt.copy()))
    return replace(views, map=_jittered(views.map, chosen.map_jitter, rng))


def _moved(views: Views, chosen: AugmentSettings, rng: np.random.Generator) -> Views:
    """Mirrors, rotates, scales and shifts.

    Interpolation is linear: it blurs hole and surroundings equally, and takes half the time of cubic interpolation.
    """
    if rng.random() < chosen.flip:
        views = Views(*_pictures(views, _mirrored), _mirrored(views.map), _mirrored(views.parts))
    if not (chosen.rotate or chosen.zoom or chosen.shift):
        return views
    size = len(views.map)
    angle, zoom = rng.uniform(-1, 1) * chosen.rotate, 1 + rng.uniform(-1, 1) * chosen.zoom
    shift = rng.uniform(-1, 1, 2) * chosen.shift * size
    matrix = cv2.getRotationMatrix2D(((size - 1) / 2, (size - 1) / 2), angle, zoom)
    matrix[:, 2] += shift

    def warped(x: ndarray, how: int, border: int) -> ndarray:
        return cv2.warpAffine(x, matrix, (size, size), flags=how, borderMode=border)

    return Views(
        *_pictures(views, lambda x: warped(x, cv2.INTER_LINEAR, cv2.BORDER_REPLICATE)),
        *_planes(views, lambda planes: warped(planes, cv2.INTER_LINEAR, cv2.BORDER_CONSTANT)),
    )


def _recoloured(views: Views, chosen: AugmentSettings, rng: np.random.Generator) -> Views:
    """Changes brightness, contrast, saturation and the colour of the light, by one matrix for both images."""
    if not chosen.colour:
        return views
    strength = chosen.colour
    contrast, saturation = np.exp(rng.uniform(-0.7, 0.7, 2) * strength)
    gains = np.exp(rng.uniform(-0.3, 0.3, 3) * strength)
    mix = saturation * np.eye(3) + (1 - saturation) * np.array(BRIGHTNESS)
    matrix = contrast * gains[:, None] * mix
    offset = 127.5 * (1 - contrast) + rng.uniform(-80, 80) * strength
    change = np.hstack([matrix, np.full((3, 1), offset)]).astype(np.float32)
    masked, gt = _pictures(views, lambda x: cv2.transform(x, change))
    return replace(views, masked=masked, gt=gt)


def _mirrored(x: ndarray) -> ndarray:
    return cv2.flip(x, 1)


def _jittered(map: Plane, most: int, rng: np.random.Generator) -> Plane:
    """Dilates or erodes a map by up to `most` pixels at the reference side; a hole never vanishes."""
    if not most:
        return map
    radius = round(rng.uniform(-1, 1) * most * len(map) / REFERENCE_SIDE)
    if not radius:
        return map
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * abs(radius) + 1,) * 2)
    changed = cv2.dilate(map, disc) if radius > 0 else cv2.erode(map, disc)
    return changed if changed.any() else map


def worsened(views: Views, chosen: AugmentSettings, rng: np.random.Generator) -> Views:
    """Adds disturbances that the segmenter must be robust to: occluders, blur, noise, another JPEG."""
    if rng.random() < chosen.occlude:
        views = _occluded(views, rng)
    photo = views.masked
    if rng.random() < chosen.blur:
        photo = cv2.GaussianBlur(photo, (0, 0), rng.uniform(0.3, 2.0) * len(photo) / REFERENCE_SIDE + 0.2)
    if rng.random() < chosen.noise:
        cv2.setRNGSeed(int(rng.integers(1 << 31)))  # OpenCV's generator is ten times as fast as NumPy's
        noise = cv2.randn(np.empty(photo.shape, np.int16), 0, rng.uniform(1, 10))
        photo = cv2.add(photo, noise, dtype=cv2.CV_8U)
    if rng.random() < chosen.jpeg:
        photo = _jpeg(photo, int(rng.integers(chosen.jpeg_min, JPEG_MAX + 1)))
    return replace(views, masked=photo)


def _occluded(views: Views, rng: np.random.Generator) -> Views:
    """Draws an object, filled with one colour or with a piece of the image; pixels under it do not count as mask."""
    size = len(views.map)
    corners = _blob(rng, size)
    shape = np.zeros((size, size), np.uint8)
    cv2.fillPoly(shape, [corners], 1, cv2.LINE_8)
    filling = np.empty_like(views.masked)
    if rng.random() < 0.5:
        filling[:] = rng.integers(0, 256, 3, np.uint8)
    else:  # hands, hair and collars have colours that occur in the image
        filling[:] = np.roll(views.masked, tuple(rng.integers(size // 4, size, 2)), axis=(0, 1))
    covered = shape > 0
    return replace(
        views,
        masked=np.where(covered[:, :, None], filling, views.masked),
        map=np.where(covered, 0, views.map).astype(np.uint8),
        parts=np.where(covered, 0, views.parts).astype(np.uint8),
    )


def _blob(rng: np.random.Generator, size: int) -> ndarray:
    """Draws the corners of an irregular ellipse somewhere in the image, in place of an arm, a cup or a microphone."""
    count = 10
    angles = np.linspace(0, 2 * math.pi, count, endpoint=False)
    radii = rng.uniform(0.7, 1.3, count)[:, None] * rng.uniform(0.04, 0.2, 2) * size
    angle = rng.uniform(0, math.pi)
    outline = np.stack([np.cos(angles), np.sin(angles)], axis=1) * radii
    rotation = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    return (outline @ rotation.T + rng.uniform(0.1, 0.9, 2) * size).round().astype(np.int32)


def _jpeg(photo: RGBImage, quality: int) -> RGBImage:
    """Encodes and decodes the photo as a JPEG with halved chroma resolution, as most cameras and websites write."""
    _, data = cv2.imencode(
        ".jpg", photo, [cv2.IMWRITE_JPEG_QUALITY, quality]
    )  # encoding and decoding swap the channels twice
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR))
