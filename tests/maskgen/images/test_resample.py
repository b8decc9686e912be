import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskgen.faces.landmarks.crop_windows import window
from maskgen.images import resample
from maskgen.images.resample import carry, inverse, scale_of, warp

ramp_y, ramp_x = np.mgrid[:240, :320]
RAMP = np.stack([ramp_x * 0.7, ramp_y, (ramp_x + ramp_y) * 0.4], -1).astype(np.uint8)


def test_the_identity_changes_nothing():
    square = RAMP[:200, :200]
    assert np.array_equal(warp(square, np.eye(2, 3, dtype=np.float32), 200, "constant"), square)


@pytest.mark.parametrize("fine", [False, True])
@pytest.mark.parametrize("scale", [0.11, 0.3, 0.49, 0.52, 0.8, 1.0, 1.7, 3.2])
def test_a_ramp_keeps_its_values_at_every_scale(scale, fine):
    matrix = window(np.array([160.0, 120.0]), 0.3, scale, 32)
    result = warp(RAMP, matrix, 32, "replicate", fine).astype(float)
    rows, columns = np.mgrid[4:28:6, 4:28:6]
    there = carry(inverse(matrix), np.stack([columns.ravel(), rows.ravel()], -1).astype(np.float32))
    inside = (there > 4).all(1) & (there[:, 0] < 315) & (there[:, 1] < 235)
    assert inside.sum() >= 4
    seen = result[rows.ravel(), columns.ravel()][inside]
    assert np.abs(seen[:, 0] - there[inside, 0] * 0.7).max() < 1.6
    assert np.abs(seen[:, 1] - there[inside, 1]).max() < 1.6


def test_shrinking_averages_a_fine_pattern():
    stripes = np.zeros((400, 400, 3), np.uint8)
    stripes[:, ::2] = 200
    for fine, error in ((False, 15), (True, 2)):
        small = warp(stripes, window(np.array([200.0, 200.0]), 0.0, 0.1, 40), 40, "constant", fine)
        assert np.abs(small[2:-2, 2:-2].astype(int) - 100).max() <= error


@pytest.mark.parametrize("border", ["reflect", "replicate", "constant"])
@pytest.mark.parametrize("x", [-90, -20, 5, 2990, 3020, 3090])
def test_a_window_at_the_edge_of_a_large_image_reads_only_the_part_that_it_shows(x, border, monkeypatch):
    large = cv2.blur(np.random.default_rng(0).integers(0, 256, (3000, 3000, 3)).astype(np.uint8), (5, 5))
    matrix = window(np.array([x, 3000 - x], np.float64), 0.4, 1.3, 64)
    read = []
    monkeypatch.setattr(resample, "_look_up", lambda source, *rest: read.append(source.shape[:2]))
    warp(large, matrix, 64, border, fine=True)
    assert max(read[0]) < 300
    monkeypatch.undo()
    columns, rows = np.meshgrid(np.arange(64), np.arange(64))
    there = carry(inverse(matrix), np.stack([columns, rows], -1).reshape(-1, 2).astype(np.float32))
    wide = cv2.copyMakeBorder(large, 200, 200, 200, 200, resample.BORDERS[border])
    shown = cv2.remap(wide, *(there.T + 200).reshape(2, 64, 64), cv2.INTER_CUBIC).astype(int)
    assert np.abs(warp(large, matrix, 64, border, fine=True).astype(int) - shown).mean() < 1


def test_an_image_thinner_than_the_shrinking_step_can_be_warped():
    line = np.full((2, 4000, 3), 90, np.uint8)
    assert warp(line, window(np.array([2000.0, 0.5]), 0.0, 0.032, 128), 128, "constant").max() <= 90


def test_the_outside_is_black_or_repeats_the_photo():
    white = np.full((50, 50, 3), 255, np.uint8)
    matrix = window(np.array([0.0, 0.0]), 0.0, 1.0, 50)
    assert warp(white, matrix, 50, "constant")[0, 0].max() == 0
    assert warp(white, matrix, 50, "replicate").min() == 255
    assert warp(white, matrix, 50, "reflect").min() == 255


@given(
    st.floats(-500, 500), st.floats(-500, 500), st.floats(-3.1, 3.1), st.floats(0.05, 20), st.integers(2, 512)
)
def test_a_window_has_its_centre_in_the_middle_and_can_be_inverted(x, y, angle, scale, size):
    matrix = window(np.array([x, y]), angle, scale, size)
    centre = np.array([[x, y]], np.float32)
    there = carry(matrix, centre)
    assert np.allclose(there, (size - 1) / 2, atol=0.02)
    assert np.allclose(carry(inverse(matrix), there), centre, atol=0.05)
    assert np.isclose(scale_of(matrix), scale, rtol=1e-4)
