"""Cleaning of maps: which components are kept, and when a map is empty."""

import numpy as np

from unmasknet.restore.map_cleanup import clean_map
from unmasknet.restore.runtimes.base import Cleaning

SIDE = 100


def cleaned(*boxes, opening=0):
    hidden = np.zeros((SIDE, SIDE), np.float32)
    for top, bottom, left, right in boxes:
        hidden[top:bottom, left:right] = 0.9
    return clean_map(hidden, Cleaning(0.5, opening))


MASK = (50, 90, 28, 72)


def test_a_mask_is_kept_and_specks_are_removed():
    map = cleaned(MASK, (5, 7, 5, 7))
    assert map[55:85, 32:68].all()
    assert not map[:40].any()


def test_a_strap_is_kept_and_a_collar_is_removed():
    map = cleaned(MASK, (40, 44, 2, 16), (97, 100, 0, 100))
    assert map[41:43, 4:14].all()
    assert not map[98:].any()


def test_a_moustache_is_not_a_mask():
    assert not cleaned((66, 72, 35, 65)).any()


def test_a_component_off_the_face_is_not_a_mask():
    assert not cleaned((0, 30, 0, 100)).any()


def test_holes_in_a_mask_are_filled():
    hidden = np.zeros((SIDE, SIDE), np.float32)
    hidden[50:90, 28:72] = 0.9
    hidden[60:70, 45:55] = 0.1
    assert clean_map(hidden, Cleaning(0.5, 0))[60:70, 45:55].all()


def test_the_opening_removes_thin_components():
    assert cleaned(MASK, (20, 50, 50, 53)).sum() > cleaned(MASK, (20, 50, 50, 53), opening=6).sum() + 80
