"""Memory of a transform: what it keeps of an image never changes the result, and never reaches another image."""

import pickle

import numpy as np
import pytest

from maskgen.errors import Skip
from maskgen.transforms import RandomFaceMask, memory, random_face_mask
from tests.helpers.aligned import aligned, five, sixty_eight


def given(image, landmarks, transform=None):
    transform = transform or RandomFaceMask("surgical", p=1, cache="off")
    return transform(image, landmarks=landmarks, index=0)


@pytest.mark.parametrize("points", [five, sixty_eight, lambda: aligned()[1]])
def test_an_image_seen_before_gets_the_same_mask_without_a_second_look(points, monkeypatch):
    crop = aligned()[0]
    transform = RandomFaceMask("surgical", p=1, cache="off")
    first = given(crop, points(), transform)
    monkeypatch.setattr(random_face_mask, "light_up", lambda *_: pytest.fail("looked again"))
    assert (given(crop.copy(), points().copy(), transform) == first).all()


def test_other_pixels_or_other_landmarks_are_another_image():
    crop, mesh = aligned()
    transform = RandomFaceMask("surgical", p=1, cache="off")
    given(crop, mesh, transform)
    upended = np.ascontiguousarray(crop[::-1])  # the same sum of all pixels
    for image, landmarks in ((crop, mesh + 4), (crop // 2, mesh), (upended, mesh), (crop, mesh[:, :2])):
        assert (given(image, landmarks, transform) == given(image, landmarks)).all()
    assert len(transform._memory) == 5


def test_an_image_without_landmarks_is_not_taken_for_one_whose_landmarks_are_none():
    crop = aligned()[0]
    transform = RandomFaceMask("surgical", p=1, landmarks="arcface", cache="off")
    assert given(crop, [], transform) is crop
    assert given(crop, None, transform) is not crop
    assert transform.counts == {"masked": 1, "no_face": 1}


def test_the_image_used_longest_ago_is_forgotten_first(monkeypatch):
    monkeypatch.setattr(memory, "KEPT", 2)
    kept = memory.SubjectMemory()
    looked = []

    def find(key):
        return kept.find(key, lambda: looked.append(key) or [])

    for key in "abacab":
        assert find(key) == []
    assert (looked, len(kept)) == (["a", "b", "c", "b"], 2)


def test_what_is_larger_than_a_slot_is_looked_for_each_time(monkeypatch):
    monkeypatch.setattr(memory, "SLOT", 10)
    kept, looked, crowd = memory.SubjectMemory(), [], Skip("no_face", "said at length")
    for _ in range(2):
        assert kept.find("crowd", lambda: looked.append(1) or crowd) == crowd
    assert (len(looked), len(kept)) == (2, 0)


def test_what_is_kept_takes_one_block_and_copies_begin_empty():
    kept, none = memory.SubjectMemory(), Skip("no_face")
    assert kept.find("image", list) == []
    assert kept._slots.nbytes == memory.KEPT * memory.SLOT
    copied = pickle.loads(pickle.dumps(kept))
    assert (len(kept), len(copied)) == (1, 0)
    assert copied.find("image", lambda: none) == none
