"""Steps for one photo: find the masks of its faces, restore the hidden parts, composite them. Other pixels stay."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float32, UInt8
from numpy import ndarray

from maskgen.images.resample import warp
from maskgen.types import Plane, RGBImage
from unmasknet.restore.compositing import blend_weights, blended, grained, widened
from unmasknet.restore.face_window import FaceWindow
from unmasknet.restore.map_cleanup import clean_map
from unmasknet.restore.runtimes.base import Crops, Networks
from unmasknet.restore.variations import UNVARIED, Variation

WindowPlane = UInt8[ndarray, "tall wide"]
WindowColours = Float32[ndarray, "_ _ 3"]
# Takes the photo with the results blended in, and the results in the pixels of each mask's window; returns new results.
Repaint = Callable[[RGBImage, list[WindowColours]], list[WindowColours]]
TONED = 5.0  # grey levels; largest difference of a toned photo's pixels from its tone curves
MEETING = 0.04  # sides of a crop over which one face blends into another where their holes overlap


@dataclass(frozen=True)
class FoundMask:
    """Mask of one face. Its planes are 0 or 1, in the pixels of the window.

    Attributes:
        window: the window of the face.
        covered: 1 where the mask is; all 0 on a bare face.
        map: 1 where the photo may change: the mask, and the rim around it over which the result fades in.
    """

    window: FaceWindow
    covered: WindowPlane
    map: WindowPlane

    @property
    def worn(self) -> bool:
        """Whether the face has a mask."""
        return bool(self.covered.any())


def find_masks(photo: RGBImage, windows: Sequence[FaceWindow], networks: Networks) -> list[FoundMask]:
    """Finds the mask of each face with the segmenter."""
    side = networks.segmenter_side
    assert side is not None, "needs a segmenter"
    if not windows:
        return []
    found = networks.hidden(crops_of(photo, windows, side))
    return [
        mask_of(window, outline(window, clean_map(hidden, networks.cleaning)))
        for window, hidden in zip(windows, found, strict=True)
    ]


def crops_of(photo: RGBImage, windows: Iterable[FaceWindow], side: int) -> Crops:
    """Crops the photo for a network: one crop per window, at `side` pixels. There must be at least one window."""
    return np.stack([warp(photo, window.matrix(side), side, "reflect", fine=True) for window in windows])


def mask_of(window: FaceWindow, covered: WindowPlane) -> FoundMask:
    """Builds the mask of a face from its pixels; adds the rim."""
    return FoundMask(window, covered, widened(covered, window.side))


def outline(window: FaceWindow, map: Plane) -> WindowPlane:
    """Transforms a crop's map to the window's pixels, blurred before it is enlarged to avoid stairs at the edge."""
    soft = cv2.GaussianBlur(map.astype(np.float32), (0, 0), 0.6)
    return (window.laid_back(soft) > 0.5).astype(np.uint8)


def restore(
    photo: RGBImage,
    masks: Sequence[FoundMask],
    networks: Networks,
    variation: Variation = UNVARIED,
    repaint: Repaint | None = None,
) -> UInt8[ndarray, "h w 3"]:
    """Restores the faces of a photo; pixels outside the holes do not change.

    Args:
        photo: RGB.
        masks: at least one, none of them empty. Where two holes overlap, a pixel goes to the face whose crop centre is
            nearer, in sides of the crop.
        networks: must have a generator.
        variation: of the generator's input.
        repaint: changes the network's results before they are blended in.
    """
    map = painted(photo.shape[:2], masks, lambda mask: mask.map)
    windows = [variation.framed(mask.window) for mask in masks]
    made = imagine(photo, map, windows, networks, variation)
    results = [window.laid_back(one) for window, one in zip(windows, made, strict=True)]
    if repaint:
        results = repaint(lay(photo, masks, results), results)
    return lay(photo, masks, results)


def lay(
    photo: RGBImage, masks: Sequence[FoundMask], results: Sequence[Float32[ndarray, "_ _ 3"]]
) -> UInt8[ndarray, "h w 3"]:
    """Blends a result into the hole of each mask. `results`: RGB, 0-255, in the pixels of each mask's window."""
    map = painted(photo.shape[:2], masks, lambda mask: mask.map)
    filled = photo.copy()
    before: list[FoundMask] = []
    for mask, result in zip(masks, results, strict=True):
        part = mask.window.of(filled)
        grain = grained(result, np.ascontiguousarray(mask.window.of(photo)), mask.map, mask.window.side)
        part[:] = blended(np.ascontiguousarray(part), grain, _claim(mask, before))
        before.append(mask)
    laid = photo.copy()
    for mask, weights in zip(masks, _seams(masks, map), strict=True):
        result = mask.window.of(filled).astype(np.float32)
        mask.window.of(laid)[:] = blended(np.ascontiguousarray(mask.window.of(photo)), result, weights)
    return laid


def _seams(masks: Sequence[FoundMask], map: Plane) -> list[Float32[ndarray, "_ _"]]:
    """Computes the blend weights in each mask's window.

    The width of a seam depends on the size of its own face: the seam of a large face can be wider than the whole mask
    of a small one.

    Args:
        masks: of the faces.
        map: union of all holes, so that nothing fades where two of them overlap.
    """
    own = [
        blend_weights(np.ascontiguousarray(mask.window.of(map)), mask.window.side)
        * mask.map.astype(np.float32)
        for mask in masks
    ]
    seams = [weights.copy() for weights in own]
    for mask, seam in zip(masks, seams, strict=True):
        for other, weights in zip(masks, own, strict=True):
            if other is not mask and (meeting := mask.window.meeting(other.window)) is not None:
                mine, theirs = meeting
                np.maximum(seam[mine], weights[theirs], out=seam[mine])
    return seams


def painted(
    shape: tuple[int, ...], masks: Sequence[FoundMask], plane: Callable[[FoundMask], WindowPlane]
) -> Plane:
    """Combines one plane of all masks into an array of `shape`, 0 or 1."""
    whole = np.zeros(shape, np.uint8)
    for mask in masks:
        np.maximum(mask.window.of(whole), plane(mask), out=mask.window.of(whole))
    return whole


def imagine(
    photo: RGBImage,
    map: Plane,
    windows: Sequence[FaceWindow],
    networks: Networks,
    variation: Variation = UNVARIED,
) -> Float32[ndarray, "n side side 3"]:
    """Computes the generator's image for the crop of each window: RGB, 0-255, in the tone of the photo."""
    side = networks.generator_side
    assert side is not None, "needs a generator"
    crops = crops_of(photo, windows, side)
    maps = np.stack([_shrunk(window.of(map), window, side) for window in windows])
    made = variation.undone(networks.fill(*variation.applied(crops, maps)))
    for one, crop, small in zip(made, crops, maps, strict=True):
        if (tone := tone_of(crop, small == 0)) is not None:
            one[:] = toned(one.mean(axis=2), tone)
    return made


def tone_of(picture: RGBImage, where: ndarray) -> Float32[ndarray, "3 3"] | None:
    """Fits the tone of a grey or toned photo; returns None for a photo in colour.

    Networks, trained on few such photos, paint faces in colour. A photo counts as toned if each channel is nearly a
    function of its brightness: among 199 photos of real masks, toned ones differ from it by at most 3 grey levels, all
    others by at least 9.

    Args:
        picture: RGB.
        where: true for the pixels to use.

    Returns:
        Coefficients of a polynomial in the brightness, 0-1, that gives the difference of R, G and B from it, in grey
        levels: one row per power, from 0 to 2.
    """
    pixels = picture[where].astype(np.float32)
    if len(pixels) == 0:
        return None
    grey = pixels.mean(axis=1)
    powers, colour = _powers(grey), pixels - grey[:, None]
    tone = np.linalg.lstsq(powers, colour, rcond=None)[0]
    residual = np.abs(colour - powers @ tone).max(axis=1)
    return tone if np.percentile(residual, 99) <= TONED else None


def toned(grey: Float32[ndarray, "*shape"], tone: Float32[ndarray, "3 3"]) -> Float32[ndarray, "*shape 3"]:
    """Adds a tone, as `tone_of` returns it, to grey levels, 0-255."""
    return grey[..., None] + _powers(grey) @ tone


def _powers(grey: Float32[ndarray, "*shape"]) -> Float32[ndarray, "*shape 3"]:
    brightness = grey / np.float32(255)
    return np.stack([np.ones_like(brightness), brightness, brightness * brightness], axis=-1)


def _shrunk(map: WindowPlane, window: FaceWindow, side: int) -> UInt8[ndarray, "side side"]:
    """Transforms a hole to the crop's pixels: 1 where any part of the pixel is hidden."""
    colours = cv2.merge([map * np.uint8(255)] * 3)
    return (warp(colours, window.to_crop(side), side, "constant", fine=True)[..., 0] > 2).astype(np.uint8)


def _claim(mask: FoundMask, before: Sequence[FoundMask]) -> Float32[ndarray, "tall wide"]:
    """Computes the weight of this face in its hole, beside the faces that were blended before, 0-1."""
    claim = mask.map.astype(np.float32)
    own = mask.window.off_centre()
    for other in before:
        if (meeting := mask.window.meeting(other.window)) is None:
            continue
        mine, theirs = meeting
        nearer = np.clip((other.window.off_centre()[theirs] - own[mine]) / MEETING + 0.5, 0, 1)
        claim[mine] *= np.where(other.map[theirs] > 0, nearer, 1)
    return claim
