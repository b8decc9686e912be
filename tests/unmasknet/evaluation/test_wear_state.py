"""Wear state read from a map."""

import numpy as np
import pytest

from unmasknet.evaluation.wear_state import wearing

POINTS = np.array(
    [[22.0, 24.0], [42.0, 24.0], [25.0, 44.0], [39.0, 44.0]]
)  # one eye-to-mouth length is 20 pixels


def covered(top: int, bottom: int) -> np.ndarray:
    map = np.zeros((72, 64))
    map[top:bottom, 10:54] = 1
    return map


@pytest.mark.parametrize(
    ("map", "state"),
    [
        (covered(30, 62), "correct"),
        (covered(40, 62), "nose"),
        (covered(48, 66), "below-mouth"),
        (covered(30, 50), "chin"),
        (covered(0, 0), "unmasked"),
        (covered(0, 20), "unmasked"),
    ],
)
def test_state_names_the_bare_region(map: np.ndarray, state: str) -> None:
    assert wearing(map, POINTS).state == state


def test_rotation_does_not_change_the_state() -> None:
    turned = np.rot90(covered(40, 62))
    points = np.column_stack([POINTS[:, 1], 63 - POINTS[:, 0]])  # as rot90 moves pixels
    assert wearing(turned, points) == wearing(covered(40, 62), POINTS)


def test_wrong_rises_with_the_bare_fraction() -> None:
    right, half, wrong = (wearing(covered(top, 62), POINTS).wrong for top in (30, 36, 44))
    assert right == 0
    assert right < half <= wrong


def test_a_face_outside_the_image_is_unmasked() -> None:
    assert wearing(covered(30, 62), POINTS + 500).state == "unmasked"
