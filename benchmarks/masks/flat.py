"""Flat baselines: an image of the mask pasted with one homography, as other generators do.

The frontal view of a family under even light is drawn once as a flat RGBA image. For each face a homography maps six of
its points (bridge of the nose, chin, jaw) to the face's landmarks, and the warped image is blended by its opacity:
without 3-D shape, light of the photo, straps or shadow.

There are two baselines. `twin` wears the same family, colour, texture and wear as our sample, with soft edges, so that
only the drawing differs. `field` imitates today's generators: the few masks of MaskTheFace, worn correctly, with both
layers added at soft edges (the white rim).
"""

from functools import lru_cache

import cv2
import numpy as np

from maskgen.faces.canonical_head import canonical_head
from maskgen.masks.appearance import Dress, pick_dress
from maskgen.masks.library import built_in
from maskgen.rendering.layer import DressedMask, draw_layer
from maskgen.rendering.lighting import Light
from maskgen.rendering.projection import Fit, Looseness
from maskgen.rendering.stage import Stage
from maskgen.types import Face, Pose, WornMask

# The flat image: its side in pixels, pixels per head unit, position of the point between the eyes.
SIDE, UNIT, PLACE = 512, 150.0, (256.0, 90.0)
ANCHORS = (6, 234, 454, 172, 397, 152)  # bridge of the nose, sides below the ears, jaw angles, chin
EDGES = ("blended", "added")
FIELD = {  # family: colours of its templates in MaskTheFace
    "surgical": ("#a8cfe8", "#7fc4bd", "#f2f2f2"),
    "n95": ("#f4f4f2",),
    "kn95": ("#f4f4f2",),
    "cloth": ("#b9bcc2",),
}
DYES = ("#101010", "#5b6f92", "#2d5fa8", "#7a7a7a", "#9b2f3a", "#4d7a52")  # for its option of a colour
PRINTS = ("check", "floral", "dots", "stripes")  # for its option of a pattern
DYED, PRINTED = 0.3, 0.2  # fractions of masks coloured and patterned here; its defaults are 0 and 0
EVEN = Light(np.ones(3, np.float32), np.zeros(3, np.float32), 0.0, 1.0, np.zeros(0, np.float32))


def field_mask(rng: np.random.Generator) -> WornMask:
    """Draws a mask as MaskTheFace would."""
    family = str(rng.choice(list(FIELD)))
    colour, texture, chance = str(rng.choice(FIELD[family])), "plain", rng.random()
    if chance < DYED + PRINTED:
        colour = str(rng.choice(DYES))
    if chance < PRINTED:
        texture = str(rng.choice(PRINTS))
    return WornMask(family, texture, colour, 1.0, "correct")


def paste(stage: Stage, worn: WornMask, seed: int, edge: str = "blended") -> tuple[np.ndarray, np.ndarray]:
    """Returns the masked image and its map (0 or 1) of a face with a mask; `edge` is one of `EDGES`."""
    dress = pick_dress(worn, built_in().template(worn.family).look, np.random.default_rng(seed))
    flat = flat_picture(worn.family, dress)
    anchors = canonical_head().mesh[list(ANCHORS), :2] * UNIT + np.array(PLACE, np.float32)
    matrix, _ = cv2.findHomography(anchors, stage.face.mesh[list(ANCHORS), :2])
    height, width = stage.image.shape[:2]
    warped = cv2.warpPerspective(flat, matrix, (width, height)).astype(np.float32)
    opacity = warped[..., 3:] / 255
    if edge == "added":
        below = stage.image * (opacity < 1)
        masked = np.clip(below + warped[..., :3] * (opacity > 0), 0, 255).astype(np.uint8)
    else:
        masked = np.rint(stage.image * (1 - opacity) + warped[..., :3] * opacity).astype(np.uint8)
    map = (opacity[..., 0] > 0.5) & (stage.inside > 0)
    return np.where((opacity > 0) & (stage.inside[..., None] > 0), masked, stage.image), map.astype(np.uint8)


@lru_cache(maxsize=64)  # 1 MiB each
def flat_picture(family: str, dress: Dress) -> np.ndarray:
    """Draws the frontal view of a family, RGBA, `SIDE SIDE 4`."""
    head = canonical_head()
    fit = Fit(UNIT, np.eye(3, dtype=np.float32), np.array([*PLACE, 0], np.float32),
              np.zeros((len(head.modes), 3), np.float32))  # fmt: skip
    mesh = head.mesh * np.float32(UNIT) + np.array([*PLACE, 0], np.float32)
    blank = np.zeros((SIDE, SIDE, 3), np.uint8)
    mask, shell = built_in().mask(family), built_in().shell(family, "correct")
    face = Face((0.0, 0.0, float(SIDE), float(SIDE)), mesh[:, :2], "mesh468", mesh, 1.0)
    stage = Stage(blank, np.ones((SIDE, SIDE), np.uint8), face, Pose(0.0, 0.0, 0.0), fit, EVEN, 0.0)
    layer = draw_layer(stage, DressedMask(mask, shell, dress, Looseness()), np.random.default_rng(0))
    assert layer is not None
    picture = np.zeros((SIDE, SIDE, 4), np.uint8)
    opacity = cv2.subtract(layer.colour[..., 3], layer.strap)
    rgb = np.clip(layer.colour[..., :3] * (255 / np.maximum(layer.colour[..., 3:], 1.0)), 0, 255)
    picture[layer.box.slices] = np.dstack([rgb, opacity]).astype(np.uint8)
    return picture
