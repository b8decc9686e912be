import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maskgen.faces.canonical_head import AXIS_Z, canonical_head, umeyama


def test_canonical_mesh_has_eyes_level_one_unit_apart_around_the_origin():
    mesh = canonical_head().mesh
    left, right = mesh[[33, 133]].mean(0), mesh[[362, 263]].mean(0)
    assert right - left == pytest.approx([1, 0, 0], abs=1e-3)
    assert (left + right) / 2 == pytest.approx([0, 0, 0], abs=1e-3)


def test_canonical_mesh_is_symmetric():
    mesh = canonical_head().mesh
    mirrored = mesh * [-1, 1, 1]
    assert np.linalg.norm(mesh[None] - mirrored[:, None], axis=2).min(1).max() < 1e-4


def test_nose_points_at_the_viewer_and_chin_is_below_the_mouth():
    mesh = canonical_head().mesh
    assert mesh[1, 2] == mesh[:, 2].min() or mesh[4, 2] == mesh[:, 2].min()
    assert mesh[152, 1] > mesh[17, 1] > mesh[1, 1] > 0


def test_surface_passes_through_the_mesh_on_the_cheeks():
    head = canonical_head()
    for point in (50, 280, 123, 352):
        x, y, z = head.mesh[point]
        azimuth = np.degrees(np.arctan2(x, AXIS_Z - z))
        found = head.surface(np.array([azimuth]), np.array([y]))[0]
        assert np.linalg.norm(found - head.mesh[point]) < 0.04


def test_surface_is_closed_all_round_and_narrows_to_the_neck():
    head = canonical_head()
    azimuth = np.linspace(-110, 110, 45)
    cheeks = head.surface(azimuth, np.full(45, 0.6))
    neck = head.surface(azimuth, np.full(45, 2.5))
    assert np.isfinite(cheeks).all()
    assert (np.abs(neck[:, 0]) <= np.abs(cheeks[:, 0]) + 1e-6).all()


@settings(max_examples=40, deadline=None)
@given(st.floats(0.1, 50), st.floats(-3, 3), st.floats(-1, 1), st.floats(-200, 200))
def test_umeyama_recovers_a_known_similarity(scale, turn, tilt, shift):
    points = canonical_head().mesh.astype(float)
    a = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    b = np.array([[1, 0, 0], [0, np.cos(tilt), -np.sin(tilt)], [0, np.sin(tilt), np.cos(tilt)]])
    target = scale * points @ (a @ b).T + [shift, -shift, 2 * shift]
    found_scale, found_turn, found_offset = umeyama(points, target)
    assert found_scale == pytest.approx(scale, rel=1e-6)
    assert found_turn == pytest.approx(a @ b, abs=1e-6)
    assert found_offset == pytest.approx([shift, -shift, 2 * shift], abs=1e-5 * max(1, scale))


def test_umeyama_never_gives_a_reflection():
    rng = np.random.default_rng(0)
    for _ in range(200):
        flat = rng.normal(size=(40, 3)) * [1, 1, 0]
        turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
        assert np.linalg.det(umeyama(flat @ turn.T, canonical_head().mesh[:40])[1]) > 0.99
