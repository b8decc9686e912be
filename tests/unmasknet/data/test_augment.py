"""Augmentation changes photo, truth and map in the same way; the fast decoder equals the general one."""

import cv2
import numpy as np
import pytest

from maskgen.dataset import shards
from maskgen.errors import InputError
from maskgen.images import codecs
from maskgen.settings import ShardSettings
from tests.helpers.small_images import drawn_parts, drawn_photo, drawn_triplet
from unmasknet.data.augment import Views, augment, fit_sample
from unmasknet.data.decode import decode_sample
from unmasknet.settings import AugmentSettings, GanSettings, SegmSettings

SIDE = 64
STILL = AugmentSettings(flip=0, rotate=0, zoom=0, shift=0, colour=0)


def sample(height: int = SIDE, width: int = SIDE) -> Views:
    """Makes a white mask with a grey shadow on a dark photo, so that the map follows from the image."""
    side = min(height, width)
    parts = np.zeros((height, width), np.uint8)
    parts[:side, :side] = drawn_parts(side)
    gt = np.full((height, width, 3), 20, np.uint8)
    masked = np.where(parts[:, :, None] > 0, 255, gt).astype(np.uint8)
    return Views(masked, gt, (parts > 0).astype(np.uint8), parts)


def changed(
    seed: int, chosen: AugmentSettings, kind: type = GanSettings, views: Views | None = None
) -> Views:
    return augment(views or sample(), kind(augment=chosen), np.random.default_rng(seed))


@pytest.mark.parametrize("seed", range(8))
def test_map_and_parts_move_with_the_images(seed):
    views = changed(seed, AugmentSettings(rotate=30, zoom=0.3, shift=0.1, colour=0, flip=0.5))
    bright = views.masked[:, :, 0] > 137
    assert np.count_nonzero(bright != (views.parts > 0)) < 40, "but for edges"
    assert not (bright & (views.map == 0)).any(), "nothing of the mask lies outside the map"
    assert np.count_nonzero(views.map) < 1.4 * np.count_nonzero(bright)
    assert set(np.unique(views.parts)) <= {0, 1, 2, 3}


def test_colours_change_equally_in_photo_and_truth():
    photo = drawn_photo(3)
    views = changed(5, STILL.model_copy(update={"colour": 1.0}), views=Views(photo, photo.copy(), *planes()))
    assert np.array_equal(views.masked, views.gt)
    assert not np.array_equal(views.gt, photo)


def planes() -> tuple[np.ndarray, np.ndarray]:
    parts = drawn_parts(SIDE)
    return (parts > 0).astype(np.uint8), parts


def test_with_all_settings_0_the_segmenters_sample_is_unchanged():
    views = sample()
    after = changed(0, STILL, SegmSettings, views)
    for name in ("masked", "gt", "map", "parts"):
        assert np.array_equal(getattr(views, name), getattr(after, name))


def test_the_generators_photo_is_restored_outside_the_true_map_even_if_the_map_is_shrunk():
    views = sample()
    noisy = Views(views.masked ^ 1, views.gt, views.map, views.parts)
    sizes = set()
    for seed in range(12):
        after = changed(seed, STILL.model_copy(update={"map_jitter": 16}), views=noisy)
        assert np.array_equal(after.masked[views.map == 0], views.gt[views.map == 0])
        assert np.array_equal(after.masked[views.map == 1], noisy.masked[views.map == 1])
        sizes.add(int(np.sign(int(after.map.sum()) - int(views.map.sum()))))
        assert after.map.any()
    assert sizes >= {-1, 1}, "grown and shrunk"


def test_a_random_jpeg_of_the_whole_image_reaches_every_block():
    photo = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3)).astype(np.uint8)
    after = changed(1, STILL.model_copy(update={"jpeg": 1.0}), SegmSettings, Views(photo, photo, *planes()))
    blocks = (after.masked != photo).reshape(8, 8, 8, 8, 3).any(axis=(1, 3, 4))
    assert blocks.all()


def test_an_occluder_in_front_of_the_face_is_not_in_the_map():
    hidden = 0
    for seed in range(20):
        views = changed(seed, STILL.model_copy(update={"occlude": 1.0}), SegmSettings)
        covered = (sample().parts > 0) & (views.parts == 0)
        assert not views.map[covered].any()
        hidden += int(covered.sum())
    assert hidden


def test_noise_and_blur_depend_only_on_the_samples_generator():
    chosen = STILL.model_copy(update={"noise": 1.0, "blur": 1.0})
    first, again, other = (changed(seed, chosen, SegmSettings).masked for seed in (3, 3, 4))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_resizing_keeps_touched_pixels_hidden_and_parts_distinct():
    small = fit_sample(sample(256, 256), 64, "resize", None)
    assert small.masked.shape == (64, 64, 3)
    assert not ((small.masked[:, :, 0] > 21) & (small.map == 0)).any()
    assert abs(int((small.parts == 3).sum()) - int((sample(256, 256).parts == 3).sum()) / 16) < 70


def test_a_wide_sample_is_cut_around_its_hole_and_its_labels_move_along():
    views = sample(64, 200)
    labels = {
        "faces": [{"box": [8.0, 8.0, 40.0, 60.0], "landmarks": [[20.0, 30.0]], "scheme": "x"}],
        "source": "a",
    }
    cut = fit_sample(views, 64, "resize", None)
    assert cut.map.sum() == views.map.sum(), "all of the hole is kept"
    assert cut.moved(labels)["faces"][0]["landmarks"] == [[20.0, 30.0]]
    moved = Views(*(np.roll(x, 100, axis=1) for x in (views.masked, views.gt, views.map, views.parts)))
    box = fit_sample(moved, 64, "resize", None).moved(labels)["faces"][0]["box"]
    assert box[2] - box[0] == 32
    assert box[0] < -80, "100 pixels to the left of where the cut begins"


@pytest.mark.parametrize(("height", "width"), [(40, 100), (100, 40), (40, 40), (300, 200)])
def test_cropping_gives_the_requested_size_and_no_hole_in_mirrored_borders(height, width):
    views = sample(height, width)
    cut = fit_sample(views, 64, "crop", np.random.default_rng(0))
    assert cut.masked.shape == (64, 64, 3)
    assert cut.map.sum() <= views.map.sum()


@pytest.mark.parametrize("encoding", ["jpg", "png", "webp"])
@pytest.mark.parametrize("side", [64, 71])
def test_the_fast_decoder_equals_the_general_one(encoding, side):
    photo = cv2.resize(drawn_photo(1), (side, side))
    triplet = drawn_triplet(1, photo)
    members = shards.encode(triplet, shards.Origin("a", "", "train", ""), ShardSettings(format=encoding))
    safe, short = shards.decode(members), decode_sample(members)
    for name in ("masked", "gt", "map", "parts"):
        assert np.array_equal(safe[name], getattr(short, name))


def encoded() -> dict[str, bytes]:
    return shards.encode(drawn_triplet(1), shards.Origin("a", "", "train", ""), ShardSettings())


def test_only_requested_members_are_decoded():
    members = encoded()
    short = decode_sample(members, ("masked", "map"))
    assert short.gt is short.masked
    assert not short.parts.any()


@pytest.mark.parametrize("name", ["gt.jpg", "masked.jpg", "map.png", "parts.png"])
@pytest.mark.parametrize("damage", ["missing", "cut", "rubbish"])
def test_broken_members_are_refused(name, damage):
    members = encoded()
    if damage == "missing":
        del members[name]
    else:
        members[name] = members[name][: len(members[name]) // 2] if damage == "cut" else b"rubbish"
    with pytest.raises(InputError):
        decode_sample(members)


def test_images_of_different_sizes_are_refused():
    members = encoded() | {"gt.jpg": codecs.encode_jpeg(drawn_photo(1, 72), 95)}
    with pytest.raises(InputError, match="different sizes"):
        decode_sample(members)


def test_planes_and_jpegs_of_other_programs_are_decoded_too():
    members = encoded()
    plane = codecs.decode_map(members["map.png"]) * 255
    other = cv2.imencode(".png", plane)[1].tobytes()
    photo = cv2.imencode(".jpg", drawn_photo(1)[:, :, ::-1], [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])[1].tobytes()
    short = decode_sample(members | {"map.png": other, "gt.jpg": photo})
    assert np.array_equal(short.map, plane > 0)
    assert np.abs(short.gt.astype(int) - drawn_photo(1)).mean() < 3
