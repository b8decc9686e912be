"""Rows 12, 13 and 685 of the fault matrix: faces that cannot wear a mask, points that are not a face, false finds."""

from dataclasses import replace

import numpy as np
import pytest

from maskgen.errors import Skip
from maskgen.faces.align import choose_faces
from maskgen.faces.landmarks.mesh import MeshDetector, _joined
from maskgen.faces.landmarks.plausibility import fault_of
from maskgen.settings import FaceSettings
from tests.helpers.faces import astronaut, detector, face_from, mean_face, turned

pytestmark = pytest.mark.fault


def test_row12_a_photo_without_a_face_is_skipped_as_no_face():
    assert detector().detect(np.ascontiguousarray(astronaut()[250:, :140])) == Skip("no_face")


def test_row12_a_tiny_face_is_skipped_with_its_size():
    skip = choose_faces([mean_face(eyes=10)], FaceSettings(min_size=32))
    assert skip.reason == "tiny_face"
    assert "px" in skip.detail


@pytest.mark.parametrize("yaw", [-80, 80])
def test_row12_a_profile_beyond_the_limit_is_skipped(yaw):
    assert choose_faces([mean_face(turned(yaw, 0, 0))], FaceSettings(max_yaw=70)).reason == "profile"
    assert len(choose_faces([mean_face(turned(yaw, 0, 0))], FaceSettings(max_yaw=90))) == 1


def test_row12_an_upside_down_photo_is_skipped():
    found = detector().detect(np.ascontiguousarray(astronaut()[::-1, ::-1]))
    assert choose_faces(found, FaceSettings()).reason == "upside_down"


def test_row12_a_photo_on_its_side_is_used():
    found = detector().detect(np.ascontiguousarray(np.rot90(astronaut())))
    assert len(choose_faces(found, FaceSettings())) == 1


def test_row12_the_policy_chooses_the_largest_face_or_all_usable_ones():
    faces = [mean_face(eyes=80), mean_face(turned(85, 0, 0), eyes=70), mean_face(eyes=60), mean_face(eyes=8)]
    assert choose_faces(faces, FaceSettings(choose="largest")) == faces[:1]
    assert choose_faces(faces, FaceSettings(choose="all")) == [faces[0], faces[2]]


def test_row12_without_a_usable_face_the_reason_is_that_of_the_largest():
    faces = [mean_face(turned(85, 0, 0), eyes=80), mean_face(eyes=8)]
    for policy in ("largest", "all"):
        assert choose_faces(faces, FaceSettings(choose=policy)).reason == "profile"


def found(roll, score, eyes=60.0):
    return replace(mean_face(turned(0, 0, roll), eyes=eyes), score=score)


@pytest.mark.parametrize("false", [found(-172, 0.47, eyes=87), found(178, 0.8801)], ids=["larger", "better"])
@pytest.mark.parametrize("order", [1, -1])
def test_row685_a_false_upside_down_find_does_not_replace_an_upright_face(false, order):
    right = found(-2, 0.8794)
    first, second = (right, false)[::order]
    (kept,) = _joined([first], second, turned=True)
    assert kept is right
    assert not isinstance(choose_faces([kept], FaceSettings(choose="all")), Skip)


@pytest.mark.parametrize("false", [found(8, 0.47, eyes=87), found(-17, 0.73), found(40, 0.41)])
@pytest.mark.parametrize("order", [1, -1])
def test_row685_a_head_that_is_upside_down_stays_upside_down(false, order):
    right = found(179, 0.85)
    first, second = (right, false)[::order]
    (kept,) = _joined([first], second, turned=True)
    assert kept is right


def test_row685_the_search_for_the_largest_face_and_nested_finds_of_one_direction_are_decided_as_before():
    inner, turned_outer, outer = found(-2, 0.88), found(-172, 0.47, eyes=87), found(3, 0.47, eyes=87)
    assert _joined([inner], turned_outer)[0] is turned_outer
    assert _joined([inner], outer, turned=True)[0] is outer


def with_points(change):
    mesh = mean_face().mesh.copy()
    return face_from(change(mesh))


def nan_at_one_point(mesh):
    mesh[77, 1] = np.nan
    return mesh


def endless(mesh):
    mesh[3] = np.inf
    return mesh


def on_a_line(mesh):
    return mesh[:, :1] * np.float32([1, 0.5, 0.1]) + np.float32([0, 100, 0])


def at_one_place(mesh):
    return np.full_like(mesh, 150)


def far_outside(mesh):
    return mesh + np.float32([2000, 0, 0])


def mirrored_in_depth(mesh):
    return mesh * np.float32([1, 1, -1])


def folded_over(mesh):
    low = mesh[:, 1] > 230
    mesh[low, 1] = 460 - mesh[low, 1]
    return mesh


def squeezed(mesh):
    return (mesh - 200) * np.float32([0.15, 1, 1]) + 200


def shuffled(mesh):
    return mesh[np.random.default_rng(0).permutation(468)]


def one_corner_torn(mesh):
    mesh[:60, :2] += np.random.default_rng(0).normal(0, 60, (60, 2)).astype(np.float32)
    return mesh


BROKEN = [nan_at_one_point, endless, on_a_line, at_one_place, far_outside, mirrored_in_depth, folded_over, squeezed,
          shuffled, one_corner_torn]  # fmt: skip


@pytest.mark.parametrize("change", BROKEN, ids=lambda change: change.__name__)
def test_row13_broken_points_are_implausible(change):
    assert fault_of(with_points(change), 400, 400) != ""


@pytest.mark.parametrize("change", BROKEN, ids=lambda change: change.__name__)
def test_row13_a_network_that_gives_broken_points_leads_to_bad_landmarks(change, monkeypatch):
    broken = MeshDetector()
    true_mesh = broken._mesh
    calls = {"count": 0}

    def lying(pixels, view):
        mesh, belief = true_mesh(pixels, view)
        calls["count"] += 1
        unit = np.linalg.norm(mesh[33, :2] - mesh[263, :2]) / 95
        lie = change((mesh - mesh.mean(0)) / unit + np.float32([200, 210, 0]))
        return ((lie - np.float32([200, 210, 0])) * unit + mesh.mean(0)).astype(np.float32), belief

    monkeypatch.setattr(broken, "_mesh", lying)
    assert broken.detect(astronaut()).reason in ("bad_landmarks", "no_face")
    assert calls["count"] > 0
