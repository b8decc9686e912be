from dataclasses import replace

import numpy as np

from maskgen.rendering.triplet import make_triplets
from tests.helpers.worn_masks import skin_photo, turned_mesh
from tests.maskgen.rendering.test_triplet import tools_for


def masked_after(paint, masks="urethane-#f0f0f0"):
    """Makes a triplet from a plain face on which `paint` has drawn."""
    photo = skin_photo()
    pixels = photo.pixels.copy()
    paint(pixels)
    ((_, triplet),) = make_triplets(replace(photo, pixels=pixels), tools_for(masks), "x")
    return triplet


def dark_hair(pixels):
    pixels[:, :76] = 12


def test_dark_hair_over_the_cheek_stays_in_front():
    bare, hair = masked_after(lambda pixels: None), masked_after(dark_hair)
    left = (slice(None), slice(0, 74))
    assert (bare.parts[left] == 3).sum() > 150
    assert (hair.parts[left] == 3).sum() < 0.6 * (bare.parts[left] == 3).sum()
    assert (hair.masked[hair.map == 0] == hair.gt[hair.map == 0]).all()


def test_hair_does_not_hide_a_mask_wound_round_the_head():
    bare, hair = (
        masked_after(lambda pixels: None, "gaiter-#f0f0f0"),
        masked_after(dark_hair, "gaiter-#f0f0f0"),
    )
    assert (hair.parts == 3).sum() > 0.97 * (bare.parts == 3).sum()


def test_the_mouth_stays_covered_even_if_it_is_dark():
    triplet = masked_after(lambda pixels: pixels.__setitem__((slice(150, 256), slice(90, 166)), 5))
    for point in (0, 17, 61, 291):
        x, y = turned_mesh()[point, :2].astype(int)
        assert triplet.parts[y, x] == 3


def test_a_dark_rim_along_the_upper_edge_stays_in_front():
    mesh = turned_mesh()
    x, y = mesh[[117, 118, 119], :2].mean(0).astype(int)

    def rim(pixels):
        pixels[y - 40 : y + 40, x - 12 : x + 12] = 8

    bare, framed = masked_after(lambda pixels: None), masked_after(rim)
    assert (framed.parts == 3).sum() < (bare.parts == 3).sum() - 20
    assert np.isfinite(framed.hole_share)


def test_on_a_face_too_dark_to_detect_hair_nothing_is_cut_out():
    def shaded(pixels):
        pixels[:] = 40
        pixels[:, :76] = 6

    parts = masked_after(shaded).parts
    left, right = (parts[:, :74] == 3).sum(), (parts[:, 256 - 74 :] == 3).sum()
    assert left > 0.8 * right
