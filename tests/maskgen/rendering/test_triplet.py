from dataclasses import replace

import numpy as np
import pytest

from maskgen.errors import Skip
from maskgen.masks.appearance import DARKEST
from maskgen.masks.library import built_in
from maskgen.masks.templates import tint_of
from maskgen.rendering.triplet import make_triplets
from maskgen.settings import CropSettings, FaceSettings, GenSettings, MaskSettings
from maskgen.types import BARE, WornMask
from tests.helpers.faces import face_from
from tests.helpers.worn_masks import fixed_tools, skin_photo, turned_mesh


def tools_for(
    masks="surgical",
    wear="correct",
    size=0,
    per_face=1,
    mesh=None,
    seed=0,
    faces="largest",
    pictures=None,
    share=1.0,
):
    """Builds tools that find the given faces, or one frontal face, in every photo."""
    settings = GenSettings(
        masks=MaskSettings(masks=masks, wear=wear, share=share, per_face=per_face, pictures=pictures or {}),
        crop=CropSettings(size=size),
        faces=FaceSettings(choose=faces),
        seed=seed,
    )
    return fixed_tools(
        settings, *(mesh if isinstance(mesh, list) else [turned_mesh() if mesh is None else mesh])
    )


def one(**kwargs):
    """Returns the only triplet of a plain photo."""
    ((_, triplet),) = make_triplets(skin_photo(), tools_for(**kwargs), "x")
    return triplet


@pytest.mark.parametrize("family", built_in().families)
def test_map_is_where_the_images_differ(family):
    triplet = one(masks=family)
    differs = (triplet.masked != triplet.gt).any(-1)
    assert not (differs & (triplet.map == 0)).any()
    assert (~differs & (triplet.map > 0)).sum() <= 0.01 * triplet.map.sum()
    assert ((triplet.parts > 0) == (triplet.map > 0)).all()
    assert 0.05 < triplet.hole_share < 0.6


@pytest.mark.parametrize("family", [name for name in built_in().families if name != "clear"])
def test_the_mouth_lies_under_the_mask(family):
    triplet = one(masks=family)
    for point in (0, 17, 61, 291):
        x, y = turned_mesh()[point, :2].astype(int)
        assert triplet.parts[y, x] == 3


@pytest.mark.parametrize("family", built_in().families)
def test_eyes_stay_bare(family):
    triplet = one(masks=family)
    for point in (33, 133, 159, 145, 263, 362, 386, 374):
        x, y = turned_mesh()[point, :2].astype(int)
        assert triplet.parts[y, x] <= 1  # a shadow in the corner of an eye is allowed


def test_wear_states_leave_the_nose_or_the_mouth_uncovered():
    x, y = turned_mesh()[1, :2].astype(int)
    assert one(wear="nose").parts[y, x] != 3
    assert one(wear="correct").parts[y, x] == 3
    x, y = turned_mesh()[13, :2].astype(int)
    assert one(wear="below-mouth").parts[y, x] != 3


def test_mask_none_fills_the_hole_with_127():
    triplet = one(masks="none")
    assert (triplet.masked[triplet.map > 0] == 127).all()


def test_only_the_same_seed_and_key_give_the_same_pixels():
    photo, spec = skin_photo(), "surgical,cloth,n95"
    first = make_triplets(photo, tools_for(spec, per_face=3), "x")
    again = make_triplets(photo, tools_for(spec, per_face=3), "x")
    other = make_triplets(photo, tools_for(spec, per_face=3, seed=1), "x")
    assert [key for key, _ in first] == ["x-f0-m0", "x-f0-m1", "x-f0-m2"]
    assert all((a.masked == b.masked).all() for (_, a), (_, b) in zip(first, again, strict=True))
    assert not all((a.masked == b.masked).all() for (_, a), (_, b) in zip(first, other, strict=True))
    assert (first[0][1].masked != first[1][1].masked).any()


def test_a_mask_does_not_depend_on_the_number_of_masks_per_face():
    photo = skin_photo()
    alone = make_triplets(photo, tools_for("cloth", per_face=1), "x")
    among = make_triplets(photo, tools_for("cloth", per_face=4), "x")
    assert (alone[0][1].masked == among[0][1].masked).all()


def test_a_mask_at_the_border_is_cut_and_not_squeezed():
    triplet = one(mesh=turned_mesh(at=(128, 200)))
    whole = one()
    assert triplet.parts[-1].max() == 3
    assert (triplet.map.sum(1) > 0).sum() < (whole.map.sum(1) > 0).sum()


def test_a_face_beyond_the_photo_is_a_skip():
    outcome = make_triplets(skin_photo(), tools_for(mesh=turned_mesh(at=(128, 400))), "x")
    assert isinstance(outcome, Skip)
    assert outcome.reason == "off_frame"


@pytest.mark.parametrize("size", [64, 256, 512])
def test_crops_have_the_requested_size_and_a_hole_of_a_plausible_fraction(size):
    triplet = one(size=size)
    assert triplet.masked.shape == (size, size, 3)
    assert triplet.map.shape == (size, size)
    assert 0.1 < triplet.hole_share < 0.35


def test_size_zero_keeps_the_pixels_of_the_photo():
    triplet = one(size=0)
    assert (triplet.gt == skin_photo().pixels).all()
    assert triplet.valid == 1.0


def test_a_white_mask_on_a_dark_photo_is_dark():
    def brightness(colour):
        photo = skin_photo(colour=colour)
        ((_, triplet),) = make_triplets(photo, tools_for("surgical-#ffffff"), "x")
        return triplet.masked[triplet.parts == 3].mean()

    assert brightness((60, 45, 38)) < 0.6 * brightness((220, 170, 145))


def test_a_mask_has_the_requested_colour():
    red = one(masks="cloth-#d01010").masked[one(masks="cloth-#d01010").parts == 3].mean(0)
    blue = one(masks="cloth-#1010d0").masked[one(masks="cloth-#1010d0").parts == 3].mean(0)
    assert red[0] > 1.4 * red[2]
    assert blue[2] > 1.2 * blue[0]


def test_labels_hold_the_mask_and_the_head_pose():
    triplet = one(masks="cloth-check", wear="nose", mesh=turned_mesh(yaw=30))
    (worn,) = triplet.faces
    assert (worn.mask.family, worn.mask.texture, worn.mask.wear) == ("cloth", "check", "nose")
    assert worn.pose.yaw == pytest.approx(30, abs=2)


def test_gt_is_untouched_by_masking():
    photo = skin_photo()
    before = photo.pixels.copy()
    make_triplets(photo, tools_for("surgical", per_face=3), "x")
    assert (photo.pixels == before).all()
    assert np.isfinite(before).all()


@pytest.mark.parametrize("family", ["surgical", "cloth", "respirator", "bandana"])
def test_masks_in_a_grey_photo_are_grey(family):
    photo = skin_photo(colour=(140, 140, 140))
    grey = replace(photo, pixels=np.repeat(photo.pixels[..., :1], 3, axis=-1))
    ((_, triplet),) = make_triplets(grey, tools_for(f"{family}-#d01010"), "x")
    pixels = triplet.masked.astype(int)
    assert np.abs(pixels - pixels.mean(-1, keepdims=True)).max() <= 2


TWO = [(150.0, 150.0), (300.0, 170.0)]


def two_faces(size, **kwargs):
    """Makes triplets of a photo with two faces side by side; returns them by key."""
    meshes = [turned_mesh(at=place) for place in TWO]
    return dict(make_triplets(skin_photo(450), tools_for(size=size, mesh=meshes, faces="all", **kwargs), "x"))


def test_all_faces_of_a_whole_photo_wear_masks_in_one_image():
    samples = two_faces(0, per_face=2)
    assert list(samples) == ["x-f0-m0", "x-f0-m1"]
    for triplet in samples.values():
        assert [face.face.box[0] < 200 for face in triplet.faces] == [True, False]
        for place in TWO:
            assert triplet.parts[int(place[1]) + 65, int(place[0])] == 3  # the mouth


def test_each_face_has_a_crop_in_which_its_neighbour_also_wears_a_mask():
    samples = two_faces(256, masks="surgical,cloth,n95")
    assert list(samples) == ["x-f0-m0", "x-f1-m0"]
    first, second = (triplet.faces for triplet in samples.values())
    assert [face.mask for face in first] == [face.mask for face in second[::-1]]
    for triplet in samples.values():
        own, other = triplet.faces
        assert abs(np.mean(own.face.box[::2]) - 127.5) < 10
        beyond = int(own.face.box[2]) + 8 if other.face.box[0] > own.face.box[0] else int(own.face.box[0]) - 8
        columns = slice(beyond, None) if beyond > 128 else slice(None, beyond)
        assert (triplet.parts[:, columns] == 3).any()


def test_only_the_largest_face_is_the_main_face():
    assert [triplet.main for triplet in two_faces(256).values()] == [True, False]
    assert [triplet.main for triplet in two_faces(0).values()] == [True]


def test_a_crop_of_another_face_is_not_main_even_if_it_comes_first():
    largest = turned_mesh(yaw=89, at=TWO[0])  # too far in profile for a mask
    tools = tools_for(size=256, mesh=[largest, turned_mesh(at=TWO[1])], faces="all")
    ((key, triplet),) = make_triplets(skin_photo(450), tools, "x")
    assert (key, triplet.main) == ("x-f0-m0", False)


def test_the_map_of_several_masks_is_where_the_images_differ():
    for size in (0, 256):
        for triplet in two_faces(size, masks="bandana,n95").values():
            differs = (triplet.masked != triplet.gt).any(-1)
            assert not (differs & (triplet.map == 0)).any()
            assert (~differs & (triplet.map > 0)).sum() <= 0.01 * triplet.map.sum()
            assert ((triplet.parts > 0) == (triplet.map > 0)).all()


def test_with_one_face_chosen_its_neighbour_stays_bare():
    meshes = [turned_mesh(at=place) for place in TWO]
    ((_, triplet),) = make_triplets(skin_photo(450), tools_for(mesh=meshes), "x")
    assert [face.mask.is_bare for face in triplet.faces] == [False, True]
    assert [face.face.box[0] < 200 for face in triplet.faces] == [True, False]
    assert triplet.parts[235, 300] == 0


def test_a_face_that_was_drawn_bare_is_labelled_so_and_left_as_it_is():
    triplet = one(masks="bare")
    (worn,) = triplet.faces
    assert worn.mask == BARE == WornMask("bare", "", "", 0.0, "")
    assert triplet.is_bare
    assert triplet.hole_share == 0
    assert not triplet.parts.any()
    assert (triplet.masked == triplet.gt).all()


@pytest.mark.parametrize("options", [{"masks": "surgical:1, bare:3"}, {"masks": "surgical", "share": 0.25}])
def test_a_share_of_the_faces_stays_bare(options):
    bare = [
        triplet.is_bare for _, triplet in make_triplets(skin_photo(), tools_for(per_face=200, **options), "x")
    ]
    assert 0.65 < np.mean(bare) < 0.85


def test_all_faces_wear_masks_by_default_and_none_at_a_share_of_0():
    assert not one().is_bare
    assert one(share=0.0).is_bare


def test_a_bare_face_among_masked_ones_is_listed_at_its_place():
    spec, found = "surgical, bare", set()
    for seed in range(12):
        (triplet,) = two_faces(0, masks=spec, seed=seed).values()
        assert [face.face.box[0] < 200 for face in triplet.faces] == [True, False]
        bare = tuple(face.mask.is_bare for face in triplet.faces)
        for place, no_mask in zip(TWO, bare, strict=True):
            assert (triplet.parts[int(place[1]) + 65, int(place[0])] == 3) != no_mask
        found.add(bare)
    assert found == {(False, False), (False, True), (True, False), (True, True)}


def test_a_face_too_small_or_turned_too_far_for_a_mask_is_listed_as_bare():
    small = turned_mesh(at=TWO[1]) * [0.1, 0.1, 0.1] + [280, 150, 0]
    for other in (small, turned_mesh(yaw=89, at=TWO[1])):
        tools = tools_for(mesh=[turned_mesh(at=TWO[0]), other], faces="all")
        ((_, triplet),) = make_triplets(skin_photo(450), tools, "x")
        assert [face.mask.is_bare for face in triplet.faces] == [False, True]
        assert triplet.faces[1].face.box == pytest.approx(face_from(other).box)


def test_a_bare_neighbour_outside_the_crop_is_not_listed():
    meshes = [turned_mesh(at=(150.0, 150.0)), turned_mesh(at=(750.0, 150.0))]
    ((_, near),) = make_triplets(skin_photo(900), tools_for(mesh=meshes, size=256), "x")
    ((_, whole),) = make_triplets(skin_photo(900), tools_for(mesh=meshes), "x")
    assert (len(near.faces), len(whole.faces)) == (1, 2)


def test_bare_faces_of_a_crop_lie_in_its_pixels():
    meshes = [turned_mesh(at=place) for place in TWO]
    ((_, triplet),) = make_triplets(skin_photo(450), tools_for(mesh=meshes, size=128), "x")
    own, other = (face.face for face in triplet.faces)
    eyes = own.mesh[33, 0] - own.mesh[263, 0], other.mesh[33, 0] - other.mesh[263, 0]
    assert eyes[0] == pytest.approx(eyes[1], rel=0.02)
    assert other.box[0] - own.box[0] == pytest.approx(other.mesh[1, 0] - own.mesh[1, 0], rel=0.02)


@pytest.mark.parametrize(("spec", "shown"), [("cloth-plain-black", 1), ("surgical-plain-blue", 0)])
def test_cloth_in_a_pure_colour_shows_its_folds(spec, shown):
    triplet = one(masks=spec)
    levels = triplet.masked[triplet.parts == 3][:, shown]
    assert 15 < np.median(levels) < 60
    assert np.ptp(np.percentile(levels, [5, 95])) >= 8


def test_a_flat_block_keeps_a_pure_colour():
    triplet = one(masks="rectangle-black")
    assert (triplet.masked[triplet.map > 0] == 0).all()


def test_colours_of_the_built_in_families_are_those_of_cloth_already():
    for family in built_in().families:
        look = built_in().template(family).look
        darkest = min(min(tint_of(colour, 1.0)) for colour in look.colours)
        assert look.flat or darkest > DARKEST
