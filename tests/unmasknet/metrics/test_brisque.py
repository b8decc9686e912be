"""BRISQUE against the package whose regression it uses, and on degraded images."""

import cv2
import numpy as np
import pytest
from skimage.data import astronaut

from unmasknet.metrics import brisque

# By brisque 0.2.0's own BRISQUE.score (with its list of one-element arrays flattened, which current NumPy refuses).
KNOWN = {"face": -15.12882, "small": 29.14824, "blurred": 74.63814}


def image(name: str) -> np.ndarray:
    photo = astronaut()
    if name == "face":
        return np.ascontiguousarray(photo[:256, 100:356])
    if name == "small":
        return cv2.resize(photo, (64, 64), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(cv2.GaussianBlur(photo, (0, 0), 2)[:200, :200])


@pytest.mark.parametrize("name", KNOWN)
def test_score_equals_the_packages(name: str) -> None:
    assert brisque.brisque(image(name)) == pytest.approx(KNOWN[name], abs=0.01)


def test_blur_and_noise_make_it_worse() -> None:
    face = image("face")
    noisy = np.clip(face + np.random.default_rng(1).normal(0, 25, face.shape), 0, 255).astype(np.uint8)
    assert brisque.brisque(face) < brisque.brisque(cv2.GaussianBlur(face, (0, 0), 2))
    assert brisque.brisque(face) < brisque.brisque(noisy)


def test_shape_of_a_gaussian_is_two_and_of_a_laplacian_one() -> None:
    rng = np.random.default_rng(2)
    gaussian, laplacian = rng.normal(size=(400, 400)), rng.laplace(size=(400, 400))
    assert brisque.aggd(gaussian)[0] == pytest.approx(2, abs=0.05)
    assert brisque.aggd(laplacian)[0] == pytest.approx(1, abs=0.05)


def test_a_flat_image_has_a_score() -> None:
    assert np.isfinite(brisque.brisque(np.full((64, 64, 3), 127, np.uint8)))
