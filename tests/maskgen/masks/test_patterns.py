import cv2
import numpy as np
import pytest

from maskgen.masks import patterns
from maskgen.masks.patterns import SIZE, pattern


@pytest.mark.parametrize(("sigma", "stretch"), [(16.0, 1.5), (0.7, 8.0), (2.0, 1.0)])
def test_noise_is_blurred_across_the_edges_of_its_tile(sigma, stretch):
    field = np.tile(np.random.default_rng(5).standard_normal((SIZE, SIZE)), (3, 3))
    blurred = cv2.GaussianBlur(field, (0, 0), sigmaX=sigma * stretch, sigmaY=sigma)[SIZE:-SIZE, SIZE:-SIZE]
    found = patterns._noise(np.random.default_rng(5), sigma, stretch)
    assert found == pytest.approx(blurred / blurred.std(), abs=1e-9)


@pytest.mark.parametrize("name", ["floral", "paisley"])
def test_the_window_around_a_drawn_shape_cuts_nothing_off(name, monkeypatch):
    drawn = [pattern(name, variant)[0] for variant in range(patterns.VARIANTS)]
    around = patterns._around
    monkeypatch.setattr(patterns, "_around", lambda x, y, reach: around(x, y, 0.49))
    for variant, tile in enumerate(drawn):
        assert (pattern.__wrapped__(name, variant)[0] == tile).all()
