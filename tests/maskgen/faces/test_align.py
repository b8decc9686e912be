from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maskgen.faces.align import crop, crop_matrix
from maskgen.faces.arcface import SIDE, TEMPLATE, five_points
from maskgen.faces.landmarks.topology import CHIN, eye_centres, mouth_centre
from maskgen.images.resample import inverse, scale_of
from tests.helpers.faces import astronaut, detector, mean_face, turned


@settings(max_examples=40, deadline=None)
@given(
    st.floats(-60, 60),
    st.floats(-20, 20),
    st.floats(-179, 179),
    st.floats(10, 200),
    st.sampled_from([64, 256, 1024]),
)
def test_every_face_is_upright_central_and_whole_in_its_crop(yaw, pitch, roll, eyes, size):
    face = mean_face(turned(yaw, pitch, roll), eyes)
    mesh = face.moved(crop_matrix(face, size)).mesh / size
    right, left = eye_centres(mesh)
    assert right[0] < left[0]
    assert mouth_centre(mesh)[1] > max(right[1], left[1])
    assert (mesh[:, :2] > 0).all()
    assert (mesh[:, :2] < 1).all()
    assert mesh[CHIN, 1] < 0.95  # some neck below the chin
    assert abs(np.median(mesh[:, 0]) - 0.5) < 0.15


def test_a_frontal_face_has_ffhq_s_scale_and_level_eyes():
    face = mean_face(turned(0, 0, 33), eyes=80)
    right, left = eye_centres(face.moved(crop_matrix(face, 256)).mesh)
    assert left[0] - right[0] == pytest.approx(64, abs=0.5)  # a quarter of the side
    assert left[1] == pytest.approx(right[1], abs=0.1)
    assert (left[0] + right[0]) / 2 == pytest.approx(127.5, abs=0.1)


def test_a_face_without_landmarks_moves_like_any_other():
    face = mean_face(turned(10, 0, 20), eyes=80)
    bare = replace(face, landmarks=np.zeros((0, 2), np.float32)).moved(crop_matrix(face, 256))
    assert bare.landmarks.shape == (0, 2)
    assert np.array_equal(bare.mesh, face.moved(crop_matrix(face, 256)).mesh)


def test_the_crop_of_a_photo_twice_as_large_shows_the_same():
    pixels = astronaut()
    double = np.repeat(np.repeat(pixels, 2, 0), 2, 1)
    crops = []
    for photo in (pixels, double):
        face = detector().detect(photo)[0]
        crops.append(crop(photo, crop_matrix(face, 128), 128, "reflect")[0].astype(float))
    assert np.abs(crops[0] - crops[1]).mean() < 4


def test_size_0_is_the_photo_itself():
    pixels = astronaut()
    face = mean_face()
    assert np.array_equal(crop_matrix(face, 0), np.eye(2, 3))
    image, inside = crop(pixels, crop_matrix(face, 0), 0, "reflect")
    assert image is pixels
    assert inside.all()
    assert inside.shape == pixels.shape[:2]


@pytest.mark.parametrize("size", [64, 112, 256])
def test_arcface_moves_the_five_points_of_a_real_face_near_the_template(size):
    face = detector().detect(astronaut())[0]
    points = five_points(face.moved(crop_matrix(face, size, "arcface")).mesh)
    template = (TEMPLATE + 0.5) * size / SIDE - 0.5
    assert np.abs(points - template).max() < 0.06 * size  # five points cannot all be met by a similarity
    assert np.allclose(points.mean(0), template.mean(0), atol=1e-3 * size)  # least squares meets their mean


def test_arcface_crops_of_a_rotated_photo_show_the_same():
    pixels = astronaut()
    crops = []
    for turns in (0, 1):
        photo = np.ascontiguousarray(np.rot90(pixels, turns))
        face = mean_face(
            turned(10, 0, -90 * turns), 43, (225.5, 101.5) if not turns else (101.5, 511 - 225.5)
        )
        crops.append(crop(photo, crop_matrix(face, 112, "arcface"), 112, "constant")[0].astype(float))
    assert np.abs(crops[0] - crops[1]).mean() < 1


def test_a_crop_without_alignment_is_the_usual_square_not_rotated():
    face = mean_face(turned(0, 0, 33), eyes=80)
    plain, usual = crop_matrix(face, 256, "none"), crop_matrix(face, 256)
    assert plain[0, 1] == plain[1, 0] == 0
    assert plain[0, 0] == plain[1, 1] == pytest.approx(scale_of(usual))
    middle = np.array([127.5, 127.5, 1])
    assert np.allclose(inverse(plain) @ middle, inverse(usual) @ middle, atol=1e-3)


@pytest.mark.parametrize("align", ["ffhq", "none", "arcface"])
def test_size_0_has_no_frame(align):
    assert np.array_equal(crop_matrix(mean_face(), 0, align), np.eye(2, 3))


def half_out():
    """Returns a matrix whose crop of 64 pixels shows columns -32 to 31 and rows 0 to 63 of a photo."""
    return np.array([[1, 0, 32], [0, 1, 0]], np.float32)


def test_inside_is_exact_to_the_pixel():
    _, inside = crop(np.full((64, 64, 3), 9, np.uint8), half_out(), 64, "reflect")
    assert inside[:, 32:].all()
    assert not inside[:, :32].any()


def test_a_constant_border_is_black_and_leaves_no_dark_rim():
    image, inside = crop(np.full((64, 64, 3), 200, np.uint8), half_out(), 64, "constant")
    assert (image[inside == 0] == 0).all()
    assert (image[inside == 1] == 200).all()


def test_a_reflected_border_mirrors_the_photo():
    photo = np.zeros((64, 64, 3), np.uint8)
    photo[:, :, 0] = np.arange(64)
    image, _ = crop(photo, half_out(), 64, "reflect")
    assert np.array_equal(image[0, 32 - np.arange(1, 30), 0], np.arange(1, 30))
