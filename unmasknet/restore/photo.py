"""One photo: find the masks of its faces, restore what they hide, lay it back. Pixels elsewhere keep their bits."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float32, UInt8
from numpy import ndarray

from maskgen.images.resample import warp
from maskgen.types import Plane, RGBImage
from unmasknet.restore.compositing import grained, laid_in, share, widened
from unmasknet.restore.face_window import FaceWindow
from unmasknet.restore.map_cleanup import clean_map
from unmasknet.restore.runtimes.base import Crops, Networks
from unmasknet.restore.variations import STRAIGHT, Glance

Hole = UInt8[ndarray, "tall wide"]
TONED = 5.0  # grey levels, at most, that a toned photo's pixels differ from its curves by
MEETING = 0.04  # sides of a crop over which one face changes into another whose mask meets its


@dataclass(frozen=True)
class FoundMask:
    """The mask of one face, 0 or 1 in the pixels of its window.

    Attributes:
        seen: where it is; all 0 on a bare face.
        hole: what of the photo may change: the mask and the rim around it over which the result fades in.
    """

    window: FaceWindow
    seen: Hole
    hole: Hole

    @property
    def worn(self) -> bool:
        """Whether there is one."""
        return bool(self.seen.any())


def find_masks(photo: RGBImage, windows: Sequence[FaceWindow], networks: Networks) -> list[FoundMask]:
    """Looks for the mask of each face with the segmenter."""
    side = networks.segmenter_side
    assert side is not None, "whoever calls this has a segmenter"
    if not windows:
        return []
    found = networks.hidden(crops_of(photo, windows, side))
    return [
        mask_of(window, outline(window, clean_map(hidden, networks.cleaning)))
        for window, hidden in zip(windows, found, strict=True)
    ]


def crops_of(photo: RGBImage, windows: Iterable[FaceWindow], side: int) -> Crops:
    """Crops what a network is shown of a photo: one crop per window, at least one, at `side` pixels."""
    return np.stack([warp(photo, window.matrix(side), side, "reflect", fine=True) for window in windows])


def mask_of(window: FaceWindow, seen: Hole) -> FoundMask:
    """Returns a mask with its rim."""
    return FoundMask(window, seen, widened(seen, window.side))


def outline(window: FaceWindow, map: Plane) -> Hole:
    """Transforms a crop's map to the window's pixels; blurred before it is enlarged, so that no steps are left."""
    soft = cv2.GaussianBlur(map.astype(np.float32), (0, 0), 0.6)
    return (window.laid_back(soft) > 0.5).astype(np.uint8)


def restore(
    photo: RGBImage, masks: Sequence[FoundMask], networks: Networks, glance: Glance = STRAIGHT
) -> UInt8[ndarray, "h w 3"]:
    """Restores the faces of a photo; outside the holes it keeps its bits.

    Args:
        photo: RGB.
        masks: at least one, each worn. Where the holes of two meet, a pixel goes to the face it is more central to.
        glance: how the generator looks at it.
    """
    hole = painted(photo.shape[:2], masks, lambda mask: mask.hole)
    windows = [glance.of(mask.window) for mask in masks]
    made = imagine(photo, hole, windows, networks, glance)
    return lay(photo, masks, [window.laid_back(one) for window, one in zip(windows, made, strict=True)])


def lay(
    photo: RGBImage, masks: Sequence[FoundMask], results: Sequence[Float32[ndarray, "_ _ 3"]]
) -> UInt8[ndarray, "h w 3"]:
    """Blends a result into the hole of each mask. `results`: RGB, 0-255, in the pixels of the masks' windows."""
    hole = painted(photo.shape[:2], masks, lambda mask: mask.hole)
    filled = photo.copy()
    before: list[FoundMask] = []
    for mask, result in zip(masks, results, strict=True):
        part = mask.window.of(filled)
        grain = grained(result, np.ascontiguousarray(mask.window.of(photo)), mask.hole, mask.window.side)
        part[:] = laid_in(np.ascontiguousarray(part), grain, _claim(mask, before))
        before.append(mask)
    laid = photo.copy()
    for mask, shares in zip(masks, _seams(masks, hole), strict=True):
        result = mask.window.of(filled).astype(np.float32)
        mask.window.of(laid)[:] = laid_in(np.ascontiguousarray(mask.window.of(photo)), result, shares)
    return laid


def _seams(masks: Sequence[FoundMask], hole: Plane) -> list[Float32[ndarray, "_ _"]]:
    """Computes the weights of the results in each mask's window. `hole`: of all, so that where two meet neither fades.

    Each hole fades as wide as its own face is large: a large face's seam is wider than a small one's whole mask.
    """
    own = [
        share(np.ascontiguousarray(mask.window.of(hole)), mask.window.side) * mask.hole.astype(np.float32)
        for mask in masks
    ]
    seams = [shares.copy() for shares in own]
    for mask, seam in zip(masks, seams, strict=True):
        for other, shares in zip(masks, own, strict=True):
            if other is not mask and (meeting := mask.window.meeting(other.window)) is not None:
                mine, theirs = meeting
                np.maximum(seam[mine], shares[theirs], out=seam[mine])
    return seams


def painted(shape: tuple[int, ...], masks: Sequence[FoundMask], plane: Callable[[FoundMask], Hole]) -> Plane:
    """Paints a plane of all masks into one image of `shape`, 0 or 1."""
    whole = np.zeros(shape, np.uint8)
    for mask in masks:
        np.maximum(mask.window.of(whole), plane(mask), out=mask.window.of(whole))
    return whole


def imagine(
    photo: RGBImage, hole: Plane, windows: Sequence[FaceWindow], networks: Networks, glance: Glance = STRAIGHT
) -> Float32[ndarray, "n side side 3"]:
    """Computes what the generator sees behind the hole, in the crop of each window: RGB, 0-255."""
    side = networks.generator_side
    assert side is not None, "whoever calls this has a generator"
    crops = crops_of(photo, windows, side)
    maps = np.stack([_shrunk(window.of(hole), window, side) for window in windows])
    made = glance.turned_back(networks.fill(*glance.seen(crops, maps)))
    for one, crop, map in zip(made, crops, maps, strict=True):
        if (tone := tone_of(crop, map == 0)) is not None:
            one[:] = toned(one.mean(axis=2), tone)
    return made


def tone_of(picture: RGBImage, where: ndarray) -> Float32[ndarray, "3 3"] | None:
    """Measures how a grey or toned photo colours its greys; None for a photo in colours.

    Networks, which saw few such photos, paint faces in colours. A photo is taken for toned if each of its channels is
    nearly one curve over its brightness: in 199 photos of real masks 3 levels off at most, the others 9 and more.

    Args:
        picture: RGB.
        where: the pixels that count.

    Returns:
        Of each power of the brightness, 0-1, from 0 on: levels by which R, G and B differ from the brightness.
    """
    seen = picture[where].astype(np.float32)
    if len(seen) == 0:
        return None
    grey = seen.mean(axis=1)
    powers, away = _powers(grey), seen - grey[:, None]
    tone = np.linalg.lstsq(powers, away, rcond=None)[0]
    off = np.abs(away - powers @ tone).max(axis=1)
    return tone if np.percentile(off, 99) <= TONED else None


def toned(grey: Float32[ndarray, "*shape"], tone: Float32[ndarray, "3 3"]) -> Float32[ndarray, "*shape 3"]:
    """Tones greys, 0-255, as a toned photo has them."""
    return grey[..., None] + _powers(grey) @ tone


def _powers(grey: Float32[ndarray, "*shape"]) -> Float32[ndarray, "*shape 3"]:
    share = grey / np.float32(255)
    return np.stack([np.ones_like(share), share, share * share], axis=-1)


def _shrunk(hole: Hole, window: FaceWindow, side: int) -> UInt8[ndarray, "side side"]:
    """Transforms a hole to the crop's pixels: 1 where any of it is hidden."""
    colours = cv2.merge([hole * np.uint8(255)] * 3)
    return (warp(colours, window.to_crop(side), side, "constant", fine=True)[..., 0] > 2).astype(np.uint8)


def _claim(mask: FoundMask, before: Sequence[FoundMask]) -> Float32[ndarray, "tall wide"]:
    """Computes how much of each pixel of its hole is this face's, beside faces that were blended before."""
    claim = mask.hole.astype(np.float32)
    own = mask.window.off_centre()
    for other in before:
        if (meeting := mask.window.meeting(other.window)) is None:
            continue
        mine, theirs = meeting
        nearer = np.clip((other.window.off_centre()[theirs] - own[mine]) / MEETING + 0.5, 0, 1)
        claim[mine] *= np.where(other.hole[theirs] > 0, nearer, 1)
    return claim
