"""The flat baseline: a mask's picture pasted by one homography, as the field's generators do.

A family's frontal view under even light is drawn once as a flat RGBA picture. For each face a homography takes six of
its points (bridge, chin, jaw) to the face's landmarks, and the warped picture is laid on with its own opacity: no
shape, no light of the photo, no straps, no shadow.
"""

from functools import lru_cache

import cv2
import numpy as np

from maskgen.dress import Dress, pick_dress
from maskgen.head import canonical_head
from maskgen.layer import draw_layer
from maskgen.library import built_in
from maskgen.light import Light
from maskgen.triplet import Stage
from maskgen.types import WornMask
from maskgen.warp import Fit, Looseness

SIDE, UNIT, PLACE = (
    512,
    150.0,
    (256.0, 90.0),
)  # of the flat picture: pixels, pixels a head unit, the eyes' middle
ANCHORS = (6, 234, 454, 172, 397, 152)  # bridge, sides below the ears, jaw angles, chin
EVEN = Light(np.ones(3, np.float32), np.zeros(3, np.float32), 0.0, 1.0, np.zeros(0, np.float32))


def paste(stage: Stage, worn: WornMask, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The masked picture and its map, 0 or 1, for a face and a mask."""
    dress = pick_dress(worn, built_in().template(worn.family).look, np.random.default_rng(seed))
    flat = flat_picture(worn.family, dress)
    anchors = canonical_head().mesh[list(ANCHORS), :2] * UNIT + np.array(PLACE, np.float32)
    matrix, _ = cv2.findHomography(anchors, stage.face.mesh[list(ANCHORS), :2])
    height, width = stage.picture.shape[:2]
    warped = cv2.warpPerspective(flat, matrix, (width, height)).astype(np.float32)
    opacity = warped[..., 3:] / 255
    masked = np.rint(stage.picture * (1 - opacity) + warped[..., :3] * opacity).astype(np.uint8)
    hole = (opacity[..., 0] > 0.5) & (stage.inside > 0)
    return np.where((opacity > 0) & (stage.inside[..., None] > 0), masked, stage.picture), hole.astype(
        np.uint8
    )


@lru_cache(maxsize=64)  # 1 MiB each
def flat_picture(family: str, dress: Dress) -> np.ndarray:
    """A family's frontal view, RGBA, `SIDE SIDE 4`."""
    head = canonical_head()
    fit = Fit(UNIT, np.eye(3, dtype=np.float32), np.array([*PLACE, 0], np.float32),
              np.zeros((len(head.modes), 3), np.float32))  # fmt: skip
    mesh = head.mesh * np.float32(UNIT) + np.array([*PLACE, 0], np.float32)
    blank = np.zeros((SIDE, SIDE, 3), np.uint8)
    mask, shell = built_in().mask(family), built_in().shell(family, "correct")
    layer = draw_layer(mask, shell, dress, fit, mesh, EVEN, Looseness(), 0.0, np.random.default_rng(0), blank)
    assert layer is not None
    picture = np.zeros((SIDE, SIDE, 4), np.uint8)
    opacity = cv2.subtract(layer.colour[..., 3], layer.strap)
    rgb = np.clip(layer.colour[..., :3] * (255 / np.maximum(layer.colour[..., 3:], 1.0)), 0, 255)
    picture[layer.box.slices] = np.dstack([rgb, opacity]).astype(np.uint8)
    return picture
