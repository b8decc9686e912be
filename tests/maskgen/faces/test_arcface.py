"""ArcFace's alignment: known transforms come back, and skimage's estimate is the same."""

import numpy as np
import pytest
from skimage.transform import SimilarityTransform

from maskgen.dataset.face_points import five_of
from maskgen.faces.arcface import SIDE, TEMPLATE, arcface_matrix, five_points
from maskgen.faces.canonical_head import canonical_head


def moved(points, scale, degrees, shift):
    turn = np.deg2rad(degrees)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return (points @ rotation.T * scale + shift).astype(np.float32)


@pytest.mark.parametrize(
    ("scale", "degrees", "shift"), [(1, 0, (0, 0)), (2.5, 30, (40, -7)), (0.3, -95, (9, 9))]
)
def test_points_of_a_moved_template_return_to_the_template(scale, degrees, shift):
    points = moved(TEMPLATE, scale, degrees, shift)
    matrix = arcface_matrix(points)
    assert np.allclose(points @ matrix[:, :2].T + matrix[:, 2], TEMPLATE, atol=2e-4)


def test_noisy_points_get_the_least_squares_transform_of_scikit_image():
    points = moved(TEMPLATE, 1.7, 12, (30, 20)) + np.random.default_rng(3).normal(0, 3, (5, 2)).astype(
        np.float32
    )
    expected = SimilarityTransform.from_estimate(points, TEMPLATE).params[:2]
    assert np.allclose(arcface_matrix(points), expected, atol=1e-3)


def test_a_crop_of_another_size_shows_the_same_picture():
    points = moved(TEMPLATE, 1.7, 12, (30, 20))
    small, large = arcface_matrix(points), arcface_matrix(points, 2 * SIDE)
    corner = np.array([-0.5, -0.5])  # the outer corner of the top-left pixel is the same place in both crops
    back = [np.linalg.solve(m[:, :2], corner - m[:, 2]) for m in (small, large)]
    assert np.allclose(*back, atol=1e-3)


def test_five_equal_points_are_an_error():
    with pytest.raises(ValueError, match="one place"):
        arcface_matrix(np.ones((5, 2), np.float32))


def test_the_five_points_of_labels_are_those_of_the_mesh():
    mesh = canonical_head().mesh
    assert np.allclose(five_of(mesh, "mesh468"), five_points(mesh), atol=1e-6)
