import math

import cv2
import numpy as np
import pytest

from maskgen.faces.canonical_head import canonical_head
from maskgen.masks.library import built_in
from maskgen.rendering.projection import Box, Looseness, carry, fit_head
from maskgen.rendering.straps import STUB, draw_straps
from tests.helpers.worn_masks import SIZE, UNIT, skin_photo, turned_mesh

SKIN = (np.array([200, 150, 125], np.float32) / 255) ** 2


def straps(family="surgical", image=None, yaw=0.0):
    """Draws the straps of a family over an image; returns their opacity, 0-1."""
    shell = built_in().shell(family, "correct")
    carried = carry(shell, fit_head(turned_mesh(yaw=yaw), canonical_head()), Looseness())
    image = skin_photo().pixels if image is None else image
    return draw_straps(carried, shell, UNIT, image, SKIN, Box(0, 0, SIZE, SIZE)) / np.float32(255)


def test_straps_of_a_frontal_face_are_symmetric():
    drawn = straps()
    left, right = drawn[:, :128].sum(), drawn[:, 128:].sum()
    assert left > 50
    assert left == pytest.approx(right, rel=0.1)


def test_the_far_strap_of_a_turned_head_is_hidden():
    drawn = straps(yaw=45.0)
    assert drawn[:, :118].sum() > 50
    assert drawn[:, 140:].sum() < 0.2 * drawn[:, :118].sum()


LOOPS = ["clear", "cloth", "cloth2", "ffp2", "kn95", "pleated", "surgical", "urethane"]


@pytest.mark.parametrize("family", LOOPS)
def test_loops_of_a_turned_head_reach_the_ear_beyond_the_edge_of_the_mesh(family):
    mesh = turned_mesh(yaw=45.0)
    reach = straps(family, yaw=45.0).max(0).nonzero()[0].min()
    assert reach < mesh[:, 0].min() - 0.12 * UNIT


@pytest.mark.parametrize("family", [*LOOPS, "n95", "duckbill", "respirator"])
def test_an_almost_hidden_strap_leaves_no_short_stub(family):
    widths = [strap.width for strap in built_in().template(family).straps]
    for yaw in range(-40, 41, 8):
        drawn = np.uint8(straps(family, yaw=float(yaw)) > 0.5)
        _, _, boxes, _ = cv2.connectedComponentsWithStats(drawn)
        for _, _, wide, tall, _ in boxes[1:]:
            assert math.hypot(wide, tall) > STUB * min(widths) * UNIT


def test_ear_loops_end_where_dark_hair_begins_and_bands_go_over_it():
    image = skin_photo().pixels.copy()
    image[:, :70] = 20
    assert straps(image=image)[:, :66].sum() < 0.3 * straps()[:, :66].sum()
    assert straps("n95", image)[:, :66].sum() == pytest.approx(straps("n95")[:, :66].sum())


def test_a_family_without_straps_draws_none():
    assert straps("gaiter").sum() == 0
