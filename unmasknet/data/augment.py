"""Make a sample fit, and change it at random: photo, truth, map and parts always alike.

Pictures are RGB 0-255, maps 0 or 1. Geometry and colour go for both stages. What only the segmenter sees (blur, noise,
things before the face, a further JPEG) and what only the generator sees (a map that is grown or shrunk) come after.
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
    """The four pictures of a sample, of one size.

    Attributes:
        masked: the photo with the mask.
        gt: without it; may be the very same array where a stage needs but one of them.
        map: 1 where the face is hidden.
        parts: 0 untouched, 1 shadow only, 2 strap, 3 mask.
        matrix: from the sample's own pixels to these.
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
    """Brings a sample of any size to `size` x `size`.

    Args:
        views: as decoded.
        fit: "resize" scales the square that holds most of the hole; "crop" cuts a square of `size` around the hole.
        rng: moves the cut at random; none: it is centred.
    """
    height, width = views.map.shape
    if (height, width) == (size, size):
        return views
    side = min(height, width) if fit == "resize" else size
    centre = _hole_centre(views.map)
    if rng is not None and fit == "crop":
        centre = centre + rng.uniform(-side / 4, side / 4, 2)
    left, top = (_start(c, length, side) for c, length in zip(centre, (width, height), strict=True))
    square = _cut(views, left, top, side)
    scale = size / side
    # Centres of pixels: the first one's lies half a pixel inside the picture.
    matrix = np.array([[scale, 0, (0.5 - left) * scale - 0.5], [0, scale, (0.5 - top) * scale - 0.5]])
    return replace(_scaled(square, size), matrix=matrix)


def _hole_centre(hole: Plane) -> Float64[ndarray, "2"]:
    """Computes the centre of the hole's bounding box, x and y; of the image if there is no hole."""
    rows, columns = np.flatnonzero(hole.any(axis=1)), np.flatnonzero(hole.any(axis=0))
    if not len(rows):
        return np.array([hole.shape[1] / 2, hole.shape[0] / 2])
    return np.array([(columns[0] + columns[-1] + 1) / 2, (rows[0] + rows[-1] + 1) / 2])


def _start(centre: float, length: int, side: int) -> int:
    """Chooses the start of a cut of `side`: inside the image, or around it if the image is smaller."""
    if length <= side:
        return (length - side) // 2
    return int(np.clip(round(centre - side / 2), 0, length - side))


def _cut(views: Views, left: int, top: int, side: int) -> Views:
    """Cuts a square; images are mirrored beyond their border, maps are 0 there."""
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
    """Changes photo and truth; one image that stands for both is changed once."""
    masked = change(views.masked)
    return masked, masked if views.gt is views.masked else change(views.gt)


def _planes(views: Views, change: Callable[[ndarray], ndarray]) -> tuple[Plane, Plane]:
    """Changes the geometry of map and parts.

    A pixel that the hole touches at all is hidden. Parts change as their nested regions (any, strap or mask, mask), so
    that no edge between two of them invents a third.
    """
    regions = [views.map > 0, *(views.parts >= part for part in (1, 2, 3))]
    soft = cv2.split(change(cv2.merge([region.view(np.uint8) * 255 for region in regions])))
    hole, *nested = (
        (plane > limit).view(np.uint8) for plane, limit in zip(soft, (0, 127, 127, 127), strict=True)
    )
    return hole, nested[0] + nested[1] + nested[2]


def augment(views: Views, settings: SegmSettings | GanSettings, rng: np.random.Generator) -> Views:
    """Augments a sample as its stage is shown it; with all settings at 0, only the gt changes.

    The generator's photo is restored outside the true map: there it equals the truth, without the other JPEG's noise.
    The segmenter's stays as decoded, for a restored one has a seam in its noise along the map, which a network learns.
    """
    chosen = settings.augment
    views = _recoloured(_moved(views, chosen, rng), chosen, rng)
    if isinstance(settings, SegmSettings):
        return worsened(views, chosen, rng)
    views = replace(views, masked=cv2.copyTo(views.masked, views.map, views.gt.copy()))
    return replace(views, map=_jittered(views.map, chosen.map_jitter, rng))


def _moved(views: Views, chosen: AugmentSettings, rng: np.random.Generator) -> Views:
    """Mirrors, rotates, zooms, shifts. Linear: truth and surroundings blur alike, and it is twice as fast."""
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
    """Changes brightness, contrast, saturation and the colour of the light, by one matrix for both pictures."""
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


def _jittered(hole: Plane, most: int, rng: np.random.Generator) -> Plane:
    """Dilates or erodes a map by up to `most` pixels at the reference side; a hole never vanishes."""
    if not most:
        return hole
    radius = round(rng.uniform(-1, 1) * most * len(hole) / REFERENCE_SIDE)
    if not radius:
        return hole
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * abs(radius) + 1,) * 2)
    changed = cv2.dilate(hole, disc) if radius > 0 else cv2.erode(hole, disc)
    return changed if changed.any() else hole


def worsened(views: Views, chosen: AugmentSettings, rng: np.random.Generator) -> Views:
    """Degrades what the segmenter must be robust to: occluders, blur, noise, another JPEG."""
    if rng.random() < chosen.occlude:
        views = _occluded(views, rng)
    photo = views.masked
    if rng.random() < chosen.blur:
        photo = cv2.GaussianBlur(photo, (0, 0), rng.uniform(0.3, 2.0) * len(photo) / REFERENCE_SIDE + 0.2)
    if rng.random() < chosen.noise:
        cv2.setRNGSeed(int(rng.integers(1 << 31)))  # OpenCV draws ten times as fast as numpy
        noise = cv2.randn(np.empty(photo.shape, np.int16), 0, rng.uniform(1, 10))
        photo = cv2.add(photo, noise, dtype=cv2.CV_8U)
    if rng.random() < chosen.jpeg:
        photo = _jpeg(photo, int(rng.integers(chosen.jpeg_min, JPEG_MAX + 1)))
    return replace(views, masked=photo)


def _occluded(views: Views, rng: np.random.Generator) -> Views:
    """Puts a round object of any colour, or a piece of the image, in front; what it hides is no mask."""
    size = len(views.map)
    corners = _blob(rng, size)
    shape = np.zeros((size, size), np.uint8)
    cv2.fillPoly(shape, [corners], 1, cv2.LINE_8)
    filling = np.empty_like(views.masked)
    if rng.random() < 0.5:
        filling[:] = rng.integers(0, 256, 3, np.uint8)
    else:  # hands, hair and collars have the picture's own colours
        filling[:] = np.roll(views.masked, tuple(rng.integers(size // 4, size, 2)), axis=(0, 1))
    covered = shape > 0
    return replace(
        views,
        masked=np.where(covered[:, :, None], filling, views.masked),
        map=np.where(covered, 0, views.map).astype(np.uint8),
        parts=np.where(covered, 0, views.parts).astype(np.uint8),
    )


def _blob(rng: np.random.Generator, size: int) -> ndarray:
    """Corners of a long, bent outline somewhere in the picture, such as an arm's, a cup's, a microphone's."""
    count = 10
    angles = np.linspace(0, 2 * math.pi, count, endpoint=False)
    radii = rng.uniform(0.7, 1.3, count)[:, None] * rng.uniform(0.04, 0.2, 2) * size
    turn = rng.uniform(0, math.pi)
    outline = np.stack([np.cos(angles), np.sin(angles)], axis=1) * radii
    rotation = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    return (outline @ rotation.T + rng.uniform(0.1, 0.9, 2) * size).round().astype(np.int32)


def _jpeg(photo: RGBImage, quality: int) -> RGBImage:
    """Encodes the photo once as a JPEG with halved chroma, as most cameras and sites do."""
    _, data = cv2.imencode(
        ".jpg", photo, [cv2.IMWRITE_JPEG_QUALITY, quality]
    )  # channel order cancels out below
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR))
