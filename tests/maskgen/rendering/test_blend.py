import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from maskgen.rendering.blend import FAINT
from maskgen.rendering.blend import blend as blend_into


def layers(seed, alpha=None, shade=1.0):
    """Draws a photo and a random layer; returns the arguments of `blend`."""
    rng = np.random.default_rng(seed)
    photo = rng.integers(0, 256, (24, 20, 3), dtype=np.uint8)
    opacity = rng.random((24, 20)) if alpha is None else np.full((24, 20), alpha)
    colour = rng.integers(0, 256, (24, 20, 3))
    layer = np.dstack([colour * opacity[..., None], 255 * opacity]).round().astype(np.uint8)
    nothing = np.zeros((24, 20), np.uint8)
    return photo, layer, nothing, np.full((24, 20), round(255 * shade), np.uint8), np.ones((24, 20), np.uint8)


def blend(photo, layer, strap, shade, inside):
    """Blends copies; returns the masked photo, its map and its parts."""
    masked, map, parts = photo.copy(), np.zeros_like(inside), np.zeros_like(inside)
    blend_into(layer, strap, shade, inside, (0, 0), masked, map, parts)
    return masked, map, parts


def test_empty_layer_leaves_the_photo_unchanged():
    photo, layer, strap, shade, inside = layers(0, alpha=0.0)
    masked, map, parts = blend(photo, layer, strap, shade, inside)
    assert (masked == photo).all()
    assert map.sum() == 0
    assert parts.sum() == 0


def test_opaque_layer_replaces_the_photo():
    photo, layer, strap, shade, inside = layers(1, alpha=1.0)
    masked, map, parts = blend(photo, layer, strap, shade, inside)
    touched = map > 0
    assert (masked[touched] == layer[..., :3][touched]).all()
    assert (parts[touched] == 3).all()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**31), st.floats(0.3, 1.0))
def test_images_differ_only_where_the_map_is_one(seed, shade):
    photo, layer, strap, shadow, inside = layers(seed, shade=shade)
    inside[:5] = 0
    masked, map, parts = blend(photo, layer, strap, shadow, inside)
    differs = (masked != photo).any(-1)
    assert not (differs & (map == 0)).any()
    assert (~differs & (map > 0)).sum() <= 0.01 * map.sum()
    assert ((parts > 0) == (map > 0)).all()
    assert map[:5].sum() == 0


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**31))
def test_no_soft_edge_pixel_is_brighter_than_both_layers(seed):
    photo, layer, strap, shade, inside = layers(seed)
    masked, _, _ = blend(photo, layer, strap, shade, inside)
    own = layer[..., :3] * (255 / np.maximum(layer[..., 3:], 1.0))
    assert (masked <= np.maximum(photo, own) + 1.5).all()  # two roundings
    assert (masked >= np.minimum(photo, own) - 1.5).all()


def test_a_change_too_faint_to_see_is_discarded():
    photo = np.full((24, 20, 3), 100, np.uint8)
    _, layer, strap, _, inside = layers(0, alpha=0.0)
    faint = np.full((24, 20), round(255 * (1 - (FAINT - 1) / 100)), np.uint8)
    masked, map, _ = blend(photo, layer, strap, faint, inside)
    assert map.sum() == 0
    assert (masked == photo).all()


def test_shadow_strap_and_mask_have_different_part_labels():
    photo, layer, strap, shade, inside = layers(3, alpha=0.0)
    photo[:] = 200
    shade[:8] = 153
    layer[8:16] = (10, 10, 10, 255)
    strap[8:16] = 255
    layer[16:] = (20, 20, 20, 255)
    _, _, parts = blend(photo, layer, strap, shade, inside)
    assert (parts[:8] == 1).all()
    assert (parts[8:16] == 2).all()
    assert (parts[16:] == 3).all()


def test_a_mask_of_the_photos_own_colour_leaves_no_pinholes_in_the_map():
    photo, layer, strap, shade, inside = layers(4, alpha=1.0)
    photo[10, 10] = layer[10, 10, :3]
    _, map, parts = blend(photo, layer, strap, shade, inside)
    assert map[10, 10] == 1
    assert parts[10, 10] == 3
