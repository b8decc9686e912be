"""Verdicts on boxes and masks: which differences a layout's rounding explains, and which are wrong."""

import numpy as np
import pytest

from compat.judge_faces import judge_boxes, judge_mask

FACES = np.array([(10.25, 12.5, 40.75, 60.0, 0), (70.0, 20.0, 90.0, 45.5, 1)])
PARTS = np.zeros((32, 32), np.uint8)
PARTS[8:24, 6:26] = 3
PARTS[8:10, 2:6] = 2


@pytest.mark.parametrize(
    ("boxes", "verdict"),
    [
        (FACES, "right"),
        (FACES + np.array([0.01, 0, 0, 0, 0]), "right"),
        (np.round(FACES), "right, within 1 px"),
        (FACES + np.array([1.5, 0, 0, 0, 0]), "wrong, 1.5 px apart"),
        (FACES * np.array([1, 1, 1, 1, 0]), "wrong, other classes"),
        (FACES[:1], "wrong, 1 of 2 faces"),
        (FACES[::-1], "wrong, other classes"),
        (FACES[:, 4:], "right, classes"),
        (FACES[:, :4], "wrong, (2, 4)"),
    ],
)
def test_boxes_may_differ_by_the_rounding_of_a_layout(boxes, verdict):
    assert judge_boxes(np.asarray(boxes), FACES) == verdict


def test_an_image_without_faces_has_no_box():
    none = np.zeros((0, 5))
    assert judge_boxes(none, none) == "right"
    assert judge_boxes(none, FACES) == "wrong, 0 of 2 faces"


def test_a_mask_may_differ_along_its_edge_by_one_pixel():
    exact = PARTS == 3
    wider = np.zeros_like(exact)
    wider[7:25, 5:27] = True
    narrower = np.zeros_like(exact)
    narrower[9:23, 7:25] = True
    assert judge_mask(exact, PARTS) == "right"
    assert judge_mask(wider, PARTS) == judge_mask(narrower, PARTS) == "right, within 1 px"


def test_a_mask_two_pixels_off_with_a_hole_or_with_straps_is_wrong():
    shifted = np.roll(PARTS == 3, 2, axis=1)
    pierced = PARTS == 3
    pierced[15, 15] = False
    assert judge_mask(shifted, PARTS).startswith("wrong")
    assert judge_mask(pierced, PARTS) == "wrong, 1 pixels"
    assert judge_mask(PARTS > 0, PARTS).startswith("wrong")
    assert judge_mask(PARTS[:-1] == 3, PARTS) == "wrong, (31, 32)"
