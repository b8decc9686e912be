"""Masks on crops aligned by ArcFace's template, whose lower edge cuts the chin."""

from dataclasses import replace

import numpy as np
import pytest

from maskgen.faces.align import crop_matrix
from maskgen.faces.landmarks.topology import CHIN
from maskgen.images.resample import warp
from maskgen.rendering.triplet import build_tools, make_triplets, set_stage, wear_mask
from maskgen.settings import CropSettings, FaceSettings, GenSettings, MaskSettings
from maskgen.types import Photo, PhotoRef, Triplet
from tests.helpers.faces import astronaut, detector

AROUND = 64  # pixels around the crop, in which a whole mask has room


def tools(size, masks, wear="correct"):
    settings = GenSettings(
        faces=FaceSettings(cache="off"),
        crop=CropSettings(size=size, align="arcface" if size else "ffhq", border="constant"),
        masks=MaskSettings(masks=masks, wear=wear),
    )
    return build_tools(settings)


@pytest.mark.parametrize("wear", ["correct", "nose", "below-mouth"])
@pytest.mark.parametrize("masks", ["surgical", "bandana", "n95", "none"])
def test_a_mask_is_cut_where_the_crop_ends_and_is_the_same_above(masks, wear):
    face = detector().detect(astronaut())[0]
    matrix = crop_matrix(face, 112, "arcface")
    assert face.moved(matrix).mesh[CHIN, 1] > 112  # the chin is below the crop
    cut = wear_mask(set_stage(astronaut(), face, tools(112, masks, wear)), tools(112, masks, wear), 5)
    wider = matrix + np.array([[0, 0, AROUND], [0, 0, AROUND]], np.float32)
    room = warp(astronaut(), wider, 112 + 2 * AROUND, "constant", fine=True)
    whole = wear_mask(set_stage(room, face.moved(wider), tools(0, masks, wear)), tools(0, masks, wear), 5)
    assert isinstance(cut, Triplet)
    assert isinstance(whole, Triplet)
    window = whole.map[AROUND:-AROUND, AROUND:-AROUND]
    assert np.count_nonzero(whole.map) > 1.05 * np.count_nonzero(window)  # the crop does cut the mask
    assert cut.map[-1].any()
    assert np.count_nonzero(window & cut.map) > 0.97 * np.count_nonzero(window | cut.map)
    inner = np.count_nonzero(cut.map)
    assert cut.hole_share == pytest.approx(inner / cut.map.size)
    assert np.array_equal((cut.masked != cut.gt).any(-1) & (cut.map == 0), np.zeros_like(cut.map, bool))


def test_nothing_is_drawn_outside_the_photo_and_the_outside_is_black():
    photo = astronaut()[40:150]  # cut below the nose
    face = detector().detect(astronaut())[0]
    lifted = face.moved(np.array([[1, 0, 0], [0, 1, -40]], np.float32))
    triplet = wear_mask(set_stage(photo, lifted, tools(112, "surgical")), tools(112, "surgical"), 1)
    assert isinstance(triplet, Triplet)
    x, y = np.meshgrid(np.arange(112), np.arange(112))
    back = np.linalg.inv(np.vstack([crop_matrix(lifted, 112, "arcface"), [0, 0, 1]]))
    rows = (np.stack([x, y, np.ones_like(x)], -1) @ back.T)[..., 1]
    outside = rows > 110
    assert outside.mean() > 0.1
    assert not triplet.map[outside].any()
    assert not triplet.masked[outside].any()
    assert triplet.valid < 0.9


def test_labels_move_with_the_crop():
    made = make_triplets(Photo(PhotoRef("a"), astronaut(), ""), tools(112, "surgical"), "a")
    face = detector().detect(astronaut())[0]
    expected = face.moved(crop_matrix(face, 112, "arcface"))
    assert np.allclose(made[0][1].faces[0].face.landmarks, expected.landmarks, atol=1e-3)
    assert np.allclose(made[0][1].faces[0].face.box, expected.box, atol=1e-2)


def test_a_crop_twice_as_large_shows_the_same_face_and_mask():
    small, large = (
        make_triplets(Photo(PhotoRef("a"), astronaut(), ""), tools(size, "surgical"), "a")[0][1]
        for size in (112, 224)
    )
    assert replace(small, seed=0).hole_share == pytest.approx(large.hole_share, rel=0.03)
    halved = large.gt.reshape(112, 2, 112, 2, 3).mean((1, 3))
    assert np.abs(halved - small.gt).mean() < 3
