from pathlib import Path

import cv2
import numpy as np
import pytest

from maskgen.faces.canonical_head import canonical_head
from maskgen.rendering.lighting import estimate_light, grain_field, skin_triangles
from tests.helpers.worn_masks import SIZE, skin_photo, turned_mesh

ROOT = Path(__file__).parents[3]
TRIANGLES = skin_triangles(canonical_head())


def lit_face(direction, level=0.5, colour=(1.46, 0.90, 0.62), noise=0.0):
    """Paints a face lit from `direction`, triangle by triangle; returns the image and its mesh."""
    mesh, image = turned_mesh(), np.full((SIZE, SIZE, 3), 90, np.uint8)
    for triangle in canonical_head().triangles:
        a, b, c = mesh[triangle]
        normal = np.cross(b - a, c - a)
        normal = normal / np.linalg.norm(normal)
        normal = normal * -np.sign(normal[2])
        light = level * (1 + (normal - [0, 0, -1]) @ np.array(direction))
        value = np.sqrt(np.clip(light * np.array(colour) * 0.42, 0, 1)) * 255
        cv2.fillConvexPoly(image, np.rint(np.array([a, b, c])[:, :2]).astype(int), [float(v) for v in value])
    rng = np.random.default_rng(1)
    return np.clip(image + rng.normal(0, noise, image.shape), 0, 255).astype(np.uint8), mesh


def test_light_from_the_right_and_from_the_left_are_distinguished():
    right = estimate_light(*lit_face((0.7, 0, -0.3)), TRIANGLES)
    left = estimate_light(*lit_face((-0.7, 0, -0.3)), TRIANGLES)
    assert right.direction[0] > 0.25
    assert left.direction[0] < -0.25


def test_a_mask_is_brighter_in_a_brighter_photo():
    dark = estimate_light(*lit_face((0, -0.2, -0.4), level=0.15), TRIANGLES)
    bright = estimate_light(*lit_face((0, -0.2, -0.4), level=0.9), TRIANGLES)
    assert bright.gain.mean() > 1.8 * dark.gain.mean()


def test_warm_light_makes_a_white_mask_warm():
    warm = estimate_light(*lit_face((0, -0.2, -0.4), colour=(1.75, 0.85, 0.30)), TRIANGLES)
    cold = estimate_light(*lit_face((0, -0.2, -0.4), colour=(1.20, 0.92, 0.90)), TRIANGLES)
    assert warm.gain[0] / warm.gain[2] > 1.3 * cold.gain[0] / cold.gain[2]


def test_grain_is_measured_within_a_third():
    clean = estimate_light(*lit_face((0, -0.2, -0.4)), TRIANGLES)
    noisy = estimate_light(*lit_face((0, -0.2, -0.4), noise=8), TRIANGLES)
    grey_of_rgb_noise = 8 * np.sqrt(0.299**2 + 0.587**2 + 0.114**2)
    assert clean.grain < 1
    assert noisy.grain == pytest.approx(grey_of_rgb_noise, rel=0.34)


def test_saturation_is_0_for_a_grey_photo_and_1_for_a_coloured_one():
    image, mesh = lit_face((0, -0.2, -0.4))
    image[:80] = [30, 60, 200]
    grey = np.repeat(image.mean(-1, keepdims=True).astype(np.uint8), 3, axis=-1)
    assert estimate_light(grey, mesh, TRIANGLES).saturation == 0
    assert estimate_light(image, mesh, TRIANGLES).saturation == 1


def test_a_face_outside_the_image_gets_finite_light():
    light = estimate_light(skin_photo().pixels, turned_mesh(at=(-900, -900)), TRIANGLES)
    assert np.isfinite(light.gain).all()


@pytest.mark.parametrize("shape", [(40, 50), (700, 900)])
def test_grain_field_has_unit_variance_at_any_size(shape):
    assert grain_field(np.random.default_rng(0), shape, 0.8).std() == pytest.approx(1, abs=0.15)
    assert grain_field(np.random.default_rng(0), shape, 0.8).shape == shape


def test_luma_weights_are_defined_once():
    files = [path for package in ("maskgen", "unmasknet") for path in (ROOT / package).rglob("*.py")]
    assert [path.name for path in files if "0.587" in path.read_text("utf-8")] == ["types.py"]
