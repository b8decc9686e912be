import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maskgen.faces.canonical_head import AXIS_Z, canonical_head
from maskgen.masks.library import built_in
from maskgen.masks.shell import edge, follow_weights, outward, upper_envelope
from maskgen.masks.spec import WEARS


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-10, 10), min_size=3, max_size=30))
def test_envelope_lies_above_its_points_and_is_concave(heights):
    x = np.arange(len(heights), dtype=float)
    over = upper_envelope(x, np.array(heights))
    assert (over >= np.array(heights) - 1e-9).all()
    assert (np.diff(over, 2) <= 1e-9).all()


def test_envelope_of_a_concave_line_is_the_line():
    x = np.linspace(-1, 1, 21)
    assert upper_envelope(x, 1 - x**2) == pytest.approx(1 - x**2)


@pytest.mark.parametrize("shape", [(2, 3), (4, 2)])
def test_an_edge_does_not_depend_on_the_shape_of_the_array_of_u(shape):
    curve = [(0.0, 0.0, -1.0), (0.5, 30.0, -1.2), (1.0, 60.0, -0.8)]
    u = np.linspace(-1.2, 1.2, math.prod(shape)).reshape(shape)
    for found, one_by_one in zip(edge(curve, u), edge(curve, u.ravel()), strict=True):
        assert found.shape == shape
        assert (found.ravel() == one_by_one).all()


def test_follow_weights_sum_to_one_and_prefer_the_nearest():
    anchors = canonical_head().mesh[:50]
    weights = follow_weights(anchors[:5], anchors)
    assert weights.sum(1) == pytest.approx(np.ones(5), abs=1e-5)
    assert (weights.argmax(1) == np.arange(5)).all()


@pytest.mark.parametrize("family", built_in().families)
def test_every_shell_lies_outside_the_face_and_its_normals_point_outwards(family):
    for wear in built_in().mask(family).template.wear:
        shell = built_in().shell(family, wear)
        assert np.isfinite(shell.points).all()
        middle = shell.points[2:-2, 2:-2]
        radius = np.hypot(middle[..., 0], AXIS_Z - middle[..., 2])
        azimuth = np.degrees(np.arctan2(middle[..., 0], AXIS_Z - middle[..., 2]))
        skin = canonical_head().surface(azimuth.ravel(), middle[..., 1].ravel()).reshape(middle.shape)
        assert (radius > np.hypot(skin[..., 0], AXIS_Z - skin[..., 2]) - 0.06).mean() > 0.97
        assert (outward(shell.points)[4:-4, 6:-6, 2] < 0.5).mean() > 0.95


@pytest.mark.parametrize("family", built_in().families)
def test_every_shell_is_symmetric(family):
    points = built_in().shell(family, "correct").points
    assert points[:, ::-1] * [-1, 1, 1] == pytest.approx(points, abs=1e-3)


def test_each_state_of_wear_leaves_bare_what_its_name_says():
    mesh = canonical_head().mesh
    mouth, nose, chin = mesh[13, 1], mesh[1, 1], mesh[152, 1]
    tops = {wear: built_in().shell("surgical", wear).points[1, 10, 1] for wear in WEARS}
    lows = {wear: built_in().shell("surgical", wear).points[-2, 10, 1] for wear in WEARS}
    assert tops["correct"] < nose < tops["nose"] < mouth < tops["below-mouth"]
    assert mouth < lows["chin"] < chin - 0.1
    assert lows["correct"] > chin - 0.1
