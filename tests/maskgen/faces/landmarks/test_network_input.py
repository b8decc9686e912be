"""Input of the networks: views of a photo."""

import numpy as np
import pytest

from maskgen.faces.landmarks.crop_windows import window
from maskgen.faces.landmarks.network_input import show
from maskgen.images.resample import carry, inverse

ramp_y, ramp_x = np.mgrid[:240, :240]
RAMP = np.stack([ramp_x, ramp_y, 255 - ramp_x], -1).astype(np.uint8)


def shown(pixels, view, outside="constant", gain=1.0, offset=0.0, size=32):
    result = np.full((size, size, 3), np.nan, np.float32)
    show(pixels, view, outside, gain, offset, result)
    return result


@pytest.mark.parametrize("scale", [0.15, 0.3, 0.49, 0.52, 1.0, 3.2])
def test_a_ramp_is_sampled_at_the_positions_of_the_view(scale):
    view = window(np.array([120.0, 118.0]), 0.3, scale, 32)
    rows, columns = np.mgrid[:32, :32]
    there = carry(inverse(view), np.stack([columns.ravel(), rows.ravel()], -1).astype(np.float32))
    inside = (there > 4).all(1) & (there < 235).all(1)
    assert inside.sum() > 500
    seen = shown(RAMP, view).reshape(-1, 3)[inside]
    rounding = 0.1 if scale > 0.5 else 0.6  # of positions; of the levels of averaged blocks
    assert np.abs(seen[:, :2] - there[inside]).max() < rounding
    assert np.abs(seen[:, 2] - 255 + there[inside, 0]).max() < rounding


def test_levels_are_scaled_for_the_network():
    view = window(np.array([100.0, 100.0]), 0.0, 1.0, 32)
    assert np.allclose(
        shown(RAMP, view, gain=1 / 127.5, offset=-1.0), shown(RAMP, view) / 127.5 - 1, atol=1e-6
    )


@pytest.mark.parametrize(("outside", "level"), [("constant", 0), ("replicate", 90)])
@pytest.mark.parametrize("centre", [(-50.0, 3.0), (3.0, 90.0), (1e30, 5.0), (np.nan, np.nan)])
def test_outside_the_photo_is_black_or_its_edge(outside, level, centre):
    plain = np.full((9, 7, 3), 90, np.uint8)
    assert np.unique(shown(plain, window(np.array(centre), 0.2, 2.0, 32), outside)).tolist() == [level]


def test_a_photo_of_one_pixel_is_sampled():
    pixel = np.full((1, 1, 3), 200, np.uint8)
    assert np.unique(shown(pixel, window(np.zeros(2), 0.0, 0.4, 32), "replicate")) == 200
    assert shown(pixel, window(np.zeros(2), 0.0, 64.0, 33))[16, 16, 0] == 200
