"""Tracking: smoothed crops, tracks, persons, cuts."""

import numpy as np
import pytest

from maskgen.faces.align import crop_matrix
from maskgen.video.tracking.crop_smoothing import matrix_of, place_of, smoothed
from maskgen.video.tracking.face_descriptor import look_of
from maskgen.video.tracking.tracks import Sight, Tracker, is_cut, persons, thumb_of
from tests.helpers.faces import astronaut, detector, mean_face, turned

LENGTH = 1152


def look(seed):
    vector = np.random.default_rng(seed).normal(size=LENGTH).astype(np.float32)
    return vector / np.linalg.norm(vector)


def sight(x, seed=0, side=200.0):
    return Sight(np.array([x, 100.0, np.log(side), 0.0]), look(seed), 0.3)


def test_a_place_reproduces_the_matrix_of_the_crop():
    face = mean_face(turned(yaw=20, roll=15))
    np.testing.assert_allclose(matrix_of(place_of(face), 512), crop_matrix(face, 512), atol=2e-3)


def test_a_constant_motion_is_followed_without_lag():
    times = np.arange(0, 2, 0.1)
    places = np.stack([100 + 50 * times, 80 - 20 * times, 5 + 0.1 * times, 0.3 * times], axis=1)
    for time in (0.0, 1.0, 1.9):
        expected = [100 + 50 * time, 80 - 20 * time, 5 + 0.1 * time, 0.3 * time]
        np.testing.assert_allclose(smoothed(times, places, time), expected, atol=1e-9)


def test_jitter_is_removed():
    times = np.arange(0, 4, 1 / 30)
    noise = np.random.default_rng(1).normal(0, 0.1, (len(times), 4))
    steady = np.array([smoothed(times, noise, time) for time in times])
    assert np.diff(steady, 2, axis=0).std() < 0.05 * np.diff(noise, 2, axis=0).std()


def test_angles_are_smoothed_across_180_degrees():
    times = np.array([0.0, 0.1, 0.2])
    places = np.array([[0, 0, 5, np.pi - 0.1], [0, 0, 5, np.pi], [0, 0, 5, -np.pi + 0.1]], np.float64)
    assert smoothed(times, places, 0.1)[3] == pytest.approx(np.pi)


def test_a_single_detection_keeps_its_place():
    place = np.array([3.0, 4.0, 5.0, 0.1])
    np.testing.assert_allclose(smoothed(np.array([7.0]), place[None], 7.0), place)


def test_a_face_that_moves_keeps_its_track():
    tracker = Tracker()
    tracks = [tracker.see(0.1 * n, [sight(100 + 5 * n)])[0] for n in range(10)]
    assert len(set(tracks)) == 1


def test_two_faces_keep_their_tracks_in_any_order():
    tracker = Tracker()
    one, other = tracker.see(0.0, [sight(100, 1), sight(400, 2)])
    assert tracker.see(0.1, [sight(402, 2), sight(101, 1)]) == [other, one]
    assert persons(tracker.tracks) == {0: 0, 1: 1}


@pytest.mark.parametrize(
    ("time", "x", "seed"),
    [(0.1, 300.0, 1), (0.1, 100.0, 9), (3.0, 100.0, 1)],
    ids=["elsewhere", "another face in its place", "not detected for long"],
)
def test_a_face_that_does_not_fit_starts_another_track(time, x, seed):
    tracker = Tracker()
    (first,) = tracker.see(0.0, [sight(100, 1)])
    (second,) = tracker.see(time, [sight(x, seed)])
    assert first is not second


def test_a_person_is_recognised_after_a_cut():
    tracker = Tracker()
    tracker.see(0.0, [sight(100, 1)])
    tracker.cut()
    tracker.see(0.1, [sight(100, 2)])
    tracker.cut()
    tracker.see(0.2, [sight(300, 1)])
    assert persons(tracker.tracks) == {0: 0, 1: 1, 2: 0}


def test_two_faces_in_one_frame_are_never_one_person():
    tracker = Tracker()
    tracker.see(0.0, [sight(100, 1), sight(500, 1)])
    assert len(set(persons(tracker.tracks).values())) == 2


def test_a_track_removes_detections_that_no_smoothing_needs():
    tracker = Tracker()
    for n in range(400):
        tracker.see(0.03 * n, [sight(100, 1)])
    (track,) = tracker.tracks
    assert len(track.times) == len(track.places) == len(track.eyes) < 150
    assert len(track.looks) == 1


def test_usual_eyes_are_the_median_around_a_time():
    tracker = Tracker()
    for n, eyes in enumerate([0.3, 0.3, 0.1, 0.3, 0.3]):
        (track,) = tracker.see(0.1 * n, [Sight(sight(100).place, look(0), eyes)])
    assert track.usual_eyes(0.2) == 0.3


def test_a_descriptor_survives_brightness_and_differs_between_faces():
    pixels = astronaut()
    place = place_of(detector().detect(pixels)[0])
    own = look_of(pixels, place)
    darker = look_of((pixels * 0.6 + 20).astype(np.uint8), place)
    mirrored = look_of(np.ascontiguousarray(np.rot90(pixels, 2)), place)
    assert own @ darker > 0.8
    assert own @ mirrored < 0.3


def test_a_cut_is_detected_and_motion_is_not_a_cut():
    pixels = astronaut()
    assert not is_cut(thumb_of(pixels), thumb_of(np.roll(pixels, 12, axis=1)))
    assert is_cut(thumb_of(pixels), thumb_of(np.ascontiguousarray(pixels[::-1])))
    assert not is_cut(thumb_of(pixels), thumb_of((pixels * 0.7).astype(np.uint8)))
