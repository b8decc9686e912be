"""Outlines of masks, as polygons and as run lengths; pycocotools decodes both."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pycocotools import mask as coco_mask

from maskgen.dataset.unpack.segments import mask_pixels, polygons, run_lengths
from tests.helpers.detection import DrawnFace, drawn_face, photo_of

# pycocotools 2.0.11 predates the keyword `copy` of NumPy 2's `__array__`.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def decoded(segment, height, width):
    """Pixels of a segment, as pycocotools reads it."""
    runs = coco_mask.frPyObjects(segment, height, width)
    return coco_mask.decode(coco_mask.merge(runs) if isinstance(runs, list) else runs).astype(bool)


def labels(faces):
    return [
        {
            "box": [float(side) for side in drawn_face(face).box],
            "landmarks": drawn_face(face).landmarks.tolist(),
            "scheme": "mesh468",
            "mask": {"family": "bare" if face.wear == "bare" else "surgical", "wear": face.wear},
        }
        for face in faces
    ]


@given(arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 12))))
@settings(max_examples=150)
def test_run_lengths_keep_every_pixel(pixels):
    encoded = run_lengths(pixels)
    assert sum(encoded["counts"]) == pixels.size
    assert all(count > 0 for count in encoded["counts"][1:])
    assert np.array_equal(decoded(encoded, *pixels.shape), pixels)


def test_run_lengths_of_known_pixels():
    pixels = np.array([[0, 1], [1, 1]], bool)
    assert run_lengths(pixels) == {"size": [2, 2], "counts": [1, 3]}
    assert run_lengths(~pixels) == {"size": [2, 2], "counts": [0, 1, 3]}
    assert run_lengths(np.zeros((2, 3), bool)) == {"size": [2, 3], "counts": [6]}


def test_polygon_of_a_rectangle_lies_on_its_edges():
    pixels = np.zeros((40, 60), bool)
    pixels[10:30, 20:50] = True
    (polygon,) = polygons(pixels)
    points = np.reshape(polygon, (-1, 2))
    assert points.min(0) == pytest.approx((20, 10), abs=0.13)
    assert points.max(0) == pytest.approx((50, 30), abs=0.13)
    assert np.array_equal(decoded([polygon], 40, 60), pixels)


@pytest.mark.parametrize("radius", [6, 15, 60, 200])
def test_polygons_decode_to_nearly_the_same_pixels(radius):
    side = 2 * radius + 9
    down, across = np.mgrid[:side, :side] - side // 2
    pixels = np.hypot(down * 1.3, across) < radius + 3 * np.sin(5 * np.arctan2(down, across))
    found = decoded(polygons(pixels), side, side)
    assert (found & pixels).sum() / (found | pixels).sum() > (0.9 if radius < 10 else 0.96)
    assert (
        max(map(len, polygons(pixels))) < 2 * 2 * np.pi * radius
    )  # fewer corners than the outline has pixels


def test_parts_of_a_mask_are_polygons_of_their_own_and_specks_are_none():
    pixels = np.zeros((50, 50), bool)
    pixels[5:25, 5:25] = pixels[30:45, 30:45] = pixels[2, 40] = True
    found = polygons(pixels)
    assert len(found) == 2
    assert np.array_equal(decoded(found, 50, 50)[5:], pixels[5:])
    assert polygons(np.zeros((9, 9), bool)) == []


def test_each_face_gets_the_pixels_of_its_own_mask_without_straps():
    faces = [DrawnFace(30, 60), DrawnFace(80, 60, wear="bare"), DrawnFace(130, 60, wear="chin")]
    parts = photo_of(faces).parts
    found = mask_pixels(parts, labels(faces), [0, 2])
    assert set(found) == {0, 2}
    assert np.array_equal(found[0] | found[2], parts == 3)
    for nth, face in ((0, faces[0]), (2, faces[2])):
        columns = np.flatnonzero(found[nth].any(0))
        assert (columns[0], columns[-1]) == pytest.approx(
            (face.outline[:, 0].min(), face.outline[:, 0].max()), abs=1
        )


def test_a_small_mask_beside_a_large_one_is_not_taken_by_the_large_face():
    faces = [DrawnFace(60, 60, half=40), DrawnFace(125, 95, half=9)]
    parts = photo_of(faces).parts
    found = mask_pixels(parts, labels(faces), [0, 1])
    assert np.flatnonzero(found[1].any(0))[0] >= 115
    assert found[0][:, :100].sum() == (parts[:, :100] == 3).sum()


def test_masks_that_touch_are_divided_between_the_faces():
    faces = [DrawnFace(60, 60), DrawnFace(92, 60)]  # their masks meet at x = 76
    parts = photo_of(faces).parts
    found = mask_pixels(parts, labels(faces), [0, 1])
    assert not (found[0] & found[1]).any()
    assert np.flatnonzero(found[0].any(0))[-1] == pytest.approx(76, abs=2)
    assert np.flatnonzero(found[1].any(0))[0] == pytest.approx(76, abs=2)


def test_a_mask_that_is_not_visible_has_no_pixels():
    faces = [DrawnFace(30, 60), DrawnFace(130, 60)]
    parts = photo_of(faces[:1]).parts
    assert not mask_pixels(parts, labels(faces), [0, 1])[1].any()
