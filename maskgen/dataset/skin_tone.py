"""Skin tone estimated from the visible skin of a photo, as individual typology angle (ITA).

ITA = arctan((L* - 50) / b*) in degrees, in CIELAB with D65. Formula: A. Chardon, I. Cretois, C. Hourseau, "Skin
colour typology and suntanning pathways", International Journal of Cosmetic Science 13 (1991). Classes: S. Del Bino,
F. Bernerd, "Variations in skin colour and the biological consequences of ultraviolet radiation exposure", British
Journal of Dermatology 169, suppl. 3 (2013). Both measure skin with a colorimeter in contact. A photo shows skin under
unknown light, white balance and exposure: the value describes the photo, not the person; see docs/fairness.md.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float, Float32, UInt8
from numpy import ndarray

from maskgen.dataset.face_points import EYES_AND_MOUTH, five_of
from maskgen.dataset.reader import Encoded
from maskgen.dataset.shards import decode_image
from maskgen.types import RGBImage

CLASSES = (
    ("very light", 55.0), ("light", 41.0), ("intermediate", 28.0), ("tan", 10.0), ("brown", -30.0),
    ("dark", -math.inf),
)  # fmt: skip
"""Classes of skin tone, and the ITA in degrees above which each begins."""
# b* below which a photo is grey or lit by blue light, so that the angle says nothing about skin.
LEAST_B = 4.0
LEAST_LIGHTNESS = 15.0  # L* below which skin cannot be told from hair or dark glasses
HUES = 25.0, 110.0  # hue angles (of a*, b*) in degrees; outside, the light is coloured
MASK_PART = 3  # value of `parts` in the mask itself
LEAST_PIXELS = 12  # of a region
HAIRY = 20.0  # CIELAB distance from the cheeks at which a forehead is hair, a hat or a highlight
FORESHORTENED = 0.3  # a cheek with less of the other one's area is turned away

# Outlines of forehead, right and left cheek: indices of the 468-point mesh, and for other landmarks the same points on
# the canonical head (`Head`: origin between the eyes, unit the distance between their centres). The cheeks end above
# the beard and outside the nose, the forehead between the brows and below the hair.
OUTLINES: Mapping[str, tuple[int, ...]] = {
    "forehead": (69, 108, 151, 337, 299, 336, 9, 107),
    "right cheek": (101, 118, 117, 123, 187, 205, 36),
    "left cheek": (330, 347, 346, 352, 411, 425, 266),
}
CANONICAL: Mapping[str, tuple[tuple[float, float], ...]] = {
    "forehead": (
        (-.50, -.63), (-.27, -.65), (.0, -.65), (.27, -.65), (.50, -.63), (.23, -.37), (.0, -.35), (-.23, -.37),
    ),
    "right cheek": ((-.55, .38), (-.71, .29), (-.84, .26), (-1.01, .50), (-.86, .76), (-.64, .64), (-.48, .52)),
    "left cheek": ((.55, .38), (.71, .29), (.84, .26), (1.01, .50), (.86, .76), (.64, .64), (.48, .52)),
}  # fmt: skip
CANONICAL_EYES_AND_MOUTH = ((-0.5, 0.0), (0.5, 0.0), (-0.41, 1.07), (0.41, 1.07))
# Grey levels of the brightest channel between which a pixel is neither clipped nor black.
BRIGHTEST, DARKEST = 249, 8
# Median absolute deviations (together 2 sigma) beyond which a pixel is highlight, shadow or hair.
SPREAD = 2.0 * 1.4826
SLACK = np.array([2.0, 1.4, 1.4], np.float32)  # L*, a*, b* added to it, for rounding and JPEG
ROUNDS = 2
LEVELS = np.arange(256) / 255
LINEAR = np.where(LEVELS <= 0.04045, LEVELS / 12.92, ((LEVELS + 0.055) / 1.055) ** 2.4).astype(np.float32)
"""Linear intensity of each level of sRGB."""
TO_XYZ = (
    np.array(
        [[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]]
    ).T
    / (0.95047, 1.0, 1.08883)
).astype(np.float32)
"""Linear R, G, B to X, Y, Z relative to white (D65)."""


@dataclass(frozen=True)
class SkinTone:
    """Colour of the visible skin in a photo.

    Attributes:
        ita: individual typology angle in degrees, larger for lighter skin.
        lightness, a, b: the skin's CIELAB colour (D65): L* in [0, 100], a* and b*.
    """

    ita: float
    lightness: float
    a: float
    b: float


def tone_class(ita: float) -> str:
    """Returns the class of an individual typology angle in degrees: "very light", ..., "dark"."""
    return next(name for name, above in CLASSES if ita > above)


def tone_of(sample: Encoded) -> SkinTone | None:
    """Measures the skin tone of a sample's first face on its `gt`, where no mask hides it; None if it has none.

    Raises:
        InputError: the sample has no `gt`, or it cannot be decoded.
    """
    faces = sample.labels["faces"]
    if not faces:
        return None
    return measure_tone(decode_image(sample.members, "gt"), faces[0]["landmarks"], faces[0]["scheme"])


def mask_lightness(sample: Encoded) -> float | None:
    """Measures the mean L* of the masks in a sample; None without a visible mask.

    Raises:
        InputError: a member is missing or cannot be decoded.
    """
    pixels = sample.decode()
    mask = pixels["masked"][pixels["parts"] == MASK_PART]
    return float(_lab(mask)[:, 0].mean(dtype=np.float64)) if len(mask) else None


def measure_tone(
    image: RGBImage, landmarks: Sequence[Sequence[float]] | Float[ndarray, "n 2"], scheme: str
) -> SkinTone | None:
    """Measures the skin tone of a bare face.

    Args:
        image: RGB photo, 0-255.
        landmarks: its landmarks, x, y in pixels.
        scheme: their scheme: "mesh468", "dlib68" or "celeba5".

    Returns:
        The mean over forehead and cheeks of the median colour of their skin; None if no region shows enough skin, or
        the photo is grey, lit by coloured light, or black.
    """
    regions = skin_regions(image, landmarks, scheme)
    if not regions:
        return None
    colours = [_median(_lab(image[region])) for region in regions.values()]
    lightness, a, b = np.mean(colours, axis=0).tolist()
    if lightness < LEAST_LIGHTNESS or b < LEAST_B or not HUES[0] <= math.degrees(math.atan2(b, a)) <= HUES[1]:
        return None
    return SkinTone(math.degrees(math.atan((lightness - 50) / b)), lightness, a, b)


def skin_regions(
    image: RGBImage, landmarks: Sequence[Sequence[float]] | Float[ndarray, "n 2"], scheme: str
) -> dict[str, Bool[ndarray, "h w"]]:
    """Selects the pixels of visible skin on forehead and cheeks, without highlights, shadows, hair and beard.

    Args:
        image: RGB photo, 0-255.
        landmarks: its landmarks, x, y in pixels.
        scheme: their scheme: "mesh468", "dlib68" or "celeba5".

    Returns:
        region -> where its skin is. A cheek that is turned away, a forehead below hair, and a region with less than
        `LEAST_PIXELS` of skin are left out.
    """
    outlines = _outlines(np.asarray(landmarks, np.float32).reshape(-1, 2), scheme)
    areas = {name: abs(cv2.contourArea(outline)) for name, outline in outlines.items()}
    widest = max((area for name, area in areas.items() if name.endswith("cheek")), default=0.0)
    found = {}
    for name, outline in outlines.items():
        if name.endswith("cheek") and areas[name] < FORESHORTENED * widest:
            continue
        inside = np.zeros(image.shape[:2], np.uint8)
        cv2.fillPoly(inside, [np.rint(np.clip(outline, -1e4, 1e4)).astype(np.int32)], 1)
        region = inside.astype(bool)
        region[region] = _is_skin(image[region])
        if np.count_nonzero(region) >= LEAST_PIXELS:
            found[name] = region
    if "forehead" in found and len(found) > 1:
        colours = {name: _median(_lab(image[region])) for name, region in found.items()}
        forehead = colours.pop("forehead")
        if np.linalg.norm(forehead - np.mean(list(colours.values()), axis=0)) > HAIRY:
            del found["forehead"]
    return found


def _outlines(points: Float32[ndarray, "n 2"], scheme: str) -> dict[str, Float32[ndarray, "corners 2"]]:
    """Returns the outline of each region in pixels; none for points that are not those of a known scheme."""
    five = five_of(points, scheme)
    if five is None:
        return {}
    if scheme == "mesh468":
        return {name: points[list(outline)] for name, outline in OUTLINES.items()}
    places = np.column_stack([np.array(CANONICAL_EYES_AND_MOUTH), np.ones(4)])
    affine = np.linalg.lstsq(places, five[EYES_AND_MOUTH], rcond=None)[0]
    return {
        name: (np.column_stack([np.array(outline), np.ones(len(outline))]) @ affine).astype(np.float32)
        for name, outline in CANONICAL.items()
    }


def _is_skin(pixels: UInt8[ndarray, "n 3"]) -> Bool[ndarray, " n"]:
    """Tells which pixels of a region are like most of its pixels, in lightness and in hue."""
    brightest = pixels.max(axis=1, initial=0)
    good: ndarray = (brightest <= BRIGHTEST) & (brightest >= DARKEST)
    lab = _lab(pixels)
    for _ in range(ROUNDS):
        if not good.any():
            break
        middle = _median(lab[good])
        away = np.abs(lab - middle)
        good = good & (away <= SPREAD * _median(away[good]) + SLACK).all(axis=1)
    return good


def _lab(pixels: UInt8[ndarray, "n 3"]) -> Float32[ndarray, "n 3"]:
    """Converts sRGB pixels, 0-255, to CIELAB (D65).

    OpenCV's conversion is a look-up with errors up to .5, which are a degree of the angle where b* is small.
    """
    xyz = LINEAR[pixels] @ TO_XYZ
    roots = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + np.float32(16 / 116))
    x, y, z = roots.T
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=1).astype(np.float32)


def _median(rows: Float32[ndarray, "n c"]) -> Float32[ndarray, " c"]:
    return np.median(rows, axis=0).astype(np.float32)
