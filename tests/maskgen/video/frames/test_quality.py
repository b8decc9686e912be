"""Quality measures of frames from video."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskgen.faces.eyes import eye_opening
from maskgen.types import Pose
from maskgen.video.frames.quality import distance, fingerprint, is_cut_off, sharpness, spread_out
from tests.helpers.faces import astronaut, detector, face_from, mean_face


def grey():
    return cv2.cvtColor(astronaut()[40:200, 140:300], cv2.COLOR_RGB2GRAY)


def test_blur_lowers_sharpness_and_contrast_does_not():
    sharp = grey()
    values = [sharpness(cv2.GaussianBlur(sharp, (0, 0), sigma)) for sigma in (0.7, 1.0, 2.0)]
    assert sharpness(sharp) > values[0] > values[1] > values[2]
    assert sharpness((sharp // 2 + 40).astype(np.uint8)) == pytest.approx(sharpness(sharp), rel=0.1)


def test_a_fingerprint_survives_noise_and_brightness_and_differs_between_images():
    one = grey()
    noisy = np.clip(one + np.random.default_rng(0).normal(0, 3, one.shape), 0, 255).astype(np.uint8)
    darker = (one * 0.7).astype(np.uint8)
    mark = fingerprint(one)
    assert distance(mark, [fingerprint(noisy)]) <= 2
    assert distance(mark, [fingerprint(darker)]) <= 2
    assert distance(mark, [fingerprint(np.ascontiguousarray(one[::-1]))]) > 10
    assert distance(mark, []) == 64


def test_closed_lids_have_no_opening():
    face = mean_face()
    mesh = face.mesh.copy()
    for upper, lower in ((159, 145), (386, 374)):
        mesh[upper] = mesh[lower]
    assert eye_opening(face) > 0.2
    assert eye_opening(face_from(mesh)) == 0.0


def test_a_face_beyond_the_frame_is_cut_off():
    assert not is_cut_off(detector().detect(astronaut())[0], astronaut())
    assert is_cut_off(mean_face(centre=(10.0, 100.0)), astronaut())


def test_spread_takes_the_most_frontal_and_the_most_different():
    poses = [Pose(yaw, 0.0, 0.0) for yaw in (5.0, 1.0, 40.0, 38.0, -30.0)]
    assert spread_out(poses, 3) == [1, 2, 4]


@given(st.lists(st.floats(-60, 60), max_size=12), st.integers(1, 12))
def test_spread_gives_the_requested_count_or_all_poses(yaws, count):
    chosen = spread_out([Pose(yaw, 0.0, 0.0) for yaw in yaws], count)
    assert chosen == sorted(set(chosen))
    assert len(chosen) == min(count, len(yaws))
