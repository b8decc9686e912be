from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maskgen.faces.align import ROUGHLY
from maskgen.faces.landmarks.topology import CHIN
from maskgen.faces.pose import head_pose, rough_pose
from tests.helpers.faces import astronaut, detector, mean_face, turned


def errors(found, truth):
    """Differences between two poses in degrees, angle by angle."""
    return [
        abs((getattr(found, name) - getattr(truth, name) + 180) % 360 - 180)
        for name in ("yaw", "pitch", "roll")
    ]


@settings(max_examples=60, deadline=None)
@given(st.floats(-70, 70), st.floats(-40, 40), st.floats(-179, 179), st.floats(8, 400))
def test_the_pose_of_rotated_points_is_recovered_to_a_degree(yaw, pitch, roll, eyes):
    truth = turned(yaw, pitch, roll)
    assert max(errors(head_pose(mean_face(truth, eyes).mesh), truth)) < 1


def test_the_pose_of_points_seen_from_two_metres_is_recovered_to_a_degree():
    for yaw, pitch in ((0, 0), (35, 0), (-35, 10), (0, -25), (50, 15)):
        truth = turned(yaw, pitch, 8)
        mesh = mean_face(truth, eyes=1.0, centre=(0.0, 0.0)).mesh
        mesh[:, :2] *= 32 / (32 + mesh[:, 2:])  # 32 eye distances are two metres
        assert max(errors(head_pose(mesh * np.float32(70) + np.float32([150, 140, 0])), truth)) < 1


def test_yaw_above_zero_turns_the_nose_to_the_viewer_s_right():
    mesh = mean_face(turned(30, 0, 0)).mesh
    assert mesh[1, 0] > mesh[:, 0].mean()
    assert head_pose(mesh).yaw == pytest.approx(30, abs=1)


def test_pitch_above_zero_lifts_the_nose():
    lifted, level = mean_face(turned(0, 25, 0)).mesh, mean_face().mesh
    assert lifted[1, 1] < level[1, 1]
    assert head_pose(lifted).pitch == pytest.approx(25, abs=1)


def test_roll_above_zero_tilts_clockwise_as_seen():
    mesh = mean_face(turned(0, 0, 20)).mesh
    assert mesh[263, 1] > mesh[33, 1]  # the eye on the viewer's right sinks
    assert mesh[CHIN, 0] < mesh[10, 0]  # the chin goes left of the forehead
    assert head_pose(mesh).roll == pytest.approx(20, abs=1)


@given(st.floats(-180, 180))
@settings(max_examples=20, deadline=None)
def test_rotating_the_image_changes_the_roll_alone(angle):
    turn = np.radians(angle)
    matrix = np.array([[np.cos(turn), -np.sin(turn), 40], [np.sin(turn), np.cos(turn), -25]], np.float32)
    face = mean_face(turned(25, -10, 5))
    assert max(errors(head_pose(face.moved(matrix).mesh), turned(25, -10, 5 + angle))) < 1


def test_a_mirrored_photo_has_the_opposite_yaw_and_roll():
    straight = head_pose(detector().detect(astronaut())[0].mesh)
    mirrored = head_pose(detector().detect(np.ascontiguousarray(astronaut()[:, ::-1]))[0].mesh)
    assert max(errors(mirrored, turned(-straight.yaw, straight.pitch, -straight.roll))) < 3


@settings(max_examples=40, deadline=None)
@given(st.floats(-80, 80), st.floats(-40, 40), st.floats(-179, 179))
def test_a_rough_pose_stays_within_its_error_bound(yaw, pitch, roll):
    truth = turned(yaw, pitch, roll)
    found_yaw, found_roll = rough_pose(mean_face(truth).mesh)
    assert max(errors(replace(truth, yaw=found_yaw, roll=found_roll), truth)) < ROUGHLY


def test_a_rough_pose_of_a_real_face_stays_within_half_the_bound():
    mesh = detector().detect(astronaut())[0].mesh
    found_yaw, found_roll = rough_pose(mesh)
    truth = head_pose(mesh)
    assert max(errors(replace(truth, yaw=found_yaw, roll=found_roll), truth)) < ROUGHLY / 2
