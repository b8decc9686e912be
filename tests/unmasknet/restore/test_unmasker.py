"""`Unmasker` on one photo: which pixels change, what is reported, and that all other pixels stay."""

import inspect

import numpy as np
import pytest
from PIL import Image

import unmasknet
from maskgen.errors import InputError, UnmaskError, UsageError
from tests.helpers.restoring import FILL, ToyNetworks, draw_photo, face_at, fixed_detector
from unmasknet.restore.unmasker import MASK, RIM, Unmasker, as_picture


def unmask(photo, *faces, networks=None, **options):
    return Unmasker(networks or ToyNetworks(), fixed_detector(*faces))(photo, **options)


def test_the_public_name_is_the_class():
    assert unmasknet.Unmasker is Unmasker


def test_a_mask_is_replaced_and_all_other_pixels_stay():
    photo = draw_photo(240, 200, (100, 120, 160))
    restored = unmask(photo, face_at(100, 120, 160))
    assert restored.said == "1 face restored"
    assert np.array_equal(restored.picture[restored.map == 0], photo[restored.map == 0])
    blue = (photo == (0, 0, 255)).all(-1)
    assert (restored.map[blue] == MASK).mean() > 0.94  # its corners are rounded
    assert np.abs(restored.picture[blue].astype(float) - FILL).mean() < 6
    assert set(np.unique(restored.map)) == {0, RIM, MASK}


def test_a_bare_face_is_unchanged():
    photo = draw_photo(240, 200)
    restored = unmask(photo, face_at(100, 120, 160))
    assert np.array_equal(restored.picture, photo)
    assert not restored.changed
    assert not restored.map.any()
    assert "no mask" in restored.said


def test_a_photo_without_a_face_is_unchanged():
    photo = draw_photo(100, 100)
    restored = unmask(photo)
    assert np.array_equal(restored.picture, photo)
    assert "no face" in restored.said


def test_every_face_is_restored_without_a_gap_between_touching_masks():
    photo = draw_photo(300, 400, (120, 150, 160), (180, 150, 160))
    restored = unmask(photo, face_at(120, 150, 160), face_at(180, 150, 160))
    assert restored.said == "2 faces restored"
    assert np.abs(restored.picture[158:190, 100:200].astype(float) - FILL).max() < 25


def test_a_face_at_the_edge_is_restored():
    photo = draw_photo(200, 200, (10, 150, 160))
    restored = unmask(photo, face_at(10, 150, 160))
    blue = (photo == (0, 0, 255)).all(-1)
    assert np.abs(restored.picture[blue].astype(float) - FILL).mean() < 10


def test_a_given_map_needs_no_segmenter():
    photo = draw_photo(240, 200)
    map = np.zeros((240, 200), np.uint8)
    map[120:170, 70:130] = 255
    networks = ToyNetworks(segmenter_side=None)
    restored = unmask(photo, face_at(100, 120, 160), networks=networks, map=map)
    assert np.array_equal(restored.map == MASK, map > 0)
    with pytest.raises(UsageError, match="--map"):
        unmask(photo, face_at(100, 120, 160), networks=networks)
    with pytest.raises(InputError, match="240"):
        unmask(photo, face_at(100, 120, 160), map=map[:100])


@pytest.mark.parametrize("tone", [(0, 0, 0), (14, 2, -16)])
def test_only_in_a_toned_photo_the_face_gets_the_photos_tone(tone):
    grey = np.broadcast_to(np.linspace(60, 190, 240)[:, None, None], (240, 200, 1))
    photo, map = (grey + np.array(tone)).astype(np.uint8), np.zeros((240, 200), np.uint8)
    map[125:165, 75:125] = 1
    laid = unmask(photo, face_at(100, 120, 160), map=map).picture[map > 0].astype(float)
    assert np.abs(laid - laid.mean(1, keepdims=True) - tone).max() < 3
    photo[90:110, 60:140, 0] += 40
    laid = unmask(photo, face_at(100, 120, 160), map=map).picture[map > 0].astype(float)
    assert np.abs((laid - laid.mean(1, keepdims=True)) - (np.array(FILL) - np.mean(FILL))).max() < 3


def test_without_a_generator_only_the_map_is_made():
    photo = draw_photo(240, 200, (100, 120, 160))
    restored = unmask(photo, face_at(100, 120, 160), networks=ToyNetworks(generator_side=None))
    assert np.array_equal(restored.picture, photo)
    assert set(np.unique(restored.map)) == {0, MASK}


def test_samples_agree_outside_the_map():
    photo = draw_photo(240, 200, (100, 120, 160))
    restored = unmask(photo, face_at(100, 120, 160), samples=3)
    assert len(restored.alternatives) == 3
    assert restored.alternatives[0] is restored.picture
    assert not restored.disagreement[restored.map == 0].any()


def test_the_same_photo_and_seed_give_the_same_results():
    photo = draw_photo(240, 200, (100, 120, 160))
    one, other = (unmask(photo, face_at(100, 120, 160), samples=2, seed=5) for _ in range(2))
    assert np.array_equal(one.alternatives, other.alternatives)


def test_a_photo_may_be_a_file_or_a_pillow_image(tmp_path):
    photo = draw_photo(240, 200, (100, 120, 160))
    Image.fromarray(photo).save(tmp_path / "a.png")
    faces = [face_at(100, 120, 160)]
    expected = unmask(photo, *faces).picture
    assert np.array_equal(unmask(tmp_path / "a.png", *faces).picture, expected)
    assert np.array_equal(unmask(Image.fromarray(photo), *faces).picture, expected)


def test_a_given_map_is_used_where_no_face_was_found():
    photo = draw_photo(240, 200)
    map = np.zeros((240, 200), np.uint8)
    map[120:170, 70:130] = 1
    restored = unmask(photo, map=map)
    assert restored.said == "1 face restored"
    assert np.abs(restored.picture[125:165, 75:125] - np.float32(FILL)).mean() < 6
    map[:] = 0
    map[5:8, 5:8] = 1
    assert not unmask(photo, map=map).changed


def test_a_small_mask_inside_a_large_faces_window_is_replaced_too():
    big, small = (400, 400, 700), (180, 180, 80)
    restored = unmask(draw_photo(800, 800, big, small), face_at(*big), face_at(*small))
    assert np.abs(restored.picture[183:203, 166:194] - np.float32(FILL)).mean() < 6


def test_another_face_nearby_does_not_change_a_seam():
    one, two = (150, 150, 160), (230, 150, 160)  # the masks do not overlap, the windows do
    alone = unmask(draw_photo(300, 420, one), face_at(*one)).picture
    beside = unmask(draw_photo(300, 420, one), face_at(*one), face_at(*two)).picture
    assert np.array_equal(alone, beside)
    both = unmask(draw_photo(300, 420, one, two), face_at(*one), face_at(*two)).picture
    assert np.array_equal(alone[:, :190], both[:, :190])


@pytest.mark.parametrize("mode", ["LA", "RGBA", "I;16", "P", "CMYK"])
def test_a_pillow_image_of_any_mode_gives_the_pixels_of_its_file(mode, tmp_path):
    ramp = np.linspace(0, 255, 48 * 40).reshape(40, 48).astype(np.uint8)
    if mode == "I;16":
        image = Image.fromarray(ramp.astype(np.uint16) * 256)
    else:
        image = Image.merge("RGBA", [Image.fromarray(ramp)] * 4)
        image = image.convert("RGB" if mode in ("P", "CMYK") else "RGBA").convert(mode)
    file = tmp_path / ("a.tif" if mode == "CMYK" else "a.png")
    image.save(file)
    assert np.array_equal(as_picture(image), as_picture(file))


def test_a_missing_photo_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match=r"a\.jpg: cannot be read"):
        as_picture(tmp_path / "a.jpg")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"samples": 0}, "samples=0"),
        ({"seed": -1}, "seed=-1"),
        ({"map": np.zeros((240, 200, 3), np.uint8)}, r"map: got ndarray of shape \(240, 200, 3\)"),
        ({"map": "map.png"}, r"map: got str of shape \(\)"),
        ({"map": np.zeros((20, 30), np.uint8)}, "map: got 30 x 20 pixels, the photo has 200 x 240"),
    ],
)
def test_an_unusable_argument_is_named_with_its_value(options, message):
    unmasker = Unmasker(ToyNetworks(), fixed_detector(face_at(100, 120, 160)))
    call = inspect.unwrap(type(unmasker).__call__)  # without the type checks of the tests
    with pytest.raises(UnmaskError, match=message):
        call(unmasker, draw_photo(240, 200, (100, 120, 160)), **options)


def test_maps_of_other_types_and_pillow_images_are_taken(tmp_path):
    photo = draw_photo(240, 200, (100, 120, 160))
    map = np.zeros((240, 200), np.uint8)
    map[130:170, 70:130] = 1
    unmasker = Unmasker(ToyNetworks(), fixed_detector(face_at(100, 120, 160)))
    call = inspect.unwrap(type(unmasker).__call__)
    wanted = call(unmasker, photo, map=map).picture
    for same in (map > 0, map * 255, map.astype(float), Image.fromarray(map * 255)):
        assert np.array_equal(call(unmasker, photo, map=same).picture, wanted)
