"""The steps of restoring by a reference, each with a known answer."""

import numpy as np
import pytest

from maskgen.faces.pose import head_pose
from tests.helpers.faces import mean_face, turned
from unmasknet.restore.face_window import FaceWindow
from unmasknet.restore.reference.light import Evidence, relit
from unmasknet.restore.reference.mesh_finder import mirrored
from unmasknet.restore.reference.painter import Target, paint
from unmasknet.restore.reference.references import Reference
from unmasknet.restore.reference.selection import best_reference
from unmasknet.restore.reference.shape import (
    LOWER_LIP,
    UPPER_LIP,
    eye_distance,
    pose_onto,
    triangles,
    with_closed_mouth,
)
from unmasknet.restore.reference.texture import lay_texture, rasterise


def mesh_of(**pose):
    return mean_face(
        turned(**{key: value for key, value in pose.items() if key in ("yaw", "pitch", "roll")})
    ).mesh


def test_the_pose_of_the_target_is_recovered():
    target = mean_face(turned(yaw=20, pitch=-8, roll=5), eyes=80, centre=(150, 120)).mesh
    posed = pose_onto(mesh_of(), target, np.zeros((400, 400), np.uint8), "reference")
    assert np.abs(posed.target[:468] - target).max() < 1.0  # pixels; the eyes are 80 apart


def test_the_shape_under_the_mask_is_the_references_and_the_visible_one_is_the_targets():
    covered = np.zeros((600, 600), np.uint8)
    covered[220:] = 1
    reference, target = mesh_of(), mesh_of()
    wide = reference.copy()
    low = np.array([17, 200, 18])  # lower lip and chin
    wide[low, 1] += 12
    posed = pose_onto(wide, target, covered, "reference").target
    assert (posed[low, 1] - target[low, 1]).min() > 3
    assert np.abs(posed[[33, 133, 263, 362]] - target[[33, 133, 263, 362]]).max() < 1


def test_a_mouth_closes_and_the_eyes_stay():
    mesh = mesh_of().astype(np.float64)
    mesh[LOWER_LIP, 1] += 20
    closed = with_closed_mouth(mesh)
    assert np.abs(closed[LOWER_LIP] - closed[UPPER_LIP]).max() == 0
    assert np.abs(closed[[33, 263, 4]] - mesh[[33, 263, 4]]).max() < 1
    assert closed[17, 1] < mesh[17, 1] - 10  # the lower edge of the lower lip moves up with it


def test_a_closed_mouth_stays():
    mesh = mesh_of().astype(np.float64)
    mesh[LOWER_LIP] = mesh[UPPER_LIP]
    assert np.array_equal(with_closed_mouth(mesh), mesh)


def test_the_nearest_triangle_is_drawn_and_values_are_interpolated():
    flat = np.array([[0, 0], [0, 9], [9, 0], [0, 0], [0, 9], [9, 0]], float)
    values = np.array([[0, 1], [0, 1], [9, 1], [5, 2], [5, 2], [5, 2]], np.float32)
    corners = np.array([[3, 4, 5], [0, 1, 2]])
    near = rasterise(flat, np.array([1.0, 1, 1, 2, 2, 2]), values, corners, (10, 10))
    assert np.allclose(near[0, :, 0], np.arange(10), atol=1e-4)
    far = rasterise(flat, np.array([3.0, 3, 3, 2, 2, 2]), values, corners, (10, 10))
    assert far[0, 3, 0] == 5
    assert far[9, 9, 1] == 0


def test_triangles_that_face_away_are_left_out():
    flat = np.array([[0, 0], [9, 0], [0, 9]], float)
    values = np.ones((3, 1), np.float32)
    assert not rasterise(flat, np.zeros(3), values, np.array([[0, 1, 2]]), (10, 10)).any()


def test_all_triangles_of_a_frontal_face_face_the_viewer():
    posed = pose_onto(mesh_of(), mesh_of(), np.zeros((600, 600), np.uint8), "reference")
    a, b, c = posed.target[triangles()].transpose(1, 0, 2)
    facing = np.cross(b - a, c - a)[:, 2] < 0
    assert facing.mean() > 0.95


def test_a_texture_returns_to_its_place():
    rng = np.random.default_rng(0)
    photo = np.kron(rng.integers(0, 255, (50, 50, 3)), np.ones((8, 8, 1))).astype(np.uint8)
    mesh = mesh_of()
    texture = lay_texture(
        photo, pose_onto(mesh, mesh, np.zeros((400, 400), np.uint8), "reference"), (0, 0), (400, 400)
    )
    inside = texture.skin > 0.9
    assert inside.sum() > 5000
    assert (
        np.abs(texture.colours - photo)[inside].mean() < 8
    )  # cubic sampling at positions a fraction of a pixel off


def test_a_part_that_the_reference_hides_is_not_painted():
    turned_away, frontal = mesh_of(yaw=45), mesh_of()
    photo = np.full((400, 400, 3), 128, np.uint8)
    texture = lay_texture(
        photo,
        pose_onto(turned_away, frontal, np.zeros((400, 400), np.uint8), "reference"),
        (0, 0),
        (400, 400),
    )
    cheeks = [texture.weight[tuple(np.rint(frontal[point, 1::-1]).astype(int))] for point in (58, 288)]
    assert min(cheeks) < 0.3
    assert max(cheeks) > 0.7


def seen(colours, eyes):
    return Evidence(colours, np.zeros(colours.shape[:2], np.float32), eyes)


def test_another_exposure_and_white_balance_is_taken_off():
    rng = np.random.default_rng(1)
    target = rng.uniform(80, 160, (120, 120, 3)).astype(np.float32)
    texture = np.sqrt(target**2 * np.array([0.5, 0.7, 0.6], np.float32)).astype(np.float32)
    lit = relit(texture, np.ones((120, 120), np.float32), seen(target, 30.0))
    assert np.abs(lit - target).max() < 1.5


def test_a_light_from_the_side_is_taken_off_and_features_stay():
    side = np.linspace(0.5, 1.5, 200, dtype=np.float32)[None, :, None] ** 0.5
    target = np.full((200, 200, 3), 110, np.float32)
    texture = target * side
    texture[90:110, 90:110] *= 0.6  # a feature of a tenth of the face
    lit = relit(texture, np.ones((200, 200), np.float32), seen(target, 60.0))
    assert np.abs(lit[20:60, 20:180] - 110).max() < 12
    assert lit[100, 100].mean() < 85


def test_a_red_reference_takes_the_hue_of_the_skin_above_the_mask_and_no_edge_shows():
    target = np.full((200, 200, 3), (170, 130, 110), np.float32)
    covered = np.zeros((200, 200), np.float32)
    covered[100:] = 1
    texture = target.copy()
    texture[100:] = (190, 110, 90)  # another hue below, as of a beard or a lamp
    lit = relit(texture, np.ones((200, 200), np.float32), Evidence(target, covered, 60.0))
    ratio = lit[150:].mean((0, 1)) / target[150:].mean((0, 1))
    assert 0.95 < ratio[0] / ratio[1] < 1.12  # of 1.32
    assert np.abs(np.diff(lit[:98], axis=0)).max() < 3


def test_features_of_the_reference_stay_and_its_blotches_are_halved():
    target = np.full((240, 240, 3), 130, np.float32)
    texture = target.copy()
    texture[95:145, 95:145] = 90  # nearly the eye distance
    texture[20:24, 20:24] = 60
    eyes = 60.0
    covered = np.ones((240, 240), np.float32)
    lit = relit(texture, np.ones((240, 240), np.float32), Evidence(target, covered, eyes))
    assert 10 < 130 - lit[120, 120].mean() < 0.6 * 40
    assert lit[21, 21].mean() < lit[21, 40].mean() - 50


def test_the_mesh_of_a_mirrored_photo_is_the_mirrored_mesh():
    mesh, width = mesh_of(yaw=30), 400
    there = mirrored(mesh, width)
    assert there[33, 0] < there[263, 0]  # the right eye stays on the left of the image
    assert np.allclose(there[33], [width - 1 - mesh[263, 0], mesh[263, 1], mesh[263, 2]], atol=1e-3)
    assert np.allclose(mirrored(there, width), mesh, atol=1e-3)
    assert head_pose(there).yaw == pytest.approx(-head_pose(mesh).yaw, abs=0.5)


def test_the_cheek_that_a_turned_reference_hides_is_that_of_its_mirror_image():
    frontal = mesh_of()
    covered = np.zeros((400, 400), np.uint8)
    covered[200:] = 1
    target = Target(np.full((400, 400, 3), 128, np.uint8), frontal, covered)
    window = FaceWindow(slice(0, 400), slice(0, 400), np.eye(2, 3, dtype=np.float32) / 400, 400.0)
    grey = np.full((400, 400, 3), 128, np.float32)
    stripes = np.full((400, 400, 3), 128, np.uint8)
    stripes[::4] = 90  # detail, by which painted pixels are told
    painted = [
        np.abs(
            np.diff(paint(target, _reference(yaw, pixels=stripes), window, grey, "reference"), axis=0)
        ).mean(2)
        > 4
        for yaw in (45, 0)
    ]
    cheeks = [
        (slice(y - 8, y + 8), slice(x - 4, x + 4)) for x, y in np.rint(frontal[[58, 288], :2]).astype(int)
    ]
    for cheek in cheeks:
        assert painted[0][cheek].mean() > 0.5 * painted[1][cheek].mean() > 0.1


@pytest.mark.parametrize(("yaws", "best"), [((-30, 5), 1), ((18, 40), 0)])
def test_the_reference_with_the_nearest_pose_is_chosen(yaws, best):
    references = [_reference(yaw) for yaw in yaws]
    assert best_reference(references, mesh_of(yaw=10)) is references[best]


def test_a_tiny_reference_loses_against_a_large_one_in_a_near_pose():
    tiny, large = _reference(10, eyes=12), _reference(20, eyes=60)
    assert best_reference([tiny, large], mesh_of(yaw=10)) is large


def _reference(yaw, eyes=60.0, pixels=None):
    mesh = mean_face(turned(yaw=yaw), eyes=eyes).mesh
    pixels = np.zeros((4, 4, 3), np.uint8) if pixels is None else pixels
    return Reference("a", pixels, mesh, turned(yaw=yaw), eye_distance(mesh), False)
